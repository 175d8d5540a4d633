package engine_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A world is a system of type "fake" in memory, with incidents on one
// connector and tickets on others. It outlives the engines that use it.
type world struct {
	mu      sync.Mutex
	records map[connectors.Ref]*thing
	next    int
	calls   []string // "create t.tickets.ticket", in order
	faults  map[string][]fault
	slow    map[string]time.Duration // by connector, or connector and operation: how late it answers
	titled  map[any]time.Time        // when a ticket was first given a title
	compute func(op string, v any)   // what the connectors do with a value, nil: nothing
	drops   map[string]bool          // fields that do not stick
	lags    map[string]time.Duration // by connector: how far its search is behind
	blank   bool                     // incidents carry no stamp
	changed []connectors.Ref
	changes []time.Time      // when each of changed was
	items   []connectors.Ref // on which something new hangs

	showsTickets bool            // incidents show links to their tickets
	remembers    map[string]bool // connectors that tell the history of their records
	asks         string          // field that a ticket must have when it is moved to 6
	once         bool            // markers are idempotency keys
	onceFor      time.Duration   // how long keys are idempotency keys
	hides        bool            // tickets are not shown to who opened them
	keyless      bool            // keys are dropped without a word
	masked       bool            // no comment is shown, of whomever
	plants       bool            // somebody writes each key that is looked up into a ticket of their own
	forgetful    bool            // versions do not tell whether one follows the other

	rule   func(connectors.Ref, map[string]any) // called after a write of lockstep, with the lock held
	held   func()                               // called before a write is begun, as if it waited for its turn
	broken map[connectors.Ref]connectors.Class  // records that every read fails for
	away   map[string]bool                      // connectors that nobody can reach
	hidden map[connectors.Ref]bool              // records that read as not found
	moved  map[connectors.Ref]connectors.Ref    // and of those, what they are now
	blinds bool                                 // private records do, as far as anybody knows
	seen   func(op, connector string)           // called at every call; nil: nobody looks
}

type thing struct {
	hanging
	fields  map[string]any
	private bool
	key     string
	creator string // "": lockstep
	idem    string // the idempotency key that it was created with
	stamp   string
	version int
	at      time.Time
	created time.Time
	history []connectors.FieldChange
	by      string
	parent  connectors.Ref
}

// A fault is what becomes of one call.
type fault struct {
	class  connectors.Class
	field  string
	after  bool          // the system had done it already
	made   bool          // and it said so, of a create, without the record
	named  bool          // but with its id
	late   time.Duration // the system does it so much later
	pause  time.Duration // of a throttled call
	first  func()        // happens before the system does it
	then   func()        // happens before the answer
	ok     bool          // nothing fails
	quote  string        // the system's own words
	status int           // of the answer; 0: 500
}

func newWorld() *world {
	return &world{records: map[connectors.Ref]*thing{}, faults: map[string][]fault{}, drops: map[string]bool{}, titled: map[any]time.Time{}, lags: map[string]time.Duration{}}
}

var (
	incidents = connectors.Collection{Type: "fake", Connector: "acme", Record: "incident"}
	followUps = connectors.Collection{Type: "fake", Connector: "acme", Record: "follow_up"}
	tickets   = connectors.Collection{Type: "fake", Connector: "itsm", Record: "ticket"}
)

// fail lets the next calls of an operation on a connector fail so.
func (w *world) fail(connector, op string, faults ...fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[connector+" "+op] = append(w.faults[connector+" "+op], faults...)
}

// put makes or replaces the fields of an incident or follow-up, as a person.
func (w *world) put(ref connectors.Ref, private bool, fields map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.records[ref]
	if t == nil {
		t = &thing{fields: map[string]any{}}
		w.records[ref] = t
	}
	for name, v := range fields {
		t.history = append(t.history, connectors.FieldChange{Field: name, Old: t.fields[name], New: v, At: time.Now().UTC(), By: "a person"})
	}
	maps.Copy(t.fields, fields)
	t.private, t.by = private, "a person"
	t.version++
	t.at = time.Now().UTC()
	w.changed, w.changes = append(w.changed, ref), append(w.changes, time.Now())
}

func (w *world) edit(ref connectors.Ref, field string, value any) {
	w.mu.Lock()
	private := w.records[ref] != nil && w.records[ref].private
	w.mu.Unlock()
	w.put(ref, private, map[string]any{field: value})
}

func (w *world) remove(ref connectors.Ref) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.records, ref)
}

