package engine

import (
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// hauls are all that the link's template carries, and the ticket itself.
func (w transfers) hauls(s *sending) []haul {
	var all []haul
	add := func(h haul, ok bool) {
		if ok {
			all = append(all, h)
		}
	}
	t := s.Template
	add(w.commentHaul(s, links.CommentsOutbound, links.Target, t.Comments.Outbound))
	add(w.commentHaul(s, links.CommentsInbound, links.Source, t.Comments.Inbound))
	add(w.fileHaul(s, links.FilesOutbound, links.Target, t.Files.Outbound))
	add(w.fileHaul(s, links.FilesInbound, links.Source, t.Files.Inbound))
	add(w.ticketHaul(s))
	s.Transfers = map[string]links.Side{}
	for _, h := range all {
		s.Transfers[h.name] = h.to
	}
	return all
}

// newItems are the items of a new ticket: everything that the other side holds
// is new to it.
func newItems(t *rules.Template) map[string]*links.Items {
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

// carries reports whether a new ticket may have items at once: what the source
// holds already, or the ticket itself.
func (w transfers) carries(t *rules.Template, ticket connectors.Record) bool {
	source := w.config.guards[w.source.Connector]
	linker, shows := source.Connector.(connectors.WebLinker)
	return len(t.Comments.Outbound) > 0 || len(t.Files.Outbound) > 0 ||
		shows && ticket.URL != "" && linker.TakesLink(w.source.Record, ticketLink(ticket))
}

// polledItems are the record types whose items are to be polled for, by
// connector.
func polledItems(set *rules.Set) map[itemPlace][]string {
	wanted := map[itemPlace][]string{}
	add := func(n int, c connectors.Collection, items connectors.Items) {
		place := itemPlace{c.Type, c.Connector, items}
		if n > 0 && !slices.Contains(wanted[place], c.Record) {
			wanted[place] = append(wanted[place], c.Record)
		}
	}
	for _, r := range set.Routes {
		for _, t := range templatesOf(r) {
			add(len(t.Comments.Inbound), t.Target, connectors.CommentItems)
			add(len(t.Comments.Outbound), r.Source, connectors.CommentItems)
			add(len(t.Files.Inbound), t.Target, connectors.AttachmentItems)
			add(len(t.Files.Outbound), r.Source, connectors.AttachmentItems)
		}
	}
	for _, records := range wanted {
		slices.Sort(records)
	}
	return wanted
}

// An itemPlace is where items are polled for.
type itemPlace struct {
	kind, connector string
	items           connectors.Items
}
