package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/nearest"
)

// referenceTo resolves a reference such as template.NAME; anything else is
// reported.
func referenceTo[V any](f *findings, e hcl.Expression, kind string, known map[string]V) (name string, at hcl.Range, ok bool) {
	t, diags := hcl.AbsTraversalForExpr(e)
	if diags.HasErrors() {
		detail := "Write " + kind + ".NAME."
		if text, isText := literalText(e); isText {
			detail = "Write " + kind + "." + strings.TrimPrefix(text, kind+".") + ", without quotes."
		}
		f.err(e.Range(), "expected a reference to a "+kind, detail)
		return "", hcl.Range{}, false
	}
	if t.RootName() != kind || len(t) != 2 {
		f.errAdvised(e.Range(), "expected a reference to a "+kind, func() string {
			if _, ok := known[t.RootName()]; ok {
				return "Write " + kind + "." + t.RootName() + "."
			}
			return "Write " + kind + ".NAME. " + suggest(t.RootName(), sortedKeys(known), kind)
		})
		return "", hcl.Range{}, false
	}
	name, at, isAttr := attrStep(t[1])
	if !isAttr {
		f.err(e.Range(), "expected a reference to a "+kind, "Write "+kind+".NAME.")
		return "", hcl.Range{}, false
	}
	if _, ok := known[name]; ok {
		return name, e.Range(), true
	}
	f.errAdvised(at, "unknown "+kind+" "+quote(name), func() string { return suggest(name, sortedKeys(known), kind) })
	return "", hcl.Range{}, false
}

// collection resolves TYPE.NAME.RECORD.
func (l *catalog) collection(f *findings, a *hclsyntax.Attribute) (connectors.Collection, bool) {
	none := connectors.Collection{}
	form := "Write TYPE.NAME.RECORD, as in incidentio.acme.incident."
	t, diags := hcl.AbsTraversalForExpr(a.Expr)
	if diags.HasErrors() {
		if text, ok := literalText(a.Expr); ok {
			form = "Write it without quotes: " + text + "."
		}
		f.err(a.Expr.Range(), a.Name+" must name a record type", form)
		return none, false
	}
	kind, kindAt := t.RootName(), t[0].SourceRange()
	system, ok := l.systems[kind]
	if !ok {
		detail := suggest(kind, sortedKeys(l.systems), "connector type")
		if c := l.connectors[kind]; c != nil && c.result != nil {
			detail = fmt.Sprintf("%q is the name of a connector; its type comes before it: %s.%s.RECORD.", kind, c.result.System.Type, kind)
		}
		f.err(kindAt, "unknown connector type "+quote(kind), sentences(form, detail))
		return none, false
	}
	if len(t) != 3 {
		f.err(a.Expr.Range(), a.Name+" must name a record type", form)
		return none, false
	}
	name, nameAt, ok1 := attrStep(t[1])
	record, recordAt, ok2 := attrStep(t[2])
	if !ok1 || !ok2 {
		f.err(a.Expr.Range(), a.Name+" must name a record type", form)
		return none, false
	}
	c, ok := l.connectors[name]
	if !ok {
		f.errAdvised(nameAt, "unknown connector "+quote(name), func() string { return suggest(name, l.connectorsOf(kind), kind+" connector") })
		return none, false
	}
	if c.result == nil {
		return none, false
	}
	if c.result.System.Type != kind {
		f.err(nameAt, fmt.Sprintf("%q is not of type %s", name, kind), fmt.Sprintf("The connector %q at %s is of type %s.", name, position(c.at), c.result.System.Type))
		return none, false
	}
	if _, ok := system.Schema(record); !ok {
		f.err(recordAt, fmt.Sprintf("%s has no record type %q", kind, record), suggest(record, system.Records, "record type"))
		return none, false
	}
	if near := NearRecord(system, record); near != "" {
		f.warn(recordAt, fmt.Sprintf("%q is near to %q", record, near), "It is taken for a record type of its own, whose fields are not known. If that is what it is, all is well; else write "+near+".")
	}
	return connectors.Collection{Type: kind, Connector: name, Record: record}, true
}

// NearRecord returns the record type of a system that was probably meant by one that is
// not known; empty: it is known, or near to none.
func NearRecord(system connectors.System, record string) string {
	if slices.Contains(system.Records, record) || system.Familiar != nil && system.Familiar(record) {
		return ""
	}
	return nearest.Name(record, system.Records)
}

// connectorsOf returns the names of the connectors of a type.
func (l *catalog) connectorsOf(kind string) []string {
	var names []string
	for name, c := range l.connectors {
		if c.result != nil && c.result.System.Type == kind {
			names = append(names, name)
		}
	}
	return names
}

// schema returns the schema of a record type that collection has resolved.
func (l *catalog) schema(c connectors.Collection) *connectors.Schema {
	s, _ := l.systems[c.Type].Schema(c.Record)
	return s
}

// parentSchema returns the schema of the records that those of c belong to, nil if
// there are none.
func (l *catalog) parentSchema(c connectors.Collection) *connectors.Schema {
	s := l.schema(c)
	if s == nil || s.Parent == "" {
		return nil
	}
	parent, _ := l.systems[c.Type].Schema(s.Parent)
	return parent
}
