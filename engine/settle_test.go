package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
)

// TestSettleTable goes through the protocol's table of evidence, row by row.
// An intent wrote "new" over "old", which the ticket had in version 5.
func TestSettleTable(t *testing.T) {
	const stamp = "ls-ours"
	agreedNew := Agreement{From: testDigest.of("new"), Have: testDigest.of("new"), Expr: "e"}
	before := Agreement{From: testDigest.of("old"), Have: testDigest.of("old"), Expr: "e"}
	for _, test := range []struct {
		row     string
		stamp   string // in the ticket
		version string
		now     any
		want    Agreement
		note    string
	}{
		{row: "our stamp, the value sent", stamp: stamp, version: "6", now: "new", want: agreedNew},
		{
			row: "our stamp, the value as the system made it", stamp: stamp, version: "6", now: "New",
			want: Agreement{From: agreedNew.From, Have: testDigest.of("New"), Expr: "e"},
		},
		{row: "our stamp, the value from before: a later edit", stamp: stamp, version: "7", now: "old", want: agreedNew},
		{row: "another stamp", stamp: "ls-other", version: "7", now: "typed", want: before},
		{row: "another stamp, the value sent", stamp: "ls-other", version: "7", now: "new", want: before},
		{row: "no stamp, the version that was read", version: "5", now: "old", want: before},
		{row: "no stamp, the value sent", version: "6", now: "new", want: agreedNew},
		{row: "no stamp, the value from before, another version", version: "6", now: "old", want: before, note: "unclear"},
		{row: "no stamp, another value: the later edit", version: "7", now: "typed", want: agreedNew, note: "unclear"},
	} {
		t.Run(test.row, func(t *testing.T) {
			w := &work{engine: &Engine{digest: testDigest}}
			link := &Link{
				Fields: map[string]Agreement{"out:title": before},
				Intent: &Intent{ID: stamp, Side: "target", ReadVersion: "5", Fields: map[string]Sent{
					"out:title": {From: testDigest.of("new"), Sent: testDigest.of("new"), Was: testDigest.of("old"), Expr: "e"},
				}},
			}
			notes := w.settle(link, connectors.Record{Stamp: test.stamp, Version: test.version, Fields: map[string]any{"title": test.now}})
			if diff := cmp.Diff(test.want, link.Fields["out:title"]); diff != "" {
				t.Errorf("agreement (-want +got):\n%s", diff)
			}
			if link.Intent != nil {
				t.Error("the intent is still there")
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
