package plan

import (
	"context"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
)

// A remembering system tells the history of its records.
type remembering struct{ shouting }

func (remembering) History(context.Context, connectors.Record, time.Time) ([]connectors.FieldChange, error) {
	return nil, nil
}

// TestWhatProvesThatARequestTookEffect: its stamp, or that the last change of all
// that it carried is ours; not that the value is what was sent.
func TestWhatProvesThatARequestTookEffect(t *testing.T) {
	const stamp = "ls-ours"
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ours := connectors.FieldChange{Field: "title", New: "new", At: at, Ours: true}
	theirs := connectors.FieldChange{Field: "title", New: "new", At: at.Add(time.Second), By: "somebody"}
	for name, test := range map[string]struct {
		stamp    string
		version  string
		now      any
		remember bool
		history  []connectors.FieldChange
		asks     bool
		want     bool
	}{
		"our stamp":                              {stamp: stamp, version: "6", now: "new", want: true},
		"our stamp, and a later edit":            {stamp: stamp, version: "7", now: "typed", want: true},
		"another stamp, the value sent":          {stamp: "ls-other", version: "6", now: "new"},
		"no stamp, the value sent":               {version: "6", now: "new"},
		"a history that was not read":            {version: "6", now: "new", remember: true, asks: true},
		"the last change is ours":                {version: "6", now: "new", remember: true, history: []connectors.FieldChange{ours}, want: true},
		"the last change is somebody's":          {version: "6", now: "new", remember: true, history: []connectors.FieldChange{ours, theirs}},
		"no change is known":                     {version: "6", now: "new", remember: true, history: []connectors.FieldChange{}},
		"ours, and another value stands there":   {version: "7", now: "typed", remember: true, history: []connectors.FieldChange{ours}},
		"ours of before, in the version we read": {version: "5", now: "new", remember: true, history: []connectors.FieldChange{ours}},
	} {
		t.Run(name, func(t *testing.T) {
			o := &Observation{Digest: testDigest, Left: time.Minute, Link: &links.Link{Intent: &links.Intent{
				ID: stamp, Side: string(links.Target), ReadVersion: "5",
				Fields: map[string]links.Sent{links.Outbound("title"): {From: testDigest.Of("new"), Sent: testDigest.Of("new"), Was: testDigest.Of("old")}},
			}}}
			o.Endpoints.Target = Endpoint{System: shouting{}, Record: connectors.Record{Stamp: test.stamp, Version: test.version, Fields: map[string]any{"title": test.now}}}
			if test.remember {
				o.Endpoints.Target.System = remembering{}
			}
			if test.history != nil {
				o.SetHistories(map[links.Side][]connectors.FieldChange{links.Target: test.history})
			}
			done, needs := o.tookEffect()
			if done != test.want || needs.Histories != test.asks {
				t.Errorf("took effect %t, needs the history %t; want %t and %t", done, needs.Histories, test.want, test.asks)
			}
		})
	}
}