// tickets lists what a collection holds, oldest first.
func (w *world) list(c connectors.Collection) []connectors.Ref {
	w.mu.Lock()
	defer w.mu.Unlock()
	var refs []connectors.Ref
	for ref := range w.records {
		if ref.Collection == c {
			refs = append(refs, ref)
		}
	}
	sort.Slice(refs, func(i, j int) bool { return refs[i].ID < refs[j].ID })
	return refs
}

func (w *world) field(ref connectors.Ref, field string) any {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t := w.records[ref]; t != nil {
		return t.fields[field]
	}
	return nil
}

// count counts the calls of an operation since the last reset.
func (w *world) count(op string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		if strings.HasPrefix(c, op+" ") {
			n++
		}
	}
	return n
}

func (w *world) resetCalls() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = nil
}

// A client is one engine's connection to the world.
type client struct {
	w    *world
	name string

	mu        sync.Mutex
	throttled time.Time
	dead      bool // its process was killed
}

var errKilled = errors.New("the process was killed")

func (c *client) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
}

// call runs one call against the world, with the fault that is next.
func (c *client) call(ctx context.Context, op, record string, do func() (connectors.Record, error)) (connectors.Record, error) {
	c.mu.Lock()
	dead := c.dead
	c.mu.Unlock()
	if dead {
		return connectors.Record{}, errKilled
	}
	writes := slices.Contains([]string{"create", "update", "comment", "attach"}, op)
	err := ctx.Err()
	if c.w.held != nil && writes {
		waited := connectors.Waiting(ctx)
		c.w.held()
		waited()
	}
	if err == nil && writes {
		err = connectors.HoldLease(ctx)
	}
	if err != nil {
		return connectors.Record{}, &connectors.Error{Class: connectors.ClassRetry, Op: op, Message: "not sent", Err: err}
	}
	c.w.mu.Lock()
	c.w.calls = append(c.w.calls, op+" "+c.name)
	away, seen := c.w.away[c.name], c.w.seen
	late := max(c.w.slow[c.name], c.w.slow[c.name+" "+op])
	var f *fault
	if away {
	} else if waiting := c.w.faults[c.name+" "+op]; len(waiting) > 0 {
		f = &waiting[0]
		c.w.faults[c.name+" "+op] = waiting[1:]
	}
	c.w.mu.Unlock()
	defer connectors.Waiting(ctx)() // but for what the test itself does in it
	if seen != nil {
		seen(op, c.name)
	}
	if away {
		return connectors.Record{}, &connectors.Error{Class: connectors.ClassRetry, Op: op, Record: record, Message: "not sent: connection refused"}
	}
	if late > 0 {
		time.Sleep(late) // of simulated time, until it is done and answered
	}
	if f == nil {
		return do()
	}
	if f.first != nil {
		f.first()
	}
	if f.then != nil {
		defer f.then()
	}
	if f.ok {
		return do()
	}
	if f.after {
		if _, err := do(); err != nil {
			return connectors.Record{}, err
		}
	}
	if f.late > 0 && writes {
		time.AfterFunc(f.late, func() { _, _ = do() })
	}
	failure := &connectors.Error{Class: f.class, Op: op, Record: record, Field: f.field, Status: cmp.Or(f.status, 500), Message: "as the test wants" + f.quote}
	if f.made {
		failure.Status, failure.Made = 201, true
		if f.named {
			c.w.mu.Lock()
			failure.MadeRef = tickets.Ref(fmt.Sprintf("%04d", c.w.next))
			c.w.mu.Unlock()
		}
	}
	if f.class == connectors.ClassThrottled {
		failure.Until = time.Now().Add(f.pause)
		c.mu.Lock()
		c.throttled = failure.Until
		c.mu.Unlock()
	}
	return connectors.Record{}, failure
}

// MovedTo makes a client a connectors.MoveTracer.
func (c *client) MovedTo(_ context.Context, ref connectors.Ref) (connectors.Ref, error) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	return c.w.moved[ref], nil
}

// Hides makes a client a connectors.Hider.
func (c *client) Hides(connectors.Ref) bool {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	return c.w.blinds
}

func (c *client) Throttled() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.throttled) {
		return c.throttled
	}
	return time.Time{}
}

func (c *client) Read(ctx context.Context, ref connectors.Ref) (connectors.Record, error) {
	record, err := c.call(ctx, "read", ref.String(), func() (connectors.Record, error) {
		c.w.mu.Lock()
		defer c.w.mu.Unlock()
		if class, ok := c.w.broken[ref]; ok {
			return connectors.Record{}, &connectors.Error{Class: class, Op: "read", Record: ref.String(), Status: 403}
		}
		return c.w.read(ref)
	})
	c.w.work("read", record.Fields["title"])
	return record, err
}

