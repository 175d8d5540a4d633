package incidentio

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/advice"
	"github.com/lockstep-sync/lockstep/connectors/cache"
	"github.com/lockstep-sync/lockstep/connectors/nearest"
)

const opAdvise = "advise"

// Advise compares the names of severities, types, statuses, custom fields, their
// options, roles, timestamps and teams with those of the account. Follow-up
// priorities have no list in the API.
func (c *Connector) Advise(ctx context.Context, uses []connectors.Use) ([]connectors.Advice, error) {
	lists := advice.Once[string, *cache.List[named]]{}
	read := func(d directory) (*cache.List[named], error) {
		// What is found serves later writes as well.
		return lists.Get(d.key(), func() (*cache.List[named], error) { return c.listOf(ctx, opAdvise, d, 0) })
	}
	said, err := advice.Compare(ctx, uses,
		advice.Kind{Names: directoryNames, Check: func(_ context.Context, use connectors.Use, name advice.Name) (string, error) {
			d, _ := directoryIn(use)
			known, err := read(d)
			if err != nil {
				return "", err
			}
			if known.Refused != nil {
				return "", advice.UnconfirmedError(fmt.Sprintf("the %s names cannot be confirmed: this API key may not list them (scope %s)", d.noun, d.scope))
			}
			return missing(known.All, d, name.Text), nil
		}},
		// That there is no such custom field is said of the use of its name.
		advice.Kind{Names: optionNames, Check: func(ctx context.Context, use connectors.Use, name advice.Name) (string, error) {
			fields, err := c.listOf(ctx, opAdvise, directories()["incident/"+customFieldsField], cache.MissLife)
			if err != nil {
				return "", err
			}
			i := slices.IndexFunc(fields.All, func(f named) bool { return f.Name == strings.TrimPrefix(use.Field, customFieldsField+"/") })
			if i < 0 || fields.All[i].FieldType != singleSelect && fields.All[i].FieldType != multiSelect {
				return "", nil
			}
			options := optionsOf(fields.All[i])
			known, err := read(options)
			if err != nil || known.Refused != nil {
				return "", err
			}
			return missing(known.All, options, name.Text), nil
		}},
	)
	if err != nil {
		return nil, err
	}
	return c.adviseKey(ctx, uses, said)
}

// directoryIn is where the names are listed that a use relies on.
func directoryIn(use connectors.Use) (directory, bool) {
	field, _, _ := strings.Cut(use.Field, ".") // severity and severity.name
	d, ok := directories()[use.Record+"/"+field]
	return d, ok
}

// directoryNames are the names that a use looks up in a list of the account's.
// custom_fields, roles and timestamps are maps: their names are the keys.
func directoryNames(use connectors.Use) []advice.Name {
	if _, ok := directoryIn(use); !ok {
		return nil
	}
	switch field, _, _ := strings.Cut(use.Field, "."); field {
	case customFieldsField, rolesField, timestampsField:
		return advice.Keys(use)
	}
	return append(advice.Keys(use), advice.Texts(use)...)
}

// optionNames are the options of a custom field that a use writes.
func optionNames(use connectors.Use) []advice.Name {
	if use.Record != incidentRecord || !strings.HasPrefix(use.Field, customFieldsField+"/") {
		return nil
	}
	return advice.Texts(use)
}

// adviseKey says, once, that the incidents which a template declares cannot be found by
// their key.
func (c *Connector) adviseKey(ctx context.Context, uses []connectors.Use, all []connectors.Advice) ([]connectors.Advice, error) {
	at := slices.IndexFunc(uses, func(use connectors.Use) bool { return use.Record == incidentRecord && use.Opens })
	if at < 0 {
		return all, nil
	}
	field, told, err := c.keyFieldOf(ctx, opAdvise)
	if err != nil || field.ID != "" || !told {
		return all, err
	}
	return append(all, connectors.Advice{Use: uses[at], Message: fmt.Sprintf(
		"incidents have no text custom field %q, in which lockstep keeps its key of what it declares: what was declared is not found again once the daemon's data is lost", keyField)}), nil
}

// missing says that there is no such name, and which there are; "": there is.
func missing(all []named, d directory, name string) string {
	if category, ok := strings.CutPrefix(name, categoryPrefix); ok {
		if slices.Contains(categories(), category) || slices.ContainsFunc(all, func(n named) bool { return n.Category == category }) {
			return ""
		}
		return fmt.Sprintf("incident.io has no status category %q; there are %s", category, strings.Join(categories(), ", "))
	}
	names := namesOf(all)
	if slices.Contains(names, name) {
		return ""
	}
	return fmt.Sprintf("incident.io has no %s %q%s", d.noun, name, nearest.Instead(name, names))
}
