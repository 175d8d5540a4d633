package conformance

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// strangers: what is answered to nobody, or by a page to log in, is a failure of
// every call. Nothing is gone, no list is empty, nothing was written, and no
// refusal of a record stands in a dead letter.
func (s System) strangers(t *testing.T) {
	for name, kind := range map[string]simulator.FaultKind{
		"credentials not taken": simulator.Anonymous, "a log-in page": simulator.LoginPage, "a redirect to log in": simulator.LoginRedirect,
	} {
		for what, call := range calls() {
			t.Run(name+"/"+what, func(t *testing.T) {
				s.on(t, func(b *bench) {
					fields := b.resolved(map[string]any{b.Text: "after"})
					record := b.read()
					b.Endpoint.Inject(simulator.Fault{Kind: kind})
					err := call(b, record, fields)
					if kind != simulator.Anonymous && !strings.Contains(err.Error(), "log-in page") {
						b.Errorf("it is not said to be a log-in page: %v", err)
					}
					switch class := b.class(err); class {
					case connectors.ClassUnauthorised, connectors.ClassUnclear, connectors.ClassRetry:
						if kind == simulator.Anonymous && class != connectors.ClassUnauthorised {
							b.Errorf("class %s: %v", class, err)
						}
					default:
						b.Errorf("class %s: %v", class, err)
					}
				})
			})
		}
	}
}

// calls are what the engine asks of a connector, each failing as the connector
// does.
func calls() map[string]func(b *bench, record connectors.Record, fields map[string]any) error {
	const key = "lockstep-0123456789abcdef0123456789abcdef"
	return map[string]func(b *bench, record connectors.Record, fields map[string]any) error{
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
			_, err := commenter.Comment(b.Context(), connectors.Post{Record: record, Kind: b.Comment[0], Marker: "m", Text: "said"})
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
		"history": func(b *bench, record connectors.Record, _ map[string]any) error {
			historian, ok := b.Connector.(connectors.Historian)
			if !ok {
				b.Skip("it keeps no history")
			}
			_, err := historian.History(b.Context(), record, time.Now().Add(-time.Hour))
			return err
		},
	}
}
