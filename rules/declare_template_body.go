package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
	"github.com/lockstep-sync/lockstep/rules/guarded"
)

// The defaults of a template.
const (
	defaultParentWait = 10 * time.Minute
	defaultMaxSize    = 10 << 20
)

var (
	defaultModes    = []string{"standard", "retrospective"}
	defaultStatuses = []string{"live", "learning", "closed", "paused"}
	defaultTypes    = []string{"image/*"}
)

// A template is a template block with what of it does not depend on the source.
type template struct {
	decl   *templateDecl
	result *Template
	schema *connectors.Schema // of the target
	when   *expr.Text         // nil: always
	// source_field as written; empty if it is not.
	sourceField guarded.String
	// lifecycle.modes and lifecycle.statuses as written; nil if they are not.
	modes, statuses []element
	fields          []*mappingDecl
	comments        map[Direction][]commentDecl
	used            bool            // some route lists it, or has it as no_match
	usedBases       map[string]bool // all that are used
	ok              bool
}

// A mappingDecl is one mapping with its HCL evaluated.
type mappingDecl struct {
	field *field
	value *value // nil if it has mistakes
}

// inherited says which template takes a mapping, or a condition, of another one that
// is not checked by itself; empty: none does.
func (t *template) inherited(of string) string {
	if of == "" || of == t.decl.name || t.usedBases[of] {
		return ""
	}
	return fmt.Sprintf("Template %q takes it from here.", t.decl.name)
}

// A bodyReader evaluates the HCL of templates.
type bodyReader struct {
	*progress
	read      *decoder
	values    *valueDecoder
	catalog   *catalog
	tables    map[string]*tableDecl
	templates map[string]*templateDecl
}

// template decodes what of a template does not depend on the source; nil if
// nothing can be made of it.
func (l *bodyReader) template(d *templateDecl) *template {
	if !d.ok {
		return nil
	}
	a := d.attrs["target"]
	if a == nil || isNull(a.Expr) {
		l.read.missing(d.at, "template", "target")
		return nil
	}
	before := l.errors()
	target, ok := l.catalog.collection(l.findings, a)
	if !ok {
		return nil
	}
	t := &template{decl: d, result: &Template{Name: d.name, Target: target}, schema: l.catalog.schema(target)}
	t.result.Conflict = oneOf(l.read, d.attrs["conflict"], SourceWins, SourceWins, TargetWins, LatestWins)
	if t.result.State = l.decodeStateSync(d); t.result.State != nil {
		t.sourceField = l.read.str(d.attrsOf["state"]["source_field"])
		t.result.State.SourceField = t.sourceField.Reveal()
		t.result.State.TargetField = stateField(l.findings, t, "target_field", l.read.str(d.attrsOf["state"]["target_field"]), t.schema)
	}
	t.result.Lifecycle = l.decodeLifecycle(t)
	t.result.Files = l.decodeAttachments(d)
	t.comments = l.decodeComments(d)
	t.when = l.read.text(d.attrs["when"])
	for _, f := range d.fieldsOf(onceSection, outboundSection, inboundSection) {
		v, ok := l.values.value(f.expr)
		switch {
		case !ok:
			t.fields = append(t.fields, &mappingDecl{f, nil})
		case v.kind != nullValue:
			t.fields = append(t.fields, &mappingDecl{f, v})
		}
	}
	if life := d.attrsOf["lifecycle"]; t.result.Lifecycle.OnDelete == "close" && d.attrsOf["state"]["table"] == nil {
		l.err(life["on_delete"].Expr.Range(), `on_delete = "close" needs a state table`,
			"The table's last state is written to close the ticket: add state { table = state_table.NAME }, or write \"detach\".")
	}
	l.checkRequired(t)
	l.checkStateField(t)
	t.ok = l.errors() == before
	return t
}

