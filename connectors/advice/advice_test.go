package advice_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/advice"
)

func TestCompare(t *testing.T) {
	outage := errors.New("outage")
	asked := 0
	lists := advice.Once[string, []string]{}
	kind := advice.Kind{
		Names: advice.Literals,
		Check: func(_ context.Context, use connectors.Use, name advice.Name) (string, error) {
			_, err := lists.Get(use.Record, func() ([]string, error) {
				asked++
				switch use.Record {
				case "closed":
					return nil, &connectors.Error{Class: connectors.ClassForbidden}
				case "unlisted":
					return nil, advice.UnconfirmedError("may not be listed")
				case "down":
					return nil, outage
				}
				return nil, nil
			})
			if name.Text == "good" {
				return "", err
			}
			return "no " + name.Text, err
		},
	}
	use := func(template, record string, values ...any) connectors.Use {
		return connectors.Use{Template: template, Record: record, Field: "f", Values: values}
	}
	got, err := advice.Compare(t.Context(), []connectors.Use{
		use("a", "open", "good", "bad", int64(9), "", nil, []any{"worse", "good"}, map[string]any{}),
		use("a", "open", "bad"), // said before
		use("b", "open", "bad"),
		use("a", "closed", "bad"),
		use("a", "unlisted", "bad", "worse"),
	}, kind)
	if err != nil {
		t.Fatal(err)
	}
	type said struct {
		Template string
		Value    any
		Message  string
	}
	var all []said
	for _, a := range got {
		all = append(all, said{a.Use.Template, a.Value, a.Message})
	}
	want := []said{{"a", "bad", "no bad"}, {"a", int64(9), "no 9"}, {"a", "worse", "no worse"}, {"b", "bad", "no bad"}, {"a", nil, "may not be listed"}}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
	if _, err := advice.Compare(t.Context(), []connectors.Use{use("a", "down", "x")}, kind); !errors.Is(err, outage) {
		t.Errorf("an outage: %v", err)
	}
}

func TestNames(t *testing.T) {
	use := connectors.Use{Keys: []string{"Team"}, Values: []any{int64(3), "x"}}
	if diff := cmp.Diff([]advice.Name{{Text: "Team", Value: "Team"}}, advice.Keys(use)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]advice.Name{{Text: "x", Value: "x"}}, advice.Texts(use)); diff != "" {
		t.Error(diff)
	}
}
