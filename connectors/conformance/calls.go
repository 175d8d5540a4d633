package conformance

import (
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A call is one thing that the engine asks of a connector. It fails as the
// connector does.
type call struct {
	writes bool
	ofList bool // it is about no one record, or about what hangs on one
	ask    func(b *bench, record connectors.Record, fields map[string]any) error
}

// prepared are what the calls need, and a fresh log of requests.
func (b *bench) prepared() (fields map[string]any, record connectors.Record) {
	b.Helper()
	fields, record = b.resolved(map[string]any{b.Text: "after"}), b.read()
	if b.Create != nil {
		b.Create = b.resolved(b.Create)
	}
	b.Endpoint.ResetRequests()
	return fields, record
}

// calls are all that the engine asks.
func calls() map[string]call {
	const key = "lockstep-0123456789abcdef0123456789abcdef"
	all := map[string]call{}
	for name, ask := range map[string]func(b *bench, record connectors.Record, fields map[string]any) error{
		"read": func(b *bench, record connectors.Record, _ map[string]any) error {
			_, err := b.Connector.Read(b.Context(), record.Ref)
			return err
		},
		"find": func(b *bench, record connectors.Record, _ map[string]any) error {
			target, ok := b.Connector.(connectors.Target)
			if !ok || b.Create == nil {
				b.Skip("nothing is created there")
			}
			_, err := target.FindByKey(b.Context(), record.Ref.Collection, key)
			return err
		},
		"create": func(b *bench, record connectors.Record, _ map[string]any) error {
			target, ok := b.Connector.(connectors.Target)
			if !ok || b.Create == nil {
				b.Skip("nothing is created there")
			}
			_, err := target.Create(b.Context(), connectors.Draft{Collection: record.Ref.Collection, Key: key, Stamp: "ls-1", Fields: b.Create})
			return err
		},
		"update": func(b *bench, record connectors.Record, fields map[string]any) error {
			_, err := b.writer().Update(b.Context(), connectors.Change{Ref: record.Ref, Stamp: "ls-2", Fields: fields})
			return err
		},
		"poll": func(b *bench, record connectors.Record, _ map[string]any) error {
			poller, ok := b.Connector.(connectors.PollBeginner)
			if !ok {
				b.Skip("it is not polled")
			}
			_, _, err := poller.PollSince(b.Context(), record.Ref.Collection, time.Now().Add(-time.Hour))
			return err
		},
		"comments": func(b *bench, record connectors.Record, _ map[string]any) error {
			commenter, ok := b.Connector.(connectors.Commenter)
			if !ok || len(b.Comment) == 0 {
				b.Skip("nothing is said there")
			}
			_, err := commenter.Comments(b.Context(), record, time.Time{})
			return err
		},
		"comment": func(b *bench, record connectors.Record, _ map[string]any) error {
			commenter, ok := b.Connector.(connectors.Commenter)
			if !ok || len(b.Comment) == 0 {
				b.Skip("nothing is said there")
			}
			_, err := commenter.Comment(b.Context(), connectors.NewComment{Record: record, Kind: b.Comment[0], Marker: "m", Text: "said"})
			return err
		},
		"files": func(b *bench, record connectors.Record, _ map[string]any) error {
			reader, ok := b.Connector.(connectors.FileReader)
			if !ok {
				b.Skip("no files are read there")
			}
			_, err := reader.Files(b.Context(), record)
			return err
		},
		"find by name": func(b *bench, record connectors.Record, _ map[string]any) error {
			finder, ok := b.Connector.(connectors.NameFinder)
			if !ok || b.Unnumbered {
				b.Skip("its records have no names")
			}
			found, err := finder.FindByName(b.Context(), record.Number, []connectors.Collection{record.Ref.Collection})
			if err == nil && len(found) == 0 {
				return connectors.NotFound("find by name", record.Ref, "nothing has that name")
			}
			return err
		},
		"history": func(b *bench, record connectors.Record, _ map[string]any) error {
			reader, ok := b.Connector.(connectors.HistoryReader)
			if !ok || b.Forgets {
				b.Skip("it keeps no history")
			}
			_, err := reader.History(b.Context(), record, time.Now().Add(-time.Hour))
			return err
		},
	} {
		all[name] = call{
			writes: name == "create" || name == "update" || name == "comment",
			ofList: name != "read" && name != "update" && name != "comment", ask: ask,
		}
	}
	return all
}
