package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
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
	made   *Template
	schema *connectors.Schema // of the target
	when   *expr.Text         // nil: always
	// source_field as written; empty if it is not.
	sourceField string
	// Where the elements of lifecycle.modes and lifecycle.statuses stand; empty
	// if they are not written.
	modesAt, statusesAt []hcl.Range
	fields              []*mappingDecl
	used                bool // some route lists it, or has it as no_match
	ok                  bool
}

// A mappingDecl is one mapping with its HCL evaluated.
type mappingDecl struct {
	field *field
	value *value // nil if it has mistakes
}

// template decodes what of a template does not depend on the source; nil if
// nothing can be made of it.
func (l *loader) template(d *templateDecl) *template {
	if !d.ok {
		return nil
	}
	a := d.attrs["target"]
	if a == nil || isNull(a.Expr) {
		l.missing(d.at, "template", "target")
		return nil
	}
	before := l.errors()
	target, ok := l.collection(a)
	if !ok {
		return nil
	}
	t := &template{decl: d, made: &Template{Name: d.name, Target: target}, schema: l.schema(target)}
	t.made.Conflict = oneOf(l, d.attrs["conflict"], SourceWins, SourceWins, TargetWins, LatestWins)
	if t.made.State = l.decodeStateSync(d); t.made.State != nil {
		t.sourceField = t.made.State.SourceField
		t.made.State.TargetField = stateField(&l.findings, t, "target_field", t.made.State.TargetField, t.schema)
	}
	t.made.Lifecycle = l.decodeLifecycle(t)
	t.made.Files = l.decodeAttachments(d)
	t.when = l.text(d.attrs["when"])
	for _, f := range d.fieldsOf(onceSection, outboundSection, inboundSection) {
		v, ok := l.value(f.expr)
		switch {
		case !ok:
			t.fields = append(t.fields, &mappingDecl{f, nil})
		case v.kind != nullValue:
			t.fields = append(t.fields, &mappingDecl{f, v})
		}
	}
	if life := d.attrsOf["lifecycle"]; t.made.Lifecycle.OnDelete == "close" && d.attrsOf["state"]["table"] == nil {
		l.err(life["on_delete"].Expr.Range(), `on_delete = "close" needs a state table`,
			"The table's last state is written to close the ticket: add state { table = state_table.NAME }, or write \"detach\".")
	}
	l.checkRequired(t)
	l.checkStateField(t)
	t.ok = l.errors() == before
	return t
}

