package reconcile

import (
	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// listTransfers are all that the link's template carries, and the ticket itself.
func (w transfers) listTransfers(s *sending) []transfer {
	var all []transfer
	add := func(h transfer, ok bool) {
		if ok {
			all = append(all, h)
		}
	}
	t := s.Template
	add(w.commentTransfer(s, links.CommentsOutbound, links.Target, t.Comments.Outbound))
	add(w.commentTransfer(s, links.CommentsInbound, links.Source, t.Comments.Inbound))
	add(w.fileTransfer(s, links.FilesOutbound, links.Target, t.Files.Outbound))
	add(w.fileTransfer(s, links.FilesInbound, links.Source, t.Files.Inbound))
	add(w.ticketTransfer(s))
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

// mayTransfer reports whether a new ticket may have items at once: what the source
// holds already, or the ticket itself.
func (w transfers) mayTransfer(t *rules.Template, ticket connectors.Record) bool {
	source := w.config.Breakers[w.source.Connector]
	linker, shows := source.Connector.(connectors.WebLinker)
	return len(t.Comments.Outbound) > 0 || len(t.Files.Outbound) > 0 ||
		shows && ticket.URL != "" && linker.TakesLink(w.source.Record, ticketLink(ticket))
}
