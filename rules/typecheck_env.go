package rules

import (
	"fmt"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
)

// The names that expressions see beside the record itself.
const (
	parentName  = "parent"
	ticketName  = "ticket"
	stateName   = "state"
	localName   = "local"
	linkName    = "link"
	commentName = "comment"
)

// An envKey is what the environments of expressions depend on.
type envKey struct {
	source [2]string // connector type and record type
	target [2]string
}

// envs are the environments of a template's expressions.
type envs struct {
	condition *expr.Env // of when: source, parent, local
	outbound  *expr.Env // of once and outbound: also state and link
	inbound   *expr.Env // also ticket
	err       error
}

// envs are the environments for a pair of record types, made once each.
func (l *checker) envsOf(source, target connectors.Collection) *envs {
	key := envKey{[2]string{source.Type, source.Record}, [2]string{target.Type, target.Record}}
	if made, ok := l.envs[key]; ok {
		return made
	}
	made := &envs{}
	l.envs[key] = made
	text := connectors.Type{Kind: connectors.String}
	texts := func(names ...string) map[string]expr.Variable {
		members := map[string]expr.Variable{}
		for _, name := range names {
			members[name] = expr.Variable{Name: name, Type: text}
		}
		return members
	}
	schema := l.catalog.schema(source)
	vars := []expr.Variable{{Name: source.Record, Schema: schema}, l.localVariable()}
	if parent := l.catalog.parentSchema(source); parent != nil {
		vars = append(vars, expr.Variable{Name: parentName, Nested: map[string]expr.Variable{
			schema.Parent: {Name: schema.Parent, Schema: parent},
			ticketName:    {Name: ticketName, Nested: texts("id", "number", "url")},
		}})
	}
	build := func(more ...expr.Variable) *expr.Env {
		vars = append(vars, more...)
		env, err := l.newEnv(vars)
		if err != nil && made.err == nil {
			made.err = err
		}
		return env
	}
	made.condition = build()
	made.outbound = build(expr.Variable{Name: stateName, Type: text},
		expr.Variable{Name: linkName, Nested: texts("id", "route", "template")})
	made.inbound = build(expr.Variable{Name: ticketName, Schema: l.catalog.schema(target)})
	return made
}

// newEnv declares variables, in the one language of this load.
func (l *checker) newEnv(vars []expr.Variable) (*expr.Env, error) {
	if l.language == nil {
		language, err := expr.NewLanguage()
		if err != nil {
			return nil, err
		}
		l.language = language
	}
	return l.language.Env(vars)
}

func (l *checker) localVariable() expr.Variable {
	members := map[string]expr.Variable{}
	for name, v := range l.locals.seen {
		members[name] = expr.Variable{Name: name, Type: v.typ}
	}
	return expr.Variable{Name: localName, Nested: members}
}

// explainSensitive adds to the findings of an expression what they cannot know:
// that a local which it does not see is there, and sensitive.
func (l *checker) explainSensitive(f *findings) {
	for i := range f.list {
		d := &f.list[i]
		name, _, _ := strings.Cut(strings.TrimPrefix(d.summary, `unknown field "`), `"`)
		_, seen := l.locals.seen[name]
		if l.locals.known[name] != nil && !seen && strings.HasPrefix(d.summary, "unknown field "+quote(name)) {
			d.detail = fmt.Sprintf("local.%s is made from env() or from a sensitive variable, and expressions do not see sensitive locals.", name)
		}
	}
}

// lookUp is the value of a dotted path in a record, nil if it has none.
func lookUp(r *connectors.Record, path string) any {
	var v any = r.Fields
	for name := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}