// checkRequired warns of fields of the target that nothing sets.
func (l *loader) checkRequired(t *template) {
	var missing []string
	for name, f := range t.schema.Fields {
		if _, set := t.decl.fields[fieldKey{false, name}]; f.Required && !set {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	for _, name := range missing {
		l.warn(t.decl.at, fmt.Sprintf("template %q does not set %s", t.decl.name, name),
			fmt.Sprintf("%s of %s needs it. Set it in once or in outbound.", upperFirst(article(t.schema.Record)), t.made.Target.Type))
	}
}

// checkStateField warns of a state that two things write.
func (l *loader) checkStateField(t *template) {
	s := t.made.State
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
func (l *loader) decodeStateSync(d *templateDecl) *StateSync {
	attrs, ok := d.attrsOf["state"]
	if !ok {
		return nil
	}
	s := &StateSync{
		Direction:   oneOf(l, attrs["direction"], Both, Outbound, Inbound, Both),
		SourceField: l.str(attrs["source_field"]),
		TargetField: l.str(attrs["target_field"]),
	}
	a := attrs["table"]
	if a == nil || isNull(a.Expr) {
		l.missing(d.blockAt["state"], "state block", "table")
		return s
	}
	if name, _, ok := referenceTo(l, a.Expr, "state_table", l.tables); ok {
		s.Table = l.tables[name].made
	}
	return s
}

func (l *loader) decodeLifecycle(t *template) Lifecycle {
	attrs := t.decl.attrsOf["lifecycle"]
	life := Lifecycle{
		KeepPrivate: oneOf(l, attrs["on_private"], "stop", "stop", "keep") == "keep",
		OnDelete:    oneOf(l, attrs["on_delete"], "detach", "detach", "close"),
		OnReopen:    oneOf(l, attrs["on_reopen"], "same", "same", "new"),
		Modes:       defaultModes,
		Statuses:    defaultStatuses,
		ParentWait:  l.duration(attrs["parent_wait"], defaultParentWait),
	}
	if a := attrs["modes"]; a != nil && !isNull(a.Expr) {
		modes, places, _ := l.stringList(a)
		t.modesAt = places
		life.Modes = append([]string{}, modes...) // an empty list is one: no mode
	}
	if a := attrs["statuses"]; a != nil && !isNull(a.Expr) {
		statuses, places, _ := l.stringList(a)
		t.statusesAt = places
		life.Statuses = append([]string{}, statuses...)
	}
	return life
}

func (l *loader) decodeAttachments(d *templateDecl) Attachments {
	var all Attachments
	for _, b := range d.clausesOf["attachments"][Inbound] {
		all.Inbound = append(all.Inbound, l.attachmentClause(b.Body.Attributes))
	}
	for _, b := range d.clausesOf["attachments"][Outbound] {
		all.Outbound = append(all.Outbound, l.attachmentClause(b.Body.Attributes))
	}
	return all
}

func (l *loader) attachmentClause(attrs hclsyntax.Attributes) AttachmentClause {
	c := AttachmentClause{Types: defaultTypes, MaxSize: l.size(attrs["max_size"], defaultMaxSize)}
	a := attrs["types"]
	if a == nil || isNull(a.Expr) {
		return c
	}
	types, places, _ := l.stringList(a)
	for i, t := range types {
		if kind, sub, ok := strings.Cut(t, "/"); !ok || kind == "" || sub == "" {
			l.err(places[i], quote(t)+" is no media type", `Write a type as "image/png", "image/*" or "*/*".`)
		}
	}
	c.Types = types
	return c
}

// comments decodes the comments block for a pair of record types, whose kinds
// of comment it names.
func (l *loader) comments(d *templateDecl, source, target *connectors.Schema) Comments {
	var all Comments
	for _, b := range d.clausesOf["comments"][Inbound] {
		all.Inbound = append(all.Inbound, l.commentClause(b, target, source))
	}
	for _, b := range d.clausesOf["comments"][Outbound] {
		all.Outbound = append(all.Outbound, l.commentClause(b, source, target))
	}
	return all
}

func (l *loader) commentClause(b *hclsyntax.Block, from, to *connectors.Schema) CommentClause {
	c := CommentClause{locals: l.localValues}
	if len(to.CommentKinds) == 0 {
		l.err(b.DefRange(), article(to.Record)+" takes no comments", "Leave this block out.")
	}
	if a := b.Body.Attributes["from"]; a != nil && !isNull(a.Expr) {
		kinds, places, _ := l.stringList(a)
		for i, kind := range kinds {
			l.checkKind(kind, places[i], from)
		}
		c.From = kinds
	}
	if a := b.Body.Attributes["to"]; a != nil && !isNull(a.Expr) {
		if c.To = l.str(a); c.To != "" {
			l.checkKind(c.To, a.Expr.Range(), to)
		}
	}
	if text := l.text(b.Body.Attributes["when"]); text != nil {
		env, err := l.commentEnv()
		if err != nil {
			l.err(b.DefRange(), "conditions on comments cannot be compiled", capital(err.Error()))
			return c
		}
		condition, diags := env.Condition(text)
		l.hcl(diags)
		c.When = condition
	}
	return c
}

// text is a text whose runes know their places; nil if it is null, not written
// or has mistakes.
func (l *loader) text(a *hclsyntax.Attribute) *expr.Text {
	if a == nil || isNull(a.Expr) {
		return nil
	}
	v, ok := l.eval(a.Expr)
	if !ok || v.IsNull() {
		return nil
	}
	t, diags := l.newText(a.Expr)
	l.hcl(diags)
	if diags.HasErrors() {
		return nil
	}
	return t
}

func (l *loader) checkKind(kind string, at hcl.Range, s *connectors.Schema) {
	if len(s.CommentKinds) > 0 && !slices.Contains(s.CommentKinds, kind) {
		l.err(at, fmt.Sprintf("%s has no comments of the kind %q", s.Record, kind), suggest(kind, s.CommentKinds, "kind of comment"))
	}
}