// checkRequired warns of fields of the target that nothing sets.
func (l *bodyReader) checkRequired(t *template) {
	var missing []string
	for name, f := range t.schema.Fields {
		if _, set := t.decl.fields[fieldKey{false, name}]; f.Required && !set {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	for _, name := range missing {
		l.warn(t.decl.at, fmt.Sprintf("template %q does not set %s", t.decl.name, name),
			fmt.Sprintf("%s of %s needs it. Set it in once or in outbound.", upperFirst(article(t.schema.Record)), t.result.Target.Type))
	}
}

// checkStateField warns of a state that two things write.
func (l *bodyReader) checkStateField(t *template) {
	s := t.result.State
	if s == nil || s.Direction == Inbound {
		return
	}
	if f := t.decl.fields[fieldKey{false, s.TargetField}]; f != nil && f.section == outboundSection {
		l.warn(f.at, fmt.Sprintf("field %q is written by the state block, too", f.name),
			"The two would undo each other's writes. Move it to once, where it counts when the ticket is opened, or set the direction of the state block to \"inbound\".")
	}
}

// decodeStateSync reads the state block. The paths are filled in later, when
// the source is known.
func (l *bodyReader) decodeStateSync(d *templateDecl) *StateSync {
	attrs, ok := d.attrsOf["state"]
	if !ok {
		return nil
	}
	s := &StateSync{Direction: oneOf(l.read, attrs["direction"], Both, Outbound, Inbound, Both)}
	a := attrs["table"]
	if a == nil || isNull(a.Expr) {
		l.read.missing(d.blockAt["state"], "state block", "table")
		return s
	}
	if name, _, ok := referenceTo(l.findings, a.Expr, "state_table", l.tables); ok {
		s.Table = l.tables[name].result
	}
	return s
}

func (l *bodyReader) decodeLifecycle(t *template) Lifecycle {
	attrs := t.decl.attrsOf["lifecycle"]
	life := Lifecycle{
		KeepPrivate: oneOf(l.read, attrs["on_private"], "stop", "stop", "keep") == "keep",
		OnDelete:    oneOf(l.read, attrs["on_delete"], "detach", "detach", "close"),
		OnReopen:    oneOf(l.read, attrs["on_reopen"], "same", "same", "new"),
		Modes:       defaultModes,
		Statuses:    defaultStatuses,
		ParentWait:  l.read.duration(attrs["parent_wait"], defaultParentWait, waitSpan),
	}
	if a := attrs["modes"]; a != nil && !isNull(a.Expr) {
		t.modes = l.filled(a, "No record gets a ticket.")
		life.Modes = revealed(t.modes) // an empty list is one: no mode
	}
	if a := attrs["statuses"]; a != nil && !isNull(a.Expr) {
		t.statuses = l.filled(a, "No record gets a ticket.")
		life.Statuses = revealed(t.statuses)
	}
	return life
}

// filled reads a list of strings, and warns of an empty one.
func (l *bodyReader) filled(a *hclsyntax.Attribute, effect string) []element {
	all, ok := l.read.stringList(a)
	if ok && len(all) == 0 {
		l.warn(a.Expr.Range(), a.Name+" is empty", effect+" List what is meant, or leave "+a.Name+" out.")
	}
	return all
}

func (l *bodyReader) decodeAttachments(d *templateDecl) Attachments {
	var all Attachments
	for _, b := range d.clausesOf["attachments"][Inbound] {
		all.Inbound = append(all.Inbound, l.attachmentClause(b.Body.Attributes))
	}
	for _, b := range d.clausesOf["attachments"][Outbound] {
		all.Outbound = append(all.Outbound, l.attachmentClause(b.Body.Attributes))
	}
	return all
}

func (l *bodyReader) attachmentClause(attrs hclsyntax.Attributes) AttachmentClause {
	c := AttachmentClause{Types: defaultTypes, MaxSize: l.read.size(attrs["max_size"], defaultMaxSize)}
	a := attrs["types"]
	if a == nil || isNull(a.Expr) {
		return c
	}
	types := l.filled(a, "No file is taken.")
	for _, t := range types {
		if kind, sub, ok := strings.Cut(t.Reveal(), "/"); !ok || kind == "" || sub == "" {
			l.err(t.at, "invalid media type "+t.Quote(), `Write a type as "image/png", "image/*" or "*/*".`)
		}
	}
	c.Types = revealed(types)
	return c
}

// templatesOf decodes the templates that can be chosen or are not used at all.
// One that only others extend needs no target and is checked with these.
func (l *bodyReader) templatesOf(routes []*routeDecl) map[string]*template {
	used := map[string]bool{}
	for _, r := range routes {
		for _, ref := range r.templates {
			used[ref.name] = true
		}
		if r.noMatch != nil {
			used[r.noMatch.name] = true
		}
	}
	templates := map[string]*template{}
	for _, name := range sortedKeys(l.templates) {
		if l.givenUp() {
			break
		}
		d := l.templates[name]
		if d.extended && !used[name] && d.attrs["target"] == nil {
			continue
		}
		if d.extended && !used[name] {
			// What is wrong with it is wrong with those that extend it; what they
			// replace does no harm.
			kept := *l.findings
			*l.findings = findings{}
			t := l.template(d)
			*l.findings = kept
			if t != nil && t.ok {
				templates[name] = t
			}
			continue
		}
		if t := l.template(d); t != nil {
			t.used, t.usedBases = used[name], used
			templates[name] = t
		}
	}
	return templates
}

// stateField returns the dotted path of the raw state of a record type: that of the
// state block, written in an attribute, or else the type's own.
func stateField(f *findings, t *template, attr string, written guarded.String, s *connectors.Schema) string {
	if written.Empty() {
		if s.State == nil {
			f.err(t.decl.blockAt["state"], s.Record+" has no state of its own", "Name the field that holds it: "+attr+" = \"FIELD\".")
			return ""
		}
		return s.State.Field
	}
	if written.Sensitive() {
		f.err(t.decl.attrsOf["state"][attr].Expr.Range(), "a sensitive value in "+attr, madeOfSecret+" Write the field's name.")
		return ""
	}
	top, _, _ := strings.Cut(written.Reveal(), ".")
	free := slices.ContainsFunc(s.FreePrefixes, func(p string) bool { return strings.HasPrefix(top, p) })
	if _, listed := s.Fields[top]; !listed && !free && s.Unlisted == connectors.RejectUnknown {
		f.err(t.decl.attrsOf["state"][attr].Expr.Range(), fmt.Sprintf("%s has no field %s", s.Record, quote(top)), suggest(top, sortedKeys(s.Fields), "field"))
	}
	return written.Reveal()
}
