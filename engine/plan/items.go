package plan

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// What the journal says of items that are not carried, beside links.ItemSeen.
const (
	noteDuplicate       = "duplicate" // of an item two copies are found
	noteConditionFailed = "condition_failed"
	fileTooLarge        = "file_too_large"
	fileOtherType       = "file_of_another_type"
)

// items adds to a plan what is new of all transfers. The plan's link is changed.
func (o *Observation) items(p *Plan, needs *Needs) {
	wanted := transfersOf(o)
	maps.DeleteFunc(p.Link.Items, func(name string, _ *links.Items) bool {
		return !slices.ContainsFunc(wanted, func(t transfer) bool { return t.name == name })
	})
	p.Recovered = append(p.Recovered, clearChanged(p.Link, itemPairs(o, p.Link, wanted), func(name string) bool { return !strings.HasPrefix(name, links.ItemPrefix) })...)
	for _, t := range wanted {
		if o.Decision != nil && o.Decision.Withheld && t.to == links.Source && t.from != "" {
			continue // how far it has come stays
		}
		if o.Items.postponed[t.name] {
			continue
		}
		c := carrying{o: o, transfer: t, p: p, needs: needs}
		c.plan()
	}
}

// carrying plans one transfer.
type carrying struct {
	transfer
	o     *Observation
	p     *Plan
	needs *Needs
}

// plan adds what is new of the transfer (rule 7.9).
func (c *carrying) plan() {
	all, ok := c.listed()
	if !ok {
		return
	}
	if c.p.Link.ClearRefusal(links.ItemPrefix + c.name) {
		c.p.Recovered = append(c.p.Recovered, c.name)
	}
	known, isKnown := c.p.Link.Items[c.name]
	if c.p.Link.Items == nil {
		c.p.Link.Items = map[string]*links.Items{}
	}
	if known == nil {
		known = &links.Items{}
	}
	if !isKnown && !c.always {
		for _, it := range all {
			known = known.With(it.Key, links.ItemSeen)
		}
		c.keep(known, all)
		return
	}
	send, known, ok := c.choose(all, known)
	if !ok {
		return
	}
	left, known, ok := c.unsent(send, known)
	if !ok {
		return
	}
	if len(left) == 0 {
		c.keep(known, all)
		return
	}
	c.p.Link.Items[c.name] = known
	kind := KindAttach
	if c.from == Comments {
		kind = KindComment
	}
	for _, it := range left {
		c.p.Operations = append(c.p.Operations, Operation{Kind: kind, Side: c.to, Fields: []string{it.ID()}, Item: it})
	}
}

func (c *carrying) keep(known *links.Items, all []*Item) {
	listed := make([]links.Listed, len(all))
	for i, it := range all {
		listed[i] = it.listed()
	}
	c.p.Link.Items[c.name] = known.Compact(listed, c.o.Now)
}

// refuse gives the transfer up until the record's state changes: the rest goes on.
func (c *carrying) refuse(said *connectors.Error) {
	c.p.Refused = true
	c.p.refuse(c.o, links.ItemPrefix+c.name, itemPair(c.o, c.to), Fail("", CodeOf(said, deadletter.ReasonRejected), said.Error()))
}

// list returns a list of the transfer; false: it is not known yet, or may not be read.
func (c *carrying) list(n ListNeed) (List, bool) {
	n.Transfer = c.name
	list, known := c.o.Items.lists[listKey{n.Transfer, n.Copies}]
	switch {
	case !known:
		c.needs.Lists = append(c.needs.Lists, n)
		return List{}, false
	case list.Refused != nil:
		c.refuse(list.Refused)
		return List{}, false
	}
	return list, true
}

// listed returns the items that are there to carry, oldest first.
func (c *carrying) listed() (all []*Item, ok bool) {
	if c.from == "" {
		other := c.o.Endpoints.Of(links.Other(c.to)).Record
		link := pageOf(other)
		return []*Item{{Transfer: c.name, Key: other.Ref.String(), marks: []string{other.URL}, Link: &link}}, true
	}
	n := ListNeed{Side: links.Other(c.to), Kind: c.from}
	if known := c.p.Link.Items[c.name]; known != nil && c.from == Comments {
		n.Since = known.From
	}
	list, ok := c.list(n)
	for _, said := range list.Comments {
		if said.Marker == "" && said.Text != "" { // else a copy of ours, or nothing was said
			all = append(all, c.comment(said))
		}
	}
	for _, f := range list.Files {
		if !f.Ours {
			all = append(all, c.file(f))
		}
	}
	return all, ok
}

