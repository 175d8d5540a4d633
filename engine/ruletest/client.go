package ruletest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
	"github.com/lockstep-sync/lockstep/connectors/values"
	"github.com/lockstep-sync/lockstep/rules"
)

// A client is a connector whose system is a world.
type client struct {
	w    *world
	name string
	kind string
	// advisor is the connector of the real system, which is asked nothing that
	// takes more than thought; nil: there is none.
	advisor connectors.Connector
}

// holder is a client of a system that holds files, linker of one that shows
// pages in their place.
type (
	holder struct{ *client }
	linker struct{ *client }
)

var (
	_ connectors.Target            = (*client)(nil)
	_ connectors.TransitionChecker = (*client)(nil)
	_ connectors.Poller            = (*client)(nil)
	_ connectors.Commenter         = (*client)(nil)
	_ connectors.FileReader        = (*client)(nil)
	_ connectors.VersionOrder      = (*client)(nil)
	_ connectors.FileWriter        = holder{}
	_ connectors.WebLinker         = linker{}
)

// connector makes the client of a connector that is configured.
func (w *world) connector(name string, advisor connectors.Connector) connectors.Connector {
	system := w.set.Connectors[name].System
	c := &client{w: w, name: name, kind: system.Type, advisor: advisor}
	takes := ""
	for _, record := range w.records(name) {
		if schema, ok := system.Schema(record); ok && schema.Attachments != "" {
			takes = schema.Attachments
		}
	}
	switch takes {
	case "bytes":
		return holder{c}
	case "link":
		return linker{c}
	}
	return c
}

// records returns the record types of a connector that routes and templates name.
func (w *world) records(connector string) []string {
	named := map[string]bool{}
	for _, r := range w.set.Routes {
		if r.Source.Connector == connector {
			named[r.Source.Record] = true
		}
	}
	for _, t := range w.set.Templates {
		if t.Target.Connector == connector {
			named[t.Target.Record] = true
		}
	}
	return slices.Sorted(maps.Keys(named))
}

// opCreate is the operation of Create, in errors.
const opCreate = "create"

// Throttled: nobody is slow in memory.
func (*client) Throttled() time.Time { return time.Time{} }

// locked runs one call against the world.
func locked[T any](c *client, do func(w *world) (T, error)) (T, error) {
	c.w.calls.Add(1)
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	return do(c.w)
}

func (c *client) Read(_ context.Context, ref connectors.Ref) (connectors.Record, error) {
	return locked(c, func(w *world) (connectors.Record, error) { return w.read(ref) })
}

func (c *client) FindByKey(_ context.Context, in connectors.Collection, key string) ([]connectors.Record, error) {
	return locked(c, func(w *world) ([]connectors.Record, error) {
		var found []connectors.Record
		for _, t := range w.inOrder() {
			if t.record.Ref.Collection != in || t.record.Key != key {
				continue
			}
			r, err := w.read(t.record.Ref)
			if err != nil {
				return nil, err
			}
			found = append(found, r)
		}
		return found, nil
	})
}

// inOrder returns the things in the order in which they were made. w.mu is held.
func (w *world) inOrder() []*thing {
	return slices.SortedFunc(maps.Values(w.things), func(a, b *thing) int { return cmp.Compare(a.serial, b.serial) })
}

func (c *client) Create(_ context.Context, d connectors.Draft) (connectors.Record, error) {
	return locked(c, func(w *world) (connectors.Record, error) {
		d.Fields = w.travelling(d.Collection, d.Fields, d.TransitionFields)
		if err := w.demanded(opCreate, d.Collection.Ref(""), d.Fields, nil); err != nil {
			return connectors.Record{}, err
		}
		t := w.open(d)
		w.wrote(t.record.Ref, "create", d.Fields, "")
		return w.read(t.record.Ref)
	})
}

func (c *client) Update(_ context.Context, change connectors.Change) (connectors.Record, error) {
	return locked(c, func(w *world) (connectors.Record, error) {
		t := w.things[change.Ref]
		if t == nil {
			return w.read(change.Ref)
		}
		fields := w.travelling(change.Ref.Collection, change.Fields, change.TransitionFields)
		if err := w.demanded("update", change.Ref, fields, t.record.Fields); err != nil {
			return connectors.Record{}, err
		}
		t.record.Stamp = change.Stamp
		w.write(t, fields)
		w.touch(t, lockstep)
		w.wrote(change.Ref, "update", fields, "")
		return w.read(change.Ref)
	})
}

