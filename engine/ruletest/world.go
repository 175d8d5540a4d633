package ruletest

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules"
)

// A world holds the records of all systems of one script. It outlives the
// engines that use it.
type world struct {
	set   *rules.Set
	now   func() time.Time
	calls atomic.Uint64 // by the engine, but for polls that found nothing

	mu       sync.Mutex
	things   map[connectors.Ref]*thing
	made     map[connectors.Collection]int
	changed  []connectors.Ref // in order, each as often as it changed
	told     int              // of changed: the engine was told of those before
	writes   []written
	lookups  map[string]connectors.Lookup // by how they are written
	statuses map[status]string            // the category of states that were seen
	items    int                          // comments and files, for their ids
	serial   int                          // of the thing made last
}

// A status is one named state of a collection.
type status struct {
	collection connectors.Collection
	name       string
}

// A thing is a record with what hangs on it.
type thing struct {
	record   connectors.Record
	serial   int // of the things, by when they were made
	version  int
	written  map[string]bool // fields that somebody wrote since it was opened
	ours     map[string]bool // fields and entries of maps that lockstep wrote
	comments []connectors.Comment
	files    []file
	links    []connectors.WebLink
}

type file struct {
	connectors.File
	content []byte
}

func newWorld(set *rules.Set) *world {
	return &world{
		set:      set,
		things:   map[connectors.Ref]*thing{},
		made:     map[connectors.Collection]int{},
		lookups:  map[string]connectors.Lookup{},
		statuses: map[status]string{},
	}
}

// schema returns the schema of a record's type. Rules name no type without one.
func (w *world) schema(c connectors.Collection) *connectors.Schema {
	if block := w.set.Connectors[c.Connector]; block != nil {
		if schema, ok := block.System.Schema(c.Record); ok {
			return schema
		}
	}
	return &connectors.Schema{Record: c.Record, Unlisted: connectors.AllowUnknown}
}

// add puts a record into its system. w.mu is held.
func (w *world) add(r connectors.Record) *thing {
	w.serial++
	t := &thing{record: r, serial: w.serial, written: map[string]bool{}, ours: map[string]bool{}}
	w.things[r.Ref] = t
	return t
}

// touch takes note of a change of a record. w.mu is held.
func (w *world) touch(t *thing, by string) {
	t.version++
	t.record.UpdatedAt, t.record.UpdatedBy = w.now().UTC(), by
	w.changed = append(w.changed, t.record.Ref)
}

// news returns the records that changed since the last news, each once.
func (w *world) news() []connectors.Ref {
	w.mu.Lock()
	defer w.mu.Unlock()
	var refs []connectors.Ref
	for _, ref := range w.changed[w.told:] {
		if !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	w.told = len(w.changed)
	return refs
}

// has reports whether there is such a record.
func (w *world) has(ref connectors.Ref) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.things[ref] != nil
}

// read returns a record as its system answers it. w.mu is held.
func (w *world) read(ref connectors.Ref) (connectors.Record, error) {
	t := w.things[ref]
	if t == nil {
		return connectors.Record{}, &connectors.Error{Class: connectors.ClassGone, Op: "read", Record: ref.String(), Code: "not_found", Message: "there is no such record"}
	}
	r := t.record
	r.Version, r.Pristine = strconv.Itoa(t.version), t.version == 0
	if r.URL == "" { // often only the connector can tell
		r.URL = pageAt(ref)
	}
	if parent := w.things[r.Parent]; parent != nil && parent.record.Private {
		r.Private = true // a child is as private as what it belongs to
	}
	return r, nil
}

// open opens a ticket. Its id, number and address tell what it is, and are the
// same every time. w.mu is held.
func (w *world) open(d connectors.Draft) *thing {
	w.made[d.Collection]++
	id := strconv.Itoa(w.made[d.Collection])
	t := w.add(connectors.Record{
		Ref: d.Collection.Ref(id), Key: d.Key, Stamp: d.Stamp, UpdatedAt: w.now().UTC(), UpdatedBy: lockstep,
		Number: strings.ToUpper(d.Collection.Record) + "-" + id,
	})
	if state := w.schema(d.Collection).State; state != nil && state.Begins != "" {
		w.setState(t, state, state.Begins, state.Begins)
	}
	w.write(t, d.Fields)
	w.recognise(t)
	w.changed = append(w.changed, t.record.Ref)
	return t
}