// FindByName finds a record by N and its id, by its id, or by its page.
func (c *client) FindByName(ctx context.Context, name string, in []connectors.Collection) ([]connectors.Record, error) {
	id := strings.TrimPrefix(strings.ToUpper(name), "N")
	if page := connectors.ParsePage(name); page != nil {
		id = strings.TrimPrefix(page.Path, "/")
	}
	var refs []connectors.Ref
	for _, collection := range in {
		if collection.Connector == c.name {
			refs = append(refs, collection.Ref(id))
		}
	}
	_, err := c.call(ctx, "find", name, func() (connectors.Record, error) { return connectors.Record{}, nil })
	if err != nil {
		return nil, err
	}
	return connectors.ReadNamed(ctx, c, refs...)
}

// read needs the lock.
func (w *world) read(ref connectors.Ref) (connectors.Record, error) {
	t := w.records[ref]
	if t == nil || w.hides && ref.Collection == tickets || w.hidden[ref] {
		return connectors.Record{}, &connectors.Error{Class: connectors.ClassGone, Op: "read", Record: ref.String(), Status: 404}
	}
	stamp := t.stamp
	if w.blank && ref.Collection == incidents {
		stamp = ""
	}
	return connectors.Record{
		Ref: ref, Fields: maps.Clone(t.fields), Number: "N" + ref.ID, URL: "https://fake.example/" + ref.ID,
		Version: fmt.Sprint(t.version), UpdatedAt: t.at, UpdatedBy: t.by, Private: t.private, Key: t.key, Stamp: stamp,
		Parent: t.parent, Pristine: t.version == 0,
	}, nil
}

// longest is how much text a field takes.
const longest = 40

// asStored is what the system makes of a value: it trims and cuts text, and an
// empty one counts as not there.
func asStored(v any) any {
	if s, ok := v.(string); ok {
		if s = strings.TrimSpace(s); s == "" {
			return nil
		}
		if cut := []rune(s); len(cut) > longest {
			return string(cut[:longest])
		}
		return s
	}
	return v
}

func (w *world) write(t *thing, fields map[string]any, by string) {
	for name, v := range fields {
		if w.drops[name] {
			continue
		}
		if _, known := w.titled[v]; name == "title" && !known {
			w.titled[v] = time.Now()
		}
		t.history = append(t.history, connectors.FieldChange{Field: name, Old: t.fields[name], New: asStored(v), At: time.Now().UTC(), Ours: true})
		if field, entry, ok := strings.Cut(name, "/"); ok {
			entries, _ := t.fields[field].(map[string]any)
			if entries = maps.Clone(entries); entries == nil {
				entries = map[string]any{}
			}
			entries[entry] = asStored(v)
			t.fields[field] = entries
			continue
		}
		t.fields[name] = asStored(v)
	}
	t.by, t.at = by, time.Now().UTC()
}

// Follows: versions are counted.
func (c *client) Follows(before, after string) (next, known bool) {
	was, errWas := strconv.Atoi(before)
	is, errIs := strconv.Atoi(after)
	if c.w.forgetful || errWas != nil || errIs != nil {
		return false, false
	}
	return is == was+1, true
}

// History fails where the test has not said that the connector remembers.
func (c *client) History(ctx context.Context, record connectors.Record, since time.Time) ([]connectors.FieldChange, error) {
	if !c.w.remembers[c.name] {
		return nil, &connectors.Error{Class: connectors.ClassRejected, Op: "history", Message: "there is none"}
	}
	var all []connectors.FieldChange
	_, err := c.call(ctx, "history", record.Ref.String(), func() (connectors.Record, error) {
		c.w.mu.Lock()
		defer c.w.mu.Unlock()
		for _, change := range c.w.records[record.Ref].history {
			if !change.At.Before(since) {
				all = append(all, change)
			}
		}
		return connectors.Record{}, nil
	})
	return all, err
}

func (c *client) FindByKey(ctx context.Context, collection connectors.Collection, key string) ([]connectors.Record, error) {
	var found []connectors.Record
	_, err := c.call(ctx, "look up", collection.String(), func() (connectors.Record, error) {
		c.w.plant(collection, key)
		for _, ref := range c.w.list(collection) {
			c.w.mu.Lock()
			r, err := c.w.read(ref)
			if err == nil {
				r.CreatedBy = cmp.Or(c.w.records[ref].creator, "lockstep")
				r.Foreign = r.CreatedBy != "lockstep"
			}
			lags := time.Since(c.w.records[ref].created) < c.w.lags[c.name]
			c.w.mu.Unlock()
			if err == nil && r.Key == key && !lags {
				found = append(found, r)
			}
		}
		return connectors.Record{}, nil
	})
	return found, err
}

