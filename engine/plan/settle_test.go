package plan

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// A shouting system keeps text in capitals.
type shouting struct{ connectors.Resolver }

func (shouting) Same(_, _ string, want, have any) bool {
	w, okWant := want.(string)
	h, okHave := have.(string)
	return okWant && okHave && strings.EqualFold(w, h) || want == have
}

func (shouting) Throttled() time.Time { return time.Time{} }

func (shouting) Read(context.Context, connectors.Ref) (connectors.Record, error) {
	return connectors.Record{}, nil
}

// TestSettleTable goes through the protocol's table of evidence, row by row.
// An intent wrote "new" over "old", which the record had in version 5.
func TestSettleTable(t *testing.T) {
	const stamp = "ls-ours"
	of := testDigest.Of
	before := links.Agreement{From: of("old"), Have: of("old"), Expr: "e"}
	agreedNew := links.Agreement{From: of("new"), Have: of("new"), Expr: "e"}
	for _, test := range []struct {
		row     string
		stamp   string // in the record
		version string
		now     any
		wants   any // the source by now; nil: what was sent
		want    links.Agreement
		note    string
	}{
		{row: "our stamp, the value sent", stamp: stamp, version: "6", now: "new", want: agreedNew},
		{row: "our stamp, the value as the system made it", stamp: stamp, version: "6", now: "NEW", want: links.Agreement{From: of("new"), Have: of("NEW"), Expr: "e"}},
		{row: "our stamp, another value: a later edit", stamp: stamp, version: "7", now: "typed", want: agreedNew},
		{row: "our stamp, the value from before: a later edit", stamp: stamp, version: "7", now: "old", want: agreedNew},
		{row: "our stamp, the source has moved on", stamp: stamp, version: "6", now: "NEW", wants: "newer", want: agreedNew},
		{row: "another stamp", stamp: "ls-other", version: "7", now: "typed", want: before},
		{row: "another stamp, the value sent", stamp: "ls-other", version: "7", now: "new", want: before},
		{row: "no stamp, the version that was read", version: "5", now: "old", want: before},
		{row: "no stamp, the value sent", version: "6", now: "new", want: agreedNew},
		{row: "no stamp, the value from before, another version", version: "6", now: "old", want: before, note: "unclear"},
		{row: "no stamp, another value: the later edit", version: "7", now: "typed", want: agreedNew, note: "unclear"},
	} {
		for _, of := range []links.Side{links.Target, links.Source} {
			t.Run(test.row+"/"+string(of), func(t *testing.T) {
				name := links.Outbound("title")
				if of == links.Source {
					name = links.Inbound("title")
				}
				agreed := map[string]links.Agreement{name: before}
				intent := &links.Intent{ID: stamp, Side: string(of), ReadVersion: "5", Fields: map[string]links.Sent{
					name: {From: testDigest.Of("new"), Sent: testDigest.Of("new"), Was: testDigest.Of("old"), Expr: "e"},
				}}
				wants := test.wants
				if wants == nil {
					wants = "new"
				}
				known := map[string]Mapping{name: {Name: name, Field: "title", Path: []string{"title"}, Want: wants, Send: wants, Ready: true}}
				e := &Endpoint{System: shouting{}, Record: connectors.Record{Stamp: test.stamp, Version: test.version, Fields: map[string]any{"title": test.now}}}
				_, notes := SettleFields(intent, e, known, agreed, testDigest)
				if diff := cmp.Diff(test.want, agreed[name]); diff != "" {
					t.Errorf("agreement (-want +got):\n%s", diff)
				}
				note := ""
				if len(notes) > 0 {
					note = notes[0].What
				}
				if note != test.note {
					t.Errorf("note %q, want %q", note, test.note)
				}
			})
		}
	}
}