func (c *carrying) comment(said connectors.Comment) *Item {
	from, into := c.o.Endpoints.Of(links.Other(c.to)), c.o.Endpoints.Of(c.to)
	marker := c.p.Link.Marker(c.name, said.ID)
	return &Item{Transfer: c.name, Key: said.ID, at: said.At, marks: []string{marker}, Post: &connectors.NewComment{
		Record: into.Record, Marker: marker, Text: said.Text, Author: said.Author, At: said.At, Kind: said.Kind, // of the original, until a clause has taken it
		Origin: strings.TrimSpace(from.Record.Number + " " + kindName(said.Kind)),
	}}
}

// kindName is a kind of comment as people say it: "work_notes" is "work note".
func kindName(kind string) string {
	return strings.TrimSuffix(strings.ReplaceAll(kind, "_", " "), "s")
}

func (c *carrying) file(f connectors.File) *Item {
	it := &Item{Transfer: c.name, Key: f.ID, at: f.At, File: &f, marks: marksOf(f)}
	if c.copies == WebLinks {
		link := fileLink(f, c.o.Endpoints.Of(links.Other(c.to)))
		it.Link, it.marks = &link, []string{f.URL}
	}
	return it
}

// choose takes of what is new what the rules carry. The rest is dealt with.
func (c *carrying) choose(all []*Item, known *links.Items) (send []*Item, after *links.Items, ok bool) {
	ok = true
	for _, it := range all {
		if r, refused := c.p.Link.Refusal(it.refusal()); refused && r.Stands(c.o.Now) || known.Has(it.listed()) {
			continue
		}
		reason, decided := c.drop(it)
		switch {
		case !decided:
			ok = false
		case reason == "":
			send = append(send, it)
		default:
			known = known.With(it.Key, reason)
			if reason != links.ItemSeen {
				c.p.Notes = append(c.p.Notes, Note{Field: c.name, What: reason, Lost: it.File.Name, Side: links.Other(c.to)})
			}
		}
	}
	return send, known, ok
}

// drop says why an item is not carried, empty: it is. decided is false where
// that is not known yet, or the transfer is refused.
func (c *carrying) drop(it *Item) (reason string, decided bool) {
	switch c.from {
	case Comments:
		return c.dropComment(it)
	case Files:
		return c.dropFile(*it.File)
	}
	return "", true
}

func (c *carrying) dropComment(it *Item) (reason string, decided bool) {
	clause, err := rules.MatchComment(c.comments, connectors.Comment{ID: it.Key, Kind: it.Post.Kind, Author: it.Post.Author, Text: it.Post.Text, At: it.at})
	if TooCostly(err) {
		c.refuse(&connectors.Error{Class: connectors.ClassRejected, Op: "list", Record: c.o.Endpoints.Of(links.Other(c.to)).Ref.String(), Code: connectors.CodeTooCostly, Err: err})
		return "", false
	}
	if err != nil {
		c.p.Notes = append(c.p.Notes, Note{Field: c.name, What: noteConditionFailed, Side: links.Other(c.to)})
	}
	if clause == nil {
		return links.ItemSeen, true
	}
	it.Post.Kind = clause.To // "": the record's default
	return "", true
}

// dropFile says why no clause takes a file. What the content shows counts, and
// the name or the sender's word only where it shows nothing.
func (c *carrying) dropFile(f connectors.File) (reason string, decided bool) {
	if !slices.ContainsFunc(c.files, func(clause rules.AttachmentClause) bool { return f.Size <= clause.MaxSize }) {
		return fileTooLarge, true
	}
	media, known := c.o.Items.media[c.name+"/"+f.ID]
	switch {
	case !known:
		c.needs.Media = append(c.needs.Media, MediaNeed{Transfer: c.name, Side: links.Other(c.to), File: f})
		return "", false
	case media.Refused != nil:
		c.refuse(media.Refused)
		return "", false
	}
	is := mediaType(media.Type)
	if is == "" {
		is = mediaType(f.Type)
	}
	reason = fileOtherType
	for _, clause := range c.files {
		matches := slices.ContainsFunc(clause.Types, func(pattern string) bool {
			ok, err := path.Match(pattern, is)
			return ok && err == nil
		})
		if matches && f.Size <= clause.MaxSize {
			return "", true
		}
		if matches {
			reason = fileTooLarge
		}
	}
	return reason, true
}

// mediaType is a media type without its parameters.
func mediaType(s string) string {
	s, _, _ = strings.Cut(s, ";")
	return strings.ToLower(strings.TrimSpace(s))
}