// travelling returns fields with those of onTransition that go along with a move of the
// state. What the real system asks for on the way, its screens say; here it is
// what can be written on no other occasion, when the record is closed.
func (w *world) travelling(in connectors.Collection, fields, onTransition map[string]any) map[string]any {
	schema := w.schema(in)
	if schema.State == nil || fields[schema.State.Field] == nil {
		return fields
	}
	state := fmt.Sprint(fields[schema.State.Field])
	var demands []string
	if schema.State.Demands != nil {
		demands = schema.State.Demands(state)
	}
	all := maps.Clone(fields)
	for name, value := range onTransition {
		if asked := slices.Contains(demands, name) || schema.Fields[name].OnMove && w.closes(in, state); asked && all[name] == nil {
			all[name] = value
		}
	}
	return all
}

// closes reports whether a record is closed in a state: as its schema says, or
// else in the last state of a table.
func (w *world) closes(in connectors.Collection, state string) bool {
	if known := w.schema(in).State.Closed; known != nil {
		return slices.Contains(known, state)
	}
	for _, t := range w.set.Templates {
		if t.Target != in || t.State == nil || t.State.Table == nil {
			continue
		}
		states := t.State.Table.States
		if label, ok := t.State.Table.Label(in, state, ""); ok && label == states[len(states)-1].Label {
			return true
		}
	}
	return false
}

// Resolve finds every look-up that names something. Values are what the connector
// makes of them.
func (c *client) Resolve(_ context.Context, record string, fields map[string]any) (map[string]any, map[string]*connectors.Error, error) {
	c.w.calls.Add(1)
	of := connectors.Collection{Type: c.kind, Connector: c.name, Record: record}
	system := c.w.set.Connectors[c.name].System
	return resolve.Fields(of.String(), fields, func(name string, v any) (any, error) {
		v, err := resolve.Offline(system, record, name, v, c.w.lookUp)
		if resolve.RefusalIn(err) == nil {
			err = resolve.Mistyped(err)
		}
		return v, err
	})
}

// Same asks the advisor, and without one compares the values.
func (c *client) Same(record, field string, want, have any) bool {
	if writer, ok := c.advisor.(connectors.Writer); ok {
		return writer.Same(record, field, want, have)
	}
	return values.Empty(want) && values.Empty(have) || jsonOf(want) == jsonOf(have)
}

// CanTransition asks the advisor, who knows categories but no status of an account.
func (c *client) CanTransition(record connectors.Record, to string) bool {
	checker, ok := c.advisor.(connectors.TransitionChecker)
	if !ok {
		return true
	}
	in := record.Ref.Collection
	if state := c.w.schema(in).State; state != nil && state.Category != "" && !strings.HasPrefix(to, rules.CategoryPrefix) {
		c.w.mu.Lock()
		category := c.w.categoryOf(in, state, to)
		c.w.mu.Unlock()
		if category != "" && at(record.Fields, strings.Split(state.Field, ".")) != to {
			to = rules.CategoryPrefix + category
		}
	}
	return checker.CanTransition(record, to)
}

// Follows: versions are counted.
func (c *client) Follows(before, after string) (next, known bool) {
	was, errWas := strconv.Atoi(before)
	is, errIs := strconv.Atoi(after)
	if errWas != nil || errIs != nil {
		return false, false
	}
	return is == was+1, true
}

// Poll's cursor is how many changes were seen. The engine is told of changes
// at once, as by webhooks: a poll brings nothing that it does not know.
func (c *client) Poll(_ context.Context, in connectors.Collection, cursor []byte) ([]connectors.Ref, []byte, error) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	seen := len(c.w.changed)
	next := []byte(strconv.Itoa(seen))
	if cursor != nil {
		var err error
		if seen, err = strconv.Atoi(string(cursor)); err != nil {
			return nil, nil, fmt.Errorf("cursor: %w", err)
		}
	}
	var refs []connectors.Ref
	for _, ref := range c.w.changed[seen:] {
		if ref.Collection == in && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	if len(refs) > 0 {
		c.w.calls.Add(1)
	}
	return refs, next, nil
}
