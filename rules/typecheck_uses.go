package rules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
)

// uses collects what a configuration relies on and only the instances can
// confirm.
type uses struct {
	all  map[useKey]*connectors.Use
	seen map[useMember]bool      // the values and keys that are noted
	at   map[useMember]hcl.Range // where each is written first, and with no value its field
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
		u.all, u.at = map[useKey]*connectors.Use{}, map[useMember]hcl.Range{}
	}
	key := useKey{by.of.Connector, by.of.Record, by.template, field}
	use := u.all[key]
	if use == nil {
		use = &connectors.Use{Template: by.template, Record: by.of.Record, Field: field}
		u.all[key] = use
	}
	return use
}

func (u *uses) field(by usedBy, field string, at hcl.Range) {
	u.first(useMember{of: u.use(by, field)}, at)
}

// written notes that a template writes a field: when it opens a record, and where
// it is not left to people then, on every edit.
func (u *uses) written(by usedBy, field string, s section, at hcl.Range) {
	use := u.use(by, field)
	u.at[useMember{of: use}] = at // rather than where it is read
	use.Opens = use.Opens || s != inboundSection
	use.Edits = use.Edits || s != onceSection
}

func (u *uses) value(by usedBy, field string, v any, at hcl.Range) {
	use := u.use(by, field)
	if u.first(useMember{use, false, v}, at) {
		use.Values = append(use.Values, v)
	}
}

func (u *uses) key(by usedBy, field, key string, at hcl.Range) {
	use := u.use(by, field)
	if u.first(useMember{use, true, key}, at) {
		use.Keys = append(use.Keys, key)
	}
}

// first reports whether a value or a key is new, and notes it with its place.
func (u *uses) first(m useMember, at hcl.Range) bool {
	if u.seen == nil {
		u.seen = map[useMember]bool{}
	}
	seen := u.seen[m]
	u.seen[m] = true
	if _, placed := u.at[m]; !placed {
		u.at[m] = at
	}
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
			name := ""
			switch field, listed := r.schema.Fields[rest[0]]; {
			case listed && field.Type.Kind == connectors.Object && rest[1] == "name":
				name = rest[0] + ".name"
			case listed && field.Type.Kind == connectors.Map: // an option of a custom field
				name = rest[0] + "/" + rest[1]
			default:
				continue
			}
			for _, v := range c.Values {
				u.value(usedBy{r.of, template}, name, v.Value, v.Range)
			}
		}
	}
}

// reads, of what is written at a place, collects the keys of map fields, and the fields that the schema does
// not list, that expressions refer to.
func (u *uses) reads(template string, paths []expr.Path, seen []readable, at hcl.Range) {
	for _, path := range paths {
		for _, r := range seen {
			if len(path) <= len(r.path) || !slices.Equal(path[:len(r.path)], r.path) {
				continue
			}
			rest := path[len(r.path):]
			field, listed := r.schema.Fields[rest[0]]
			switch {
			case !listed && !slices.Contains([]string{"id", "number", "url"}, rest[0]):
				u.field(usedBy{r.of, template}, rest[0], at)
			case field.Type.Kind == connectors.Map && len(rest) > 1:
				u.key(usedBy{r.of, template}, rest[0], rest[1], at)
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

// A usePlace names a use, or a value or key of it.
type usePlace struct{ connector, record, template, field, value string }

// places are where uses are written, as diagnostics that say nothing yet.
func (u *uses) places(sources map[string]*sourceFile, hide []hcl.Range) map[usePlace]Diagnostic {
	of := map[*connectors.Use]useKey{}
	for key, use := range u.all {
		of[use] = key
	}
	all := map[usePlace]Diagnostic{}
	for m, at := range u.at {
		if at.Start.Line == 0 {
			continue
		}
		var here findings
		here.warn(at, "", "")
		key := of[m.of]
		place := usePlace{key.connector, key.record, key.template, key.field, ""}
		if m.value != nil {
			place.value = fmt.Sprint(m.value)
		}
		all[place] = here.diagnostics(sources, hide)[0]
	}
	return all
}

// AdviceAt is a warning, which says nothing yet, at the place where a value of a use is
// written, or else its field; at the directory where that cannot be told.
func (s *Set) AdviceAt(connector string, use connectors.Use, value any) Diagnostic {
	place := usePlace{connector, use.Record, use.Template, use.Field, ""}
	if value != nil {
		place.value = fmt.Sprint(value)
		if d, ok := s.places[place]; ok {
			return d
		}
		place.value = ""
	}
	if d, ok := s.places[place]; ok {
		return d
	}
	return Diagnostic{Severity: SeverityWarning, File: s.Dir}
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
