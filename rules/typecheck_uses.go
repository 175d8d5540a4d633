package rules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
)

// uses collects what a configuration relies on and only the instances can
// confirm.
type uses struct {
	all  map[useKey]*connectors.Use
	seen map[useMember]bool // the values and keys that are noted
}

// A useMember is a value, or a key, of a field.
type useMember struct {
	of    *connectors.Use
	isKey bool
	value any
}

type useKey struct {
	connector, record, field string
}

func (u *uses) use(c connectors.Collection, field string) *connectors.Use {
	if u.all == nil {
		u.all = map[useKey]*connectors.Use{}
	}
	key := useKey{c.Connector, c.Record, field}
	use := u.all[key]
	if use == nil {
		use = &connectors.Use{Record: c.Record, Field: field}
		u.all[key] = use
	}
	return use
}

func (u *uses) field(c connectors.Collection, field string) { u.use(c, field) }

func (u *uses) value(c connectors.Collection, field string, v any) {
	use := u.use(c, field)
	if u.first(useMember{use, false, v}) {
		use.Values = append(use.Values, v)
	}
}

func (u *uses) key(c connectors.Collection, field, key string) {
	use := u.use(c, field)
	if u.first(useMember{use, true, key}) {
		use.Keys = append(use.Keys, key)
	}
}

// first reports whether a value or a key is new, and notes it.
func (u *uses) first(m useMember) bool {
	if u.seen == nil {
		u.seen = map[useMember]bool{}
	}
	seen := u.seen[m]
	u.seen[m] = true
	return !seen
}

// reads collects the keys of map fields, and the fields that the schema does
// not list, that expressions refer to.
func (u *uses) reads(paths []expr.Path, seen []readable) {
	for _, path := range paths {
		for _, r := range seen {
			if len(path) <= len(r.path) || !slices.Equal(path[:len(r.path)], r.path) {
				continue
			}
			rest := path[len(r.path):]
			field, listed := r.schema.Fields[rest[0]]
			switch {
			case !listed && !slices.Contains([]string{"id", "number", "url"}, rest[0]):
				u.field(r.of, rest[0])
			case field.Type.Kind == connectors.Map && len(rest) > 1:
				u.key(r.of, rest[0], rest[1])
			}
		}
	}
}

// A readable is a record that expressions see.
type readable struct {
	path   expr.Path // {"incident"}, {"parent", "incident"}, {"ticket"}
	of     connectors.Collection
	schema *connectors.Schema
}

// list returns the uses by connector, sorted.
func (u *uses) list() map[string][]connectors.Use {
	byConnector := map[string][]connectors.Use{}
	for key, use := range u.all {
		sorted := *use
		sorted.Keys = slices.Clone(use.Keys)
		slices.Sort(sorted.Keys)
		sorted.Values = slices.Clone(use.Values)
		slices.SortFunc(sorted.Values, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		byConnector[key.connector] = append(byConnector[key.connector], sorted)
	}
	for _, all := range byConnector {
		slices.SortFunc(all, func(a, b connectors.Use) int {
			return cmp.Or(cmp.Compare(a.Record, b.Record), cmp.Compare(a.Field, b.Field))
		})
	}
	return byConnector
}

// Uses are, for every connector by name, the fields, values and names that the
// configuration relies on and that only the connector's instance can confirm.
func (s *Set) Uses() map[string][]connectors.Use {
	out := maps.Clone(s.uses)
	for name, all := range out {
		out[name] = slices.Clone(all)
	}
	return out
}