// CreatesOnceFor says how long a creation may be repeated.
func (c *client) CreatesOnceFor(connectors.Collection) time.Duration {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	return c.w.onceFor
}

// FindUnkeyed lists what lockstep created since without a key.
func (c *client) FindUnkeyed(ctx context.Context, collection connectors.Collection, since time.Time) ([]connectors.Record, error) {
	var found []connectors.Record
	_, err := c.call(ctx, "find unkeyed", collection.String(), func() (connectors.Record, error) {
		for _, ref := range c.w.list(collection) {
			c.w.mu.Lock()
			if t := c.w.records[ref]; t.key == "" && t.creator == "" && !t.created.Before(since) && !c.w.hides {
				r, err := c.w.read(ref)
				if err == nil {
					found = append(found, r)
				}
			}
			c.w.mu.Unlock()
		}
		return connectors.Record{}, nil
	})
	return found, err
}

// planted is who plants keys.
const planted = "mallory"

// plant writes a key into a ticket that lockstep did not create, once.
func (w *world) plant(in connectors.Collection, key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.plants {
		return
	}
	for _, t := range w.records {
		if t.key == key && t.creator != "" {
			return
		}
	}
	w.next++
	w.records[in.Ref(fmt.Sprintf("%04d", w.next))] = &thing{fields: map[string]any{"title": "mine"}, key: key, creator: planted, by: planted}
}

// planting says whether somebody plants keys.
func (w *world) planting(is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plants = is
}

// made lists the tickets that lockstep opened, and those with a key that
// somebody planted.
func (w *world) made(c connectors.Collection) (own, foreign []connectors.Ref) {
	for _, ref := range w.list(c) {
		w.mu.Lock()
		by := w.records[ref].creator
		w.mu.Unlock()
		if by == "" {
			own = append(own, ref)
		} else {
			foreign = append(foreign, ref)
		}
	}
	return own, foreign
}

func (c *client) Create(ctx context.Context, d connectors.Draft) (connectors.Record, error) {
	return c.call(ctx, "create", d.Collection.String(), func() (connectors.Record, error) {
		c.w.mu.Lock()
		defer c.w.mu.Unlock()
		for ref, t := range c.w.records {
			if c.w.onceFor > 0 && t.idem == d.Key && ref.Collection == d.Collection && time.Since(t.created) < c.w.onceFor {
				return c.w.read(ref)
			}
		}
		c.w.next++
		ref := d.Collection.Ref(fmt.Sprintf("%04d", c.w.next))
		t := &thing{fields: map[string]any{}, key: d.Key, stamp: d.Stamp, created: time.Now(), idem: d.Key}
		if c.w.keyless {
			t.key = ""
		}
		c.w.write(t, d.Fields, "lockstep")
		c.w.records[ref] = t
		if c.w.hides {
			return connectors.Record{}, nil // the fault says so
		}
		return c.w.read(ref)
	})
}

func (c *client) Update(ctx context.Context, change connectors.Change) (connectors.Record, error) {
	return c.call(ctx, "update", change.Ref.String(), func() (connectors.Record, error) {
		c.w.mu.Lock()
		defer c.w.mu.Unlock()
		t := c.w.records[change.Ref]
		if t == nil {
			return c.w.read(change.Ref)
		}
		if asked := c.w.asks; asked != "" && change.Fields["state"] == int64(6) {
			if t.fields[asked] == nil && change.Fields[asked] == nil && change.TransitionFields[asked] == nil {
				return connectors.Record{}, &connectors.Error{Class: connectors.ClassRejected, Op: "update", Field: "state", Message: asked + " is mandatory"}
			}
			if v, ok := change.TransitionFields[asked]; ok {
				c.w.write(t, map[string]any{asked: v}, "lockstep")
			}
		}
		t.stamp = change.Stamp
		t.version++
		c.w.write(t, change.Fields, "lockstep")
		c.w.changed, c.w.changes = append(c.w.changed, change.Ref), append(c.w.changes, time.Now())
		if c.w.rule != nil {
			c.w.rule(change.Ref, change.Fields)
		}
		return c.w.read(change.Ref)
	})
}

