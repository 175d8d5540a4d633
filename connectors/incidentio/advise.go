package incidentio

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Advise compares the names of severities, types, statuses, custom fields,
// roles, timestamps and teams with those of the account. Follow-up priorities
// have no list in the API.
func (c *Connector) Advise(ctx context.Context, uses []connectors.Use) ([]connectors.Advice, error) {
	var advice []connectors.Advice
	read := map[string]*names{}
	for _, use := range uses {
		if name, ok := strings.CutPrefix(use.Field, "custom_fields/"); ok && use.Record == incidentRecord {
			said, err := c.adviseOptions(ctx, use, name)
			if err != nil {
				return nil, err
			}
			advice = append(advice, said...)
			continue
		}
		field, _, _ := strings.Cut(use.Field, ".") // severity and severity.name
		of := use.Record + "/" + field
		directory, ok := directories()[of]
		wanted := wantedNames(use)
		if !ok || len(wanted) == 0 {
			continue
		}
		known := read[of]
		if known == nil {
			var err error
			if known, err = c.names(ctx, directory); err != nil {
				return nil, err
			}
			read[of] = known
		}
		if known.forbidden {
			advice = append(advice, connectors.Advice{Use: use, Message: fmt.Sprintf(
				"the %s names cannot be confirmed: this API key may not list them (scope %s)", directory.noun, directory.scope)})
			continue
		}
		for _, name := range wanted {
			if !known.has(name) {
				advice = append(advice, connectors.Advice{Use: use, Value: name, Message: known.missing(directory, name)})
			}
		}
	}
	return c.adviseKey(ctx, uses, advice)
}

// adviseKey says, once, that the incidents which a template declares cannot be found by
// their key.
func (c *Connector) adviseKey(ctx context.Context, uses []connectors.Use, advice []connectors.Advice) ([]connectors.Advice, error) {
	at := slices.IndexFunc(uses, func(use connectors.Use) bool { return use.Record == incidentRecord && use.Opens })
	if at < 0 {
		return advice, nil
	}
	field, told, err := c.keyFieldOf(ctx, "advise")
	if err != nil || field.ID != "" || !told {
		return advice, err
	}
	return append(advice, connectors.Advice{Use: uses[at], Message: fmt.Sprintf(
		"incidents have no text custom field %q, in which lockstep keeps its key of what it declares: what was declared is not found again once the daemon's data is lost", keyField)}), nil
}

// adviseOptions compares the values of a custom field with its options. That there is
// no such field is said of the use of its name.
func (c *Connector) adviseOptions(ctx context.Context, use connectors.Use, name string) ([]connectors.Advice, error) {
	if len(use.Values) == 0 {
		return nil, nil
	}
	fields, err := c.reading(ctx, "advise", directories()["incident/custom_fields"], missLife)
	if err != nil || fields.forbidden {
		return nil, err
	}
	i := slices.IndexFunc(fields.all, func(f named) bool { return f.Name == name })
	if i < 0 || fields.all[i].FieldType != singleSelect && fields.all[i].FieldType != "multi_select" {
		return nil, nil
	}
	options := optionsOf(fields.all[i])
	known, err := c.names(ctx, options)
	if err != nil || known.forbidden {
		return nil, err
	}
	var advice []connectors.Advice
	for _, value := range use.Values {
		if option, ok := value.(string); ok && option != "" && !known.has(option) {
			advice = append(advice, connectors.Advice{Use: use, Value: option, Message: known.missing(options, option)})
		}
	}
	return advice, nil
}

// wantedNames are the names that a use relies on. custom_fields, roles and
// timestamps are maps: their names are the keys.
func wantedNames(use connectors.Use) []string {
	names := slices.Clone(use.Keys)
	switch field, _, _ := strings.Cut(use.Field, "."); field {
	case "custom_fields", "roles", "timestamps":
		return names
	}
	for _, value := range use.Values {
		if name, ok := value.(string); ok && name != "" {
			names = append(names, name)
		}
	}
	return names
}

// names are the names in one directory.
type names struct {
	all        []string
	categories []string // of statuses
	forbidden  bool
}

// names reads a directory again. What it finds serves later writes as well.
func (c *Connector) names(ctx context.Context, d directory) (*names, error) {
	r, err := c.reading(ctx, "advise", d, 0)
	if err != nil {
		return nil, err
	}
	known := &names{all: r.names(), forbidden: r.forbidden}
	for _, n := range r.all {
		known.categories = append(known.categories, n.Category)
	}
	return known, nil
}

func (n *names) has(name string) bool {
	if category, ok := strings.CutPrefix(name, categoryPrefix); ok {
		return slices.Contains(categories(), category) || slices.Contains(n.categories, category)
	}
	return slices.Contains(n.all, name)
}

// missing says that there is no such name, and which there are.
func (n *names) missing(d directory, name string) string {
	if category, ok := strings.CutPrefix(name, categoryPrefix); ok {
		return fmt.Sprintf("incident.io has no status category %q; there are %s", category, strings.Join(categories(), ", "))
	}
	for _, known := range n.all {
		if strings.EqualFold(strings.TrimSpace(known), strings.TrimSpace(name)) {
			return fmt.Sprintf("incident.io has no %s %q; it is written %q", d.noun, name, known)
		}
	}
	const shown = 12
	all := slices.Sorted(slices.Values(n.all))
	list := strings.Join(all[:min(len(all), shown)], ", ")
	switch {
	case len(all) == 0:
		return fmt.Sprintf("incident.io has no %s %q, nor any other", d.noun, name)
	case len(all) > shown:
		list += ", …"
	}
	return fmt.Sprintf("incident.io has no %s %q; there are: %s", d.noun, name, list)
}
