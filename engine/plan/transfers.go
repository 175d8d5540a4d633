package plan

import (
	"fmt"
	"maps"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// itemHeld stands for the id of a copy whose system does not tell it.
const itemHeld = "held"

// ItemLinked stands for the id of a link, which has none.
const ItemLinked = "linked"

// An Item is one thing to carry to the other side.
type Item struct {
	Transfer string
	Key      string
	Post     *connectors.NewComment // a comment
	File     *connectors.File       // a file, to be attached as one
	Link     *connectors.WebLink    // a file or the ticket, to be shown as a link

	at    time.Time
	marks []string // by which its copies are known, one is enough
}

// ID names the item in an intent.
func (i *Item) ID() string { return i.Transfer + "/" + i.Key }

func (i *Item) listed() links.Listed { return links.Listed{Key: i.Key, At: i.at} }

// refusal returns what the item is called among the refusals of a link.
func (i *Item) refusal() string { return links.ItemPrefix + i.ID() }

// An ItemKind is what a listing lists.
type ItemKind string

// The kinds of items.
const (
	Comments ItemKind = "comments"
	Files    ItemKind = "files"
	WebLinks ItemKind = "links"
)

// A ListNeed asks for what hangs on one side: what a transfer carries from
// there, or, with Copies, what it has carried there.
type ListNeed struct {
	Transfer string
	Copies   bool
	Side     links.Side
	Kind     ItemKind
	Since    time.Time // comments made since then; zero: all
}

// A List is what hangs on a record.
type List struct {
	Comments []connectors.Comment
	Files    []connectors.File
	Links    []string
	Copies   map[string][]string // of comments, by marker, where the system finds them by itself
	Blank    bool                // nothing at all is shown: there may be some all the same
	Refused  *connectors.Error   // it may not be read
}

// A MediaNeed asks what a file is, by its content.
type MediaNeed struct {
	Transfer string
	Side     links.Side
	File     connectors.File
}

// Media is the type of a file's content, empty where the content does not show
// it.
type Media struct {
	Type    string
	Refused *connectors.Error // it may not be read
}

// Items is what is known of the comments and files of both sides.
type Items struct {
	lists map[listKey]List
	media map[string]Media // by transfer and file
	sent  map[string]bool  // by item: it was sent, and the answer does not tell whether it is there
	// postponed are the transfers of which something could not be read this time.
	postponed map[string]bool
}

// Postpone leaves a transfer as far as it has come: the others, and the fields, go on.
func (i *Items) Postpone(transfer string) {
	if i.postponed == nil {
		i.postponed = map[string]bool{}
	}
	i.postponed[transfer] = true
}

type listKey struct {
	transfer string
	copies   bool
}

// SetList adds what hangs on a side.
func (i *Items) SetList(n ListNeed, as List) {
	if i.lists == nil {
		i.lists = map[listKey]List{}
	}
	i.lists[listKey{n.Transfer, n.Copies}] = as
}

// SetMedia adds what a file is.
func (i *Items) SetMedia(n MediaNeed, as Media) {
	if i.media == nil {
		i.media = map[string]Media{}
	}
	i.media[n.Transfer+"/"+n.File.ID] = as
}

// A transfer carries one kind of item in one direction, each once.
type transfer struct {
	name   string // in the link, and in the journal: "comments.inbound"
	to     links.Side
	from   ItemKind // what it lists; empty: nothing, it carries the page of the other record
	copies ItemKind // what its copies are
	always bool     // also what was there before the link knew of this transfer

	comments []rules.CommentClause
	files    []rules.AttachmentClause
}

// transfersOf returns all that the link's template carries, and each side's own page.
func transfersOf(o *Observation) []transfer {
	t := o.Template
	var all []transfer
	for _, way := range []struct {
		name    string
		to      links.Side
		clauses []rules.CommentClause
	}{
		{links.CommentsOutbound, links.Target, t.Comments.Outbound},
		{links.CommentsInbound, links.Source, t.Comments.Inbound},
	} {
		from, into := o.Endpoints.Of(links.Other(way.to)), o.Endpoints.Of(way.to)
		if len(way.clauses) > 0 && from.Takes.Comments && into.Takes.Comments && len(into.commentKinds()) > 0 {
			all = append(all, transfer{name: way.name, to: way.to, from: Comments, copies: Comments, comments: way.clauses})
		}
	}
	for _, way := range []struct {
		name    string
		to      links.Side
		clauses []rules.AttachmentClause
	}{
		{links.FilesOutbound, links.Target, t.Files.Outbound},
		{links.FilesInbound, links.Source, t.Files.Inbound},
	} {
		from, into := o.Endpoints.Of(links.Other(way.to)), o.Endpoints.Of(way.to)
		if _, reads := from.System.(connectors.FileReader); len(way.clauses) == 0 || !reads {
			continue
		}
		switch {
		case into.Takes.Files:
			all = append(all, transfer{name: way.name, to: way.to, from: Files, copies: Files, files: way.clauses})
		case into.takesLink(fileLink(connectors.File{}, from)):
			all = append(all, transfer{name: way.name, to: way.to, from: Files, copies: WebLinks, files: way.clauses})
		}
	}
	if o.Endpoints.Source.shows(o.Endpoints.Target.Record) {
		all = append(all, transfer{name: links.TicketLink, to: links.Source, copies: WebLinks, always: true})
	}
	if o.Endpoints.Target.shows(o.Endpoints.Source.Record) {
		all = append(all, transfer{name: links.SourceLink, to: links.Target, copies: WebLinks, always: true})
	}
	return all
}

// shows reports whether the record of this side can show the page of the other's.
func (e *Endpoint) shows(other connectors.Record) bool {
	return other.URL != "" && e.takesLink(pageOf(other))
}

func (e *Endpoint) commentKinds() []string {
	if e.Schema == nil {
		return nil
	}
	return e.Schema.CommentKinds
}

func (e *Endpoint) takesLink(link connectors.WebLink) bool {
	linker, shows := e.System.(connectors.WebLinkReader)
	return shows && linker.TakesLink(e.Ref.Record, link)
}

func fileLink(f connectors.File, from *Endpoint) connectors.WebLink {
	return connectors.WebLink{URL: f.URL, Title: f.Name, System: from.Ref.Type}
}

// pageOf is the page of a record, for the one on the other side of its link.
func pageOf(r connectors.Record) connectors.WebLink {
	title := r.Number
	if title == "" {
		title = r.Ref.ID
	}
	return connectors.WebLink{URL: r.URL, Title: title, System: r.Ref.Type, Ticket: true}
}

// NewItems returns the items of a new ticket: everything that the other side holds
// is new to it.
func NewItems(t *rules.Template) map[string]*links.Items {
	items := map[string]*links.Items{}
	for name, n := range map[string]int{
		links.CommentsInbound: len(t.Comments.Inbound), links.CommentsOutbound: len(t.Comments.Outbound),
		links.FilesInbound: len(t.Files.Inbound), links.FilesOutbound: len(t.Files.Outbound),
	} {
		if n > 0 {
			items[name] = &links.Items{}
		}
	}
	return items
}

// marksOf returns the marks by which the copy of a file is known: its content, else
// its name and size.
func marksOf(f connectors.File) []string {
	sized := fmt.Sprintf("%s/%d", f.Name, f.Size)
	if f.Hash == "" {
		return []string{sized}
	}
	return []string{f.Hash, sized}
}

// byMark returns the ids of copies by their marks.
func (l List) byMark() map[string][]string {
	copies := maps.Clone(l.Copies)
	if copies == nil {
		copies = map[string][]string{}
	}
	for _, said := range l.Comments {
		if said.Marker != "" {
			copies[said.Marker] = append(copies[said.Marker], said.ID)
		}
	}
	for _, f := range l.Files {
		for _, mark := range marksOf(f) {
			if f.Ours || mark == f.Hash { // somebody may have carried it by hand
				copies[mark] = append(copies[mark], f.ID)
			}
		}
	}
	for _, url := range l.Links {
		copies[url] = append(copies[url], ItemLinked)
	}
	return copies
}

// found returns the copies of an item.
func (i *Item) found(copies map[string][]string) []string {
	for _, mark := range i.marks {
		if ids := copies[mark]; len(ids) > 0 {
			return ids
		}
	}
	return nil
}