// Resolve looks every Lookup up in a table of one person.
func (c *client) Resolve(_ context.Context, record string, fields map[string]any) (map[string]any, map[string]*connectors.Error, error) {
	resolved, failed := map[string]any{}, map[string]*connectors.Error{}
	for name, v := range fields {
		lookup, ok := v.(connectors.Lookup)
		switch {
		case name == "state":
			n, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
			if err != nil {
				return nil, nil, err
			}
			resolved[name] = n
		case !ok:
			resolved[name] = v
		case lookup.Value == "lisa@example.com":
			resolved[name] = "id-of-lisa"
		case lookup.HasFallback:
		default:
			failed[name] = &connectors.Error{Class: connectors.ClassRejected, Op: "look up", Record: record, Field: name, Code: "ref_not_found", Message: "nobody has it"}
		}
	}
	return resolved, failed, nil
}

// CanTransition: a ticket in 7 is closed for good.
func (c *client) CanTransition(record connectors.Record, _ string) bool {
	return record.Ref.Record != "ticket" || record.Fields["state"] != int64(7)
}

func (c *client) Same(_, _ string, want, have any) bool {
	c.w.work("same", want)
	return asStored(want) == asStored(have)
}

func (w *world) work(op string, v any) {
	if w.compute != nil {
		w.compute(op, v)
	}
}

// Poll's cursor is how many changes were seen.
func (c *client) Poll(_ context.Context, collection connectors.Collection, cursor []byte) ([]connectors.Ref, []byte, error) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	if c.w.away[c.name] {
		return nil, nil, &connectors.Error{Class: connectors.ClassRetry, Op: "poll", Message: "not sent: connection refused"}
	}
	seen := len(c.w.changed)
	if cursor != nil {
		if err := json.Unmarshal(cursor, &seen); err != nil {
			return nil, nil, err
		}
	}
	var refs []connectors.Ref
	for _, ref := range c.w.changed[seen:] {
		if ref.Collection == collection {
			refs = append(refs, ref)
		}
	}
	next, err := json.Marshal(len(c.w.changed))
	return refs, next, err
}

// PollSince counts as Poll does.
func (c *client) PollSince(ctx context.Context, collection connectors.Collection, since time.Time) ([]connectors.Ref, []byte, error) {
	c.w.mu.Lock()
	first := len(c.w.changed)
	for i, at := range c.w.changes[:len(c.w.changed)] {
		if !at.Before(since) {
			first = min(first, i)
		}
	}
	c.w.mu.Unlock()
	return c.Poll(ctx, collection, []byte(strconv.Itoa(first)))
}

// fakeSystem is what the rules know of the world.
func fakeSystem() connectors.System {
	text := func(w connectors.Write) connectors.Field {
		return connectors.Field{Type: connectors.Type{Kind: connectors.String}, Write: w}
	}
	schemas := map[string]*connectors.Schema{
		"incident": {
			Record: "incident", Mode: "mode",
			State:        &connectors.StateField{Field: "status", Category: "status"},
			CommentKinds: []string{"timeline", "update"}, Attachments: "link",
			Fields: map[string]connectors.Field{
				"title": text(connectors.Always), "detail": text(connectors.Always), "severity": text(connectors.Always),
				"status": text(connectors.Always), "mode": text(connectors.ReadOnly), "owner": text(connectors.Always),
				"custom_fields": {Type: connectors.MapOf(connectors.Type{Kind: connectors.String}), Write: connectors.Always},
			},
		},
		"follow_up": {
			Record: "follow_up", Parent: "incident",
			Fields: map[string]connectors.Field{"title": text(connectors.Always)},
		},
		"ticket": {
			Record:       "ticket",
			State:        &connectors.StateField{Field: "state", Int: true},
			CommentKinds: []string{"work_notes", "comments"}, Attachments: "bytes",
			Fields: map[string]connectors.Field{
				"title": text(connectors.Always), "detail": text(connectors.Always), "note": text(connectors.Always), "parent": text(connectors.Always), "contact": text(connectors.Always),
				"state":   {Type: connectors.Type{Kind: connectors.Int}, Write: connectors.Always},
				"outcome": {Type: connectors.Type{Kind: connectors.String}, Write: connectors.Always, OnMove: true},
				"owner":   {Type: connectors.Type{Kind: connectors.Reference}, Write: connectors.Always, Lookups: []string{"email"}},
			},
		},
	}
	return connectors.System{
		Type:     "fake",
		Defaults: connectors.Common{PollInterval: time.Minute, Settle: 2 * time.Minute},
		Records:  []string{"incident", "follow_up", "ticket"},
		Settings: func() any { return &struct{}{} },
		Schema: func(record string) (*connectors.Schema, bool) {
			s, ok := schemas[record]
			return s, ok
		},
	}
}