// pageAt is the address at which people open a record.
func pageAt(ref connectors.Ref) string {
	return fmt.Sprintf("https://%s.example/%s/%s", ref.Connector, ref.Record, url.PathEscape(ref.ID))
}

// lockstep is what lockstep's writes are signed with.
const lockstep = "lockstep"

// write puts resolved values into a record. w.mu is held.
func (w *world) write(t *thing, fields map[string]any) {
	schema := w.schema(t.record.Ref.Collection)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fields[name]
		t.ours[name] = true
		if schema.State != nil && name == schema.State.Field {
			w.setState(t, schema.State, fmt.Sprint(value), value)
			continue
		}
		field, entry, isEntry := strings.Cut(name, "/")
		t.written[field] = true
		kind := schema.Fields[field].Type
		switch entries, isMap := value.(map[string]any); {
		case isEntry:
			t.record.Fields = replaced(t.record.Fields, []string{field, entry}, w.shown(elem(kind), value))
		case isMap && kind.Kind == connectors.Map: // entries that it does not hold are left alone
			for _, entry := range slices.Sorted(maps.Keys(entries)) {
				t.ours[field+"/"+entry] = true
				t.record.Fields = replaced(t.record.Fields, []string{field, entry}, w.shown(elem(kind), entries[entry]))
			}
		default:
			t.record.Fields = replaced(t.record.Fields, []string{field}, w.shown(kind, value))
		}
	}
}

// elem returns the type of what a list or map holds.
func elem(t connectors.Type) connectors.Type {
	if t.Elem == nil {
		return connectors.Type{}
	}
	return *t.Elem
}

// setState moves a record. A state that has a category takes it along, as far
// as it is known: of another record in that state, or because it is called as
// the category is.
func (w *world) setState(t *thing, state *connectors.StateField, to string, value any) {
	path := strings.Split(state.Field, ".")
	t.written[path[0]] = true
	if state.Category == "" {
		t.record.Fields = replaced(t.record.Fields, path, value)
		return
	}
	in := t.record.Ref.Collection
	category, named := strings.CutPrefix(to, rules.CategoryPrefix)
	if named {
		to = category
		for _, s := range slices.SortedFunc(maps.Keys(w.statuses), func(a, b status) int { return strings.Compare(a.name, b.name) }) {
			if s.collection == in && w.statuses[s] == category {
				to = s.name
				break
			}
		}
	} else {
		category = w.categoryOf(in, state, to)
	}
	if len(path) > 1 {
		t.record.Fields = replaced(t.record.Fields, path[:1], nil) // what else it holds is of the state before
	}
	t.record.Fields = replaced(t.record.Fields, path, to)
	t.record.Fields = replaced(t.record.Fields, strings.Split(state.Category, "."), textOrNil(category))
}

// categoryOf returns the category of a state: of a record that was seen in it, or
// because it is called as a category is; "": not known. w.mu is held.
func (w *world) categoryOf(in connectors.Collection, state *connectors.StateField, name string) string {
	if category := w.statuses[status{in, name}]; category != "" {
		return category
	}
	if lower := strings.ToLower(name); slices.Contains(state.Known, rules.CategoryPrefix+lower) {
		return lower
	}
	return ""
}

// learn remembers the category of the state that a record is in. w.mu is held.
func (w *world) learn(r connectors.Record) {
	state := w.schema(r.Ref.Collection).State
	if state == nil || state.Category == "" {
		return
	}
	name, _ := at(r.Fields, strings.Split(state.Field, ".")).(string)
	category, _ := at(r.Fields, strings.Split(state.Category, ".")).(string)
	if name != "" && category != "" {
		w.statuses[status{r.Ref.Collection, name}] = category
	}
}

func textOrNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// at returns the value at a path within fields, nil where there is none.
func at(fields map[string]any, path []string) any {
	var v any = fields
	for _, name := range path {
		members, _ := v.(map[string]any)
		v = members[name]
	}
	return v
}

// replaced returns fields with another value at a path; nil and "" remove it.
// Nothing that a record was read with changes.
func replaced(fields map[string]any, path []string, value any) map[string]any {
	out := maps.Clone(fields)
	if out == nil {
		out = map[string]any{}
	}
	if len(path) > 1 {
		inner, _ := out[path[0]].(map[string]any)
		value = replaced(inner, path[1:], value)
	}
	if value == nil || value == "" {
		delete(out, path[0])
	} else {
		out[path[0]] = value
	}
	return out
}
