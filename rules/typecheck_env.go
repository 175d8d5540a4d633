package rules

import (
	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/expr"
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

// environments makes what expressions see.
type environments struct {
	catalog  *catalog
	locals   seenLocals
	language *expr.Language // of all expressions; nil: not built yet
	made     map[envKey]*envs
	comments *expr.Env // what conditions of comments see; nil: nobody asked yet
}

func newEnvironments(c *catalog, locals seenLocals) *environments {
	return &environments{catalog: c, locals: locals, made: map[envKey]*envs{}}
}

// envsOf returns the environments for a pair of record types, made once each.
func (l *environments) envsOf(source, target connectors.Collection) *envs {
	key := envKey{[2]string{source.Type, source.Record}, [2]string{target.Type, target.Record}}
	if made, ok := l.made[key]; ok {
		return made
	}
	made := &envs{}
	l.made[key] = made
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
func (l *environments) newEnv(vars []expr.Variable) (*expr.Env, error) {
	if l.language == nil {
		language, err := expr.NewLanguage()
		if err != nil {
			return nil, err
		}
		l.language = language
	}
	return l.language.Env(vars)
}

func (l *environments) localVariable() expr.Variable {
	members := map[string]expr.Variable{}
	for name, v := range l.locals.seen {
		members[name] = expr.Variable{Name: name, Type: v.typ}
	}
	return expr.Variable{Name: localName, Nested: members, Fixed: l.locals.values}
}

// forComments returns the environment of a clause of comments, made once.
func (l *environments) forComments() (*expr.Env, error) {
	if l.comments != nil {
		return l.comments, nil
	}
	text := connectors.Type{Kind: connectors.Text}
	env, err := l.newEnv([]expr.Variable{
		{Name: commentName, Nested: map[string]expr.Variable{
			"text": {Name: "text", Type: text}, "kind": {Name: "kind", Type: text}, "author": {Name: "author", Type: text},
		}},
		l.localVariable(),
	})
	l.comments = env
	return env, err
}
