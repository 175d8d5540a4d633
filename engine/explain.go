package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// ErrNeedsRecord is for events that hold only an id, on a route that would
// have to know more.
var ErrNeedsRecord = errors.New("the event of a private record holds only its id; give the record itself, as the API returns it")

// Explain decides a record, as its system's API gives it, on every one of the
// routes whose source it can be of. It asks no system. parent finds what a
// record belongs to; nil: to the rules there is none. With an error, there may
// be decisions on other routes than the one that it is of.
func Explain(set *rules.Set, routes []*rules.Route, body []byte, parent func(connectors.Record) *rules.Parent) ([]rules.Decision, error) {
	decisions := []rules.Decision{}
	var refused []string
	var needs error
	for _, route := range routes {
		record, err := set.Connectors[route.Source.Connector].Decode(route.Source, body)
		if err != nil {
			if reason := fmt.Sprintf("not of %s: %s", route.Source, err); !slices.Contains(refused, reason) {
				refused = append(refused, reason)
			}
			continue
		}
		if route.Private && record.Private && record.Fields == nil {
			needs = fmt.Errorf("route %s: %w", route.Name, ErrNeedsRecord)
			continue
		}
		in := rules.Input{Record: record, LinkID: links.ID(route.Name, record.Ref, 1)}
		if links.IsKey(record.Key) || record.Own { // for what, the record does not say
			in.Ancestors = set.Openers(record.Ref.Collection)
		}
		if parent != nil {
			in.Parent = parent(record)
		}
		d := set.Decide(route.Name, in)
		refuse(set, &d)
		decisions = append(decisions, d)
	}
	if len(decisions) == 0 && needs == nil {
		return nil, errors.New(strings.Join(refused, "\n"))
	}
	return decisions, needs
}

// refuse makes a decision one to do nothing where a value of it fails, or is one that
// its system refuses without being asked: no ticket would be opened with it.
func refuse(set *rules.Set, d *rules.Decision) {
	if d.Action == rules.None {
		return
	}
	system := set.Connectors[d.Target.Connector].System
	give := func(field string, reason error) {
		d.Action, d.Reason = rules.None, field+": "+strings.Join(strings.Fields(reason.Error()), " ")
	}
	written := map[string]any{}
	for _, v := range d.Values {
		err := v.Err
		written[v.Field] = v.Value
		if err == nil && v.Value != nil {
			_, err = resolve.Offline(system, d.Target.Record, v.Field, v.Value, func(connectors.Lookup) (any, error) { return nil, nil })
		}
		if err != nil {
			give(v.Field, err)
			return
		}
	}
	schema, ok := system.Schema(d.Target.Record)
	if !ok || d.Action != rules.Create {
		return
	}
	if missing := schema.Missing(written, nil, true); len(missing) > 0 {
		give(missing[0], errors.New("it cannot be empty"))
	}
}

// ExplainNow decides a record, as its system gives it now, on those of the routes whose
// source it is of. What the daemon knows of it (its link, its parent and that one's
// tickets) counts on its routes; of routes that it does not have, nothing is linked yet.
func ExplainNow(set *rules.Set, routes []*rules.Route, record RecordView) ([]rules.Decision, error) {
	decisions := []rules.Decision{}
	for _, route := range routes {
		if route.Source != record.Record.Collection {
			continue
		}
		snapshot, own := record.Inputs[route.Name]
		for _, name := range slices.Sorted(maps.Keys(record.Inputs)) {
			if snapshot == nil {
				snapshot = record.Inputs[name]
			}
		}
		in, ok := snapshot.Input()
		if !ok {
			return nil, fmt.Errorf("the daemon is of another version, and tells nothing to decide %s by; give the record with -record FILE", record.Record)
		}
		if !own {
			in.Linked, in.LinkID = "", links.ID(route.Name, record.Record, 1)
		}
		d := set.Decide(route.Name, in)
		refuse(set, &d)
		decisions = append(decisions, d)
	}
	if len(decisions) == 0 {
		return nil, fmt.Errorf("no route of the configuration takes records of %s", record.Record.Collection)
	}
	return decisions, nil
}
