package plan

import (
	"slices"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// newOpening is a record of which nothing is known yet, that gets a ticket.
func newOpening() *Opening {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	source := connectors.Collection{Type: "fake", Connector: "acme", Record: "incident"}.Ref("01A")
	template := &rules.Template{Name: "t", Target: connectors.Collection{Type: "fake", Connector: "itsm", Record: "ticket"}}
	template.Lifecycle.ParentWait = 10 * time.Minute
	return &Opening{
		Route: &rules.Route{Name: "r", Source: source.Collection, Create: true, Templates: []*rules.Template{template}},
		Set:   &rules.Set{Templates: map[string]*rules.Template{"t": template}}, LinkID: links.ID("r", source, 1), N: 1,
		Now: now, Digest: links.NewDigester([]byte("a key for tests")), Decide: func(rules.Input) rules.Decision { return rules.Decision{} },
		Source: Endpoint{Ref: source, Record: connectors.Record{Ref: source, Version: "7"}}, Target: Endpoint{Ref: connectors.Ref{Collection: template.Target}},
	}
}

func (o *Opening) read() *Opening { o.SourceStatus = Found; return o }

func (o *Opening) decided(action rules.Action) *Opening {
	o.Decision = &rules.Decision{Template: "t", Target: o.Route.Templates[0].Target, Action: action, Values: []rules.Value{{Field: "title", Value: "Down", Expr: "e"}}}
	return o
}

func (o *Opening) resolved() *Opening {
	for _, v := range o.Decision.Values {
		o.Resolutions.Set(links.Target, v, o.Digest, Resolution{Value: v.Value})
	}
	return o
}

func (o *Opening) claimed() *Opening {
	p, _ := o.read().decided(rules.Create).resolved().Plan()
	o.Suppose(p)
	return o
}

// earlier makes the claim one of an owner that is gone.
func (o *Opening) earlier() *Opening {
	o.claimed()
	o.Claimed, o.Decision, o.SourceStatus = false, nil, Found
	return o
}

func ticketOf(o *Opening, id string, foreign bool) connectors.Record {
	return connectors.Record{Ref: o.Target.Ref.Ref(id), Foreign: foreign, CreatedBy: "somebody", Fields: map[string]any{"title": "Down"}}
}

// TestOpeningStepByStep: what is asked for, and what is done, at each point of the
// way to a ticket.
func TestOpeningStepByStep(t *testing.T) {
	for name, test := range map[string]struct {
		o     func() *Opening
		needs string
		kind  Kind
		check func(Operation) bool
	}{
		"nothing is known":        {o: newOpening, needs: "read"},
		"it is read":              {o: func() *Opening { return newOpening().read() }, needs: "decision"},
		"decided in this version": {o: func() *Opening { o := newOpening().read(); o.Before.Version = "7"; return o }, kind: KindNone},
		"private, and was public": {o: func() *Opening {
			o := newOpening().read()
			o.Source.Record.Private = true
			o.Before.Version = "6"
			return o
		}, kind: KindTell},
		"no ticket":                {o: func() *Opening { return newOpening().read().decided(rules.None) }, kind: KindNone, check: func(op Operation) bool { return op.Remember != nil && op.Remember.Version == "7" }},
		"values are not resolved":  {o: func() *Opening { return newOpening().read().decided(rules.Create) }, needs: "resolve"},
		"a ticket is to be opened": {o: func() *Opening { return newOpening().read().decided(rules.Create).resolved() }, kind: KindClaim, check: func(op Operation) bool { return op.Link.Phase == links.Claim && len(op.Link.Opened.Fields) == 1 }},
		"it is claimed":            {o: func() *Opening { return newOpening().claimed() }, needs: "tickets"},
		"its key is nowhere":       {o: func() *Opening { o := newOpening().claimed(); o.Tickets = &Tickets{}; return o }, kind: KindCreate, check: func(op Operation) bool { return op.Draft.Key != "" && op.Draft.Fields["title"] == "Down" }},
		"its key is nowhere, and it is private": {o: func() *Opening {
			o := newOpening()
			o.Route.Private, o.Source.Record.Private = true, true
			o.claimed()
			o.Tickets = &Tickets{}
			return o
		}, kind: KindCreate, check: func(op Operation) bool { return op.Draft.Private }},
		"its key is in our ticket": {o: func() *Opening {
			o := newOpening().claimed()
			o.Tickets = &Tickets{Own: []connectors.Record{ticketOf(o, "1", false)}}
			return o
		}, kind: KindAdopt},
		"its key is in somebody's": {o: func() *Opening {
			o := newOpening().claimed()
			o.Tickets = &Tickets{Taken: []connectors.Record{ticketOf(o, "1", true)}}
			return o
		}, kind: KindGiveUp, check: func(op Operation) bool { return op.Failed[0].Reason == deadletter.ReasonKeyTaken && op.Unclaim }},
		"an earlier claim":            {o: func() *Opening { return newOpening().earlier() }, needs: "tickets"},
		"an earlier claim, under way": {o: func() *Opening { o := newOpening().earlier(); o.Tickets, o.Left = &Tickets{}, time.Minute; return o }, kind: KindWait, check: func(op Operation) bool { return op.Retry }},
		"an earlier claim, taken key": {o: func() *Opening {
			o := newOpening().earlier()
			o.Tickets, o.Left = &Tickets{Taken: []connectors.Record{ticketOf(o, "1", true)}}, time.Minute
			return o
		}, kind: KindWait},
		"an earlier claim, over": {o: func() *Opening { o := newOpening().earlier(); o.Tickets = &Tickets{}; return o }, needs: "decision"},
		"an earlier claim, found": {o: func() *Opening {
			o := newOpening().earlier()
			o.Tickets, o.Left = &Tickets{Own: []connectors.Record{ticketOf(o, "1", false)}}, time.Minute
			return o
		}, kind: KindAdopt},
		"an earlier claim, none wanted": {o: func() *Opening { o := newOpening().earlier().decided(rules.None); o.Tickets = &Tickets{}; return o }, kind: KindNone, check: func(op Operation) bool { return op.Unclaim }},
		"an earlier claim, private":     {o: func() *Opening { o := newOpening().earlier(); o.Source.Record.Private = true; return o }, kind: KindStop, check: func(op Operation) bool { return op.Link.Opened.Fields == nil && op.Link.Opened.Into != "" }},
	} {
		t.Run(name, func(t *testing.T) {
			o := test.o()
			p, needs := o.Plan()
			asked := ""
			switch {
			case needs.Read != "":
				asked = "read"
			case needs.Decision:
				asked = "decision"
			case needs.Tickets:
				asked = "tickets"
			case len(needs.Resolve) > 0:
				asked = "resolve"
			}
			if asked != test.needs {
				t.Fatalf("it asks for %q, want %q", asked, test.needs)
			}
			if test.needs != "" {
				return
			}
			if len(p.Operations) != 1 || p.Operations[0].Kind != test.kind {
				t.Fatalf("operations %+v, want %s", p.Operations, test.kind)
			}
			if test.check != nil && !test.check(p.Operations[0]) {
				t.Errorf("operation %+v", p.Operations[0])
			}
			if p.Again != slices.Contains([]Kind{KindTell, KindClaim}, test.kind) {
				t.Errorf("again %t", p.Again)
			}
		})
	}
}

// TestOpeningWaitsForItsParent while the parent may still get a ticket, no longer
// than its template says.
func TestOpeningWaitsForItsParent(t *testing.T) {
	for name, test := range map[string]struct {
		waited time.Duration
		may    Answer
		want   Kind
		again  time.Duration
	}{
		"from now on":          {may: Yes, want: KindWait, again: firstParentPause},
		"for a while":          {waited: 10 * time.Second, may: Yes, want: KindWait, again: 10 * time.Second},
		"for a long time":      {waited: 9 * time.Minute, may: Yes, want: KindWait, again: longestParentPause},
		"for long enough":      {waited: 10 * time.Minute, may: Yes, want: KindClaim},
		"the parent gets none": {may: No, want: KindClaim},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOpening().read().decided(rules.Create).resolved()
			o.Decision.AwaitsParent = true
			if test.waited > 0 {
				o.Before.Waiting = o.Now.Add(-test.waited)
			} else if _, needs := o.Plan(); !needs.ParentTicket {
				t.Fatalf("it needs %+v", needs)
			}
			o.ParentTicket = test.may
			p, _ := o.Plan()
			if op := p.Operations[0]; op.Kind != test.want || op.Kind == KindWait && op.Until != o.Now.Add(test.again) {
				t.Errorf("operation %+v, want %s until %v", op, test.want, o.Now.Add(test.again))
			}
		})
	}
}
