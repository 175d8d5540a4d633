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
	connector, record, template, field string
}

// A usedBy is whose fields are used, and by which template; "" by none that can
// be told.
type usedBy struct {
	of       connectors.Collection
	template string
}

func (u *uses) use(by usedBy, field string) *connectors.Use {
	if u.all == nil {
		u.all = map[useKey]*connectors.Use{}
	}
	key := useKey{by.of.Connector, by.of.Record, by.template, field}
	use := u.all[key]
	if use == nil {
		use = &connectors.Use{Template: by.template, Record: by.of.Record, Field: field}
		u.all[key] = use
	}
	return use
}

func (u *uses) field(by usedBy, field string) { u.use(by, field) }

// written notes that a template writes a field: when it opens a record, and where
// it is not left to people then, on every edit.
func (u *uses) written(by usedBy, field string, s section) {
	use := u.use(by, field)
	use.Opens = use.Opens || s != inboundSection
	use.Edits = use.Edits || s != onceSection
}

func (u *uses) value(by usedBy, field string, v any) {
	use := u.use(by, field)
	if u.first(useMember{use, false, v}) {
		use.Values = append(use.Values, v)
	}
}

func (u *uses) key(by usedBy, field, key string) {
	use := u.use(by, field)
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

// compares collects the names that expressions compare with those of what a record
// has: a severity that is renamed or misspelt is never met again.
func (u *uses) compares(template string, all []expr.Comparison, seen []readable) {
	for _, c := range all {
		for _, r := range seen {
			rest := c.Path
			if len(rest) != len(r.path)+2 || !slices.Equal(rest[:len(r.path)], r.path) {
				continue
			}
			rest = rest[len(r.path):]
			if field, listed := r.schema.Fields[rest[0]]; !listed || field.Type.Kind != connectors.Object || rest[1] != "name" {
				continue
			}
			for _, v := range c.Values {
				u.value(usedBy{r.of, template}, rest[0]+".name", v.Value)
			}
		}
	}
}

// reads collects the keys of map fields, and the fields that the schema does
// not list, that expressions refer to.
func (u *uses) reads(template string, paths []expr.Path, seen []readable) {
	for _, path := range paths {
		for _, r := range seen {
			if len(path) <= len(r.path) || !slices.Equal(path[:len(r.path)], r.path) {
				continue
			}
			rest := path[len(r.path):]
			field, listed := r.schema.Fields[rest[0]]
			switch {
			case !listed && !slices.Contains([]string{"id", "number", "url"}, rest[0]):
				u.field(usedBy{r.of, template}, rest[0])
			case field.Type.Kind == connectors.Map && len(rest) > 1:
				u.key(usedBy{r.of, template}, rest[0], rest[1])
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
			return cmp.Or(cmp.Compare(a.Record, b.Record), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Template, b.Template))
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