// unsent returns the items whose copy is not found on the other side (rules 7.7 and
// 7.8). One that was sent and is not there was dropped without a word.
func (c *carrying) unsent(send []*Item, known *links.Items) (left []*Item, after *links.Items, ok bool) {
	if len(send) == 0 {
		return nil, known, true
	}
	list, ok := c.list(ListNeed{Copies: true, Side: c.to, Kind: c.copies})
	if !ok {
		return nil, known, false
	}
	copies := list.byMark()
	for _, it := range send {
		found := it.found(copies)
		switch {
		case len(found) > 0:
			known = known.With(it.Key, found[0])
			if len(found) > 1 {
				c.p.Notes = append(c.p.Notes, Note{Field: c.name, What: noteDuplicate, Side: c.to})
			}
		case c.o.Items.sent[it.ID()]:
			c.p.Refused = true
			c.p.refuse(c.o, it.refusal(), itemPair(c.o, c.to), Fail("", deadletter.ReasonDidNotStick,
				fmt.Sprintf("%s answered as if it had taken %s, and does not hold it; a record that is closed drops what is added to it. It is tried again when the state of the record changes", c.o.Endpoints.Of(c.to).Ref, c.name)))
		case c.mayBeThere(it, list):
			c.p.Refused = true
			e := c.o.Endpoints.Of(c.to)
			c.p.refuse(c.o, it.refusal(), itemPair(c.o, c.to), Fail("", deadletter.ReasonUnknownItem,
				fmt.Sprintf("the answer to adding it to %s was lost, and the system shows lockstep's user nothing of what was added there; it is not sent a second time. "+
					"Look for it in %s. If it is there, run: lockstep dead drop; if not: lockstep dead retry. Let lockstep's user read what it adds", e.Ref, cmp.Or(e.Record.URL, e.Record.Number))))
		default:
			left = append(left, it)
		}
	}
	return left, known, true
}

// mayBeThere reports whether an item may be there that is not found: the answer to it
// was lost, its system shows nothing at all, and the record was written since.
func (c *carrying) mayBeThere(it *Item, list List) bool {
	if !list.Blank {
		return false
	}
	intent := c.o.Stored.Intent
	return intent != nil && slices.Contains(intent.Items, it.ID()) && intent.ReadVersion != c.o.Endpoints.Of(c.to).Record.Version
}

// Carried takes note of an item that its system answered. What the answer does
// not tell counts as carried only once it is seen.
// It returns how the dead letter was called that is over with that.
func (o *Observation) Carried(it *Item, posted connectors.CommentReceipt) (recovered []string) {
	if o.Link.ClearRefusal(it.refusal()) { // it was tried again
		recovered = []string{it.ID()}
	}
	o.carried(it, posted)
	return recovered
}

func (o *Observation) carried(it *Item, posted connectors.CommentReceipt) {
	if posted.Version != "" {
		o.Endpoints.Of(it.side()).Record.Version = posted.Version
	}
	if posted.ID == "" && posted.Held {
		posted.ID = itemHeld
	}
	if posted.ID != "" {
		o.Link.Items[it.Transfer] = o.Link.Items[it.Transfer].With(it.Key, posted.ID)
		return
	}
	if o.Items.sent == nil {
		o.Items.sent = map[string]bool{}
	}
	o.Items.sent[it.ID()] = true
	delete(o.Items.lists, listKey{it.Transfer, true}) // it is read again
}

// NotCarried takes note of an item that its system refused.
func (o *Observation) NotCarried(it *Item, said *connectors.Error) []Failure {
	p := Plan{Link: o.Link}
	p.refuse(o, it.refusal(), itemPair(o, it.side()), Refused("", CodeOf(said, deadletter.ReasonRejected), said))
	return p.Failed
}

// side returns the one that the item is carried to.
func (i *Item) side() links.Side {
	switch i.Transfer {
	case links.CommentsOutbound, links.FilesOutbound, links.SourceLink:
		return links.Target
	}
	return links.Source
}

// itemPair returns what a refused item waits for to change: the state of the record
// that refused it.
func itemPair(o *Observation, to links.Side) string {
	e, state := o.Endpoints.Of(to), ""
	if e.Schema != nil && e.Schema.State != nil {
		state = RawState(e.Record, e.Schema.State.Field)
	}
	return o.Digest.Of(state)
}

// itemPairs returns the pairs of the items that were refused, as they are now.
func itemPairs(o *Observation, link *links.Link, all []transfer) map[string]string {
	pairs := map[string]string{}
	for _, t := range all {
		name := links.ItemPrefix + t.name
		for _, r := range link.Refused {
			if r.What == name || strings.HasPrefix(r.What, name+"/") {
				pairs[r.What] = itemPair(o, t.to)
			}
			if r.Code == deadletter.ReasonUnknownItem { // no change tells whether it is there
				pairs[r.What] = r.Pair
			}
		}
	}
	return pairs
}
