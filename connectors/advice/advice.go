// Package advice compares the names that a configuration relies on with those that
// an account has. A connector declares which kinds of names there are and how each is
// looked up; the comparison, the near names and the lists in its sentences are the
// same for all.
package advice

import (
	"context"
	"errors"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// A Name is one that a use relies on.
type Name struct {
	Text  string
	Value any // the literal or key that has it; nil: the field itself
}

// A Kind is a kind of names.
type Kind struct {
	// Names are those of the kind that a use relies on.
	Names func(connectors.Use) []Name
	// Check says what does not fit about one of them; "": it fits. On a refusal
	// (connectors.IsRefusal) nothing is said: the account does not tell. Any other
	// error ends the comparison, but for an UnconfirmedError, which is said of the use.
	Check func(context.Context, connectors.Use, Name) (string, error)
}

// UnconfirmedError is the error of a Check that cannot tell, and says why.
type UnconfirmedError string

func (u UnconfirmedError) Error() string { return string(u) }

// Compare checks each name of each use, in their order.
func Compare(ctx context.Context, uses []connectors.Use, kinds ...Kind) ([]connectors.Advice, error) {
	var report Report
	if err := report.Compare(ctx, uses, kinds...); err != nil {
		return nil, err
	}
	return report.All(), nil
}

// A Report is advice, each piece once.
type Report struct {
	all  []connectors.Advice
	said map[piece]bool
}

type piece struct{ template, record, field, value, message string }

// Compare adds what there is to say of each name of each use, in their order.
func (r *Report) Compare(ctx context.Context, uses []connectors.Use, kinds ...Kind) error {
	for _, use := range uses {
		for _, kind := range kinds {
			for _, name := range kind.Names(use) {
				said, err := kind.Check(ctx, use, name)
				var unconfirmed UnconfirmedError
				switch {
				case errors.As(err, &unconfirmed):
					r.Add(use, nil, string(unconfirmed))
				case err != nil && !connectors.IsRefusal(err):
					return err
				case err == nil && said != "":
					r.Add(use, name.Value, said)
				}
			}
		}
	}
	return nil
}

// Add adds advice on a use: on one of its literals or keys, or with nil on the field.
func (r *Report) Add(use connectors.Use, value any, message string) {
	text, _ := values.Text(value)
	key := piece{use.Template, use.Record, use.Field, text, message}
	if r.said[key] {
		return
	}
	if r.said == nil {
		r.said = map[piece]bool{}
	}
	r.said[key] = true
	r.all = append(r.all, connectors.Advice{Use: use, Value: value, Message: message})
}

// All returns what was added.
func (r *Report) All() []connectors.Advice { return r.all }

// Literals are the values that a use writes and that are not empty, those within
// lists as well.
func Literals(use connectors.Use) []Name {
	var names []Name
	for _, v := range use.Values {
		list, isList := v.([]any)
		if !isList {
			list = []any{v}
		}
		for _, element := range list {
			if text, err := values.Text(element); err == nil && text != "" {
				names = append(names, Name{text, element})
			}
		}
	}
	return names
}

// Texts are those of Literals that are texts.
func Texts(use connectors.Use) []Name {
	var names []Name
	for _, name := range Literals(use) {
		if _, isText := name.Value.(string); isText {
			names = append(names, name)
		}
	}
	return names
}

// Keys are the names that a use looks up in a map field.
func Keys(use connectors.Use) []Name {
	var names []Name
	for _, key := range use.Keys {
		names = append(names, Name{key, key})
	}
	return names
}

// A Once asks one question once, whatever came of it, for as long as a comparison takes.
type Once[K comparable, V any] map[K]answer[V]

type answer[V any] struct {
	value V
	err   error
}

// Get returns the answer of ask when it was called for the key first.
func (o Once[K, V]) Get(key K, ask func() (V, error)) (V, error) {
	known, asked := o[key]
	if !asked {
		known.value, known.err = ask()
		o[key] = known
	}
	return known.value, known.err
}
