package values

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Chosen says what a field takes whose choices lack a value, without quoting it; nil: they
// have it, or only the instance knows them.
func Chosen(f connectors.Field, v any) error {
	if f.Takes(v) {
		return nil
	}
	const few = 24
	var names []string
	for _, c := range f.Choices {
		name := fmt.Sprint(c.Value)
		if c.Label != "" && c.Label != name {
			name += " (" + c.Label + ")"
		}
		if names = append(names, name); len(names) == few {
			names = append(names, "…")
			break
		}
	}
	return errors.New("it takes one of " + strings.Join(names, ", "))
}
