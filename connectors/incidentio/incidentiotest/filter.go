package incidentiotest

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// A filter is one condition of a list: NAME[OPERATOR]=VALUE, and for roles and
// custom fields NAME[ID][OPERATOR]=VALUE.
type filter struct {
	name, id, operator string
	values             []string
}

var filterPattern = regexp.MustCompile(`^([a-z_]+)(?:\[([^\[\]]+)\])?\[([a-z_]+)\]$`)

// filters reads the conditions of a query.
func filters(query url.Values) []filter {
	var all []filter
	for name, values := range query {
		if m := filterPattern.FindStringSubmatch(name); m != nil {
			all = append(all, filter{name: m[1], id: m[2], operator: m[3], values: values})
		}
	}
	slices.SortFunc(all, func(a, b filter) int {
		return strings.Compare(a.name+a.id+a.operator, b.name+b.id+b.operator)
	})
	return all
}

func (f filter) unknown() *problem {
	return invalid(f.name, "invalid_value", "%s does not take the operator %s", f.name, f.operator)
}

// operators are those that compare without order.
var operators = map[string]simulator.Operator{"one_of": simulator.OneOf, "not_in": simulator.NoneOf, "is_blank": simulator.Blank}

// holds compares what a record has by one of the operators that the field takes.
func (f filter) holds(have []string, takes ...string) (bool, *problem) {
	if !slices.Contains(takes, f.operator) {
		return false, f.unknown()
	}
	holds := operators[f.operator].Holds(have, f.values, nil)
	if f.operator == "is_blank" {
		holds = holds == (f.values[0] == "true")
	}
	return holds, nil
}

// among is one_of and not_in.
func (f filter) among(value string) (bool, *problem) {
	return f.holds([]string{value}, "one_of", "not_in")
}

// moment is gte, lte and date_range, of dates or times.
func (f filter) moment(at Moment) (bool, *problem) {
	read := func(text string) (time.Time, *problem) {
		for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
			if t, err := time.Parse(layout, text); err == nil {
				return t, nil
			}
		}
		return time.Time{}, invalid(f.name, "invalid_value", "%q is not a date", text)
	}
	from, to := f.values[0], ""
	switch f.operator {
	case "gte":
	case "lte":
		from, to = "", f.values[0]
	case "date_range":
		var both bool
		if from, to, both = strings.Cut(f.values[0], "~"); !both {
			return false, invalid(f.name, "invalid_value", "a date_range is two dates and a tilde between them")
		}
	default:
		return false, f.unknown()
	}
	if from != "" {
		t, p := read(from)
		if p != nil || at.Before(t) {
			return false, p
		}
	}
	if to != "" {
		t, p := read(to)
		if p != nil || at.After(t) {
			return false, p
		}
	}
	return true, nil
}

// fits reports whether an incident meets a condition.
func (s *Server) fits(f filter, i *Incident) (bool, *problem) {
	switch f.name {
	case "status":
		return f.among(i.IncidentStatus.ID)
	case "status_category":
		return f.among(i.IncidentStatus.Category)
	case "incident_type":
		if i.IncidentType == nil {
			return f.operator == "not_in", nil
		}
		return f.among(i.IncidentType.ID)
	case "severity":
		return s.fitsSeverity(f, i)
	case "mode":
		return f.holds([]string{i.Mode}, "one_of")
	case "created_at":
		return f.moment(i.CreatedAt)
	case "updated_at":
		return f.moment(i.UpdatedAt)
	case "incident_role":
		return f.fitsRole(i)
	case "custom_field":
		return f.fitsField(i)
	}
	return true, nil // as any parameter that the vendor does not know
}

func (s *Server) fitsSeverity(f filter, i *Incident) (bool, *problem) {
	if f.operator != "gte" && f.operator != "lte" {
		id := ""
		if i.Severity != nil {
			id = i.Severity.ID
		}
		return f.among(id)
	}
	bound := find(s.severities, func(v Severity) bool { return v.ID == f.values[0] })
	if bound == nil {
		return false, invalid("severity", "not_found", "There is no severity %q", f.values[0])
	}
	if i.Severity == nil {
		return false, nil
	}
	if f.operator == "gte" {
		return i.Severity.Rank >= bound.Rank, nil
	}
	return i.Severity.Rank <= bound.Rank, nil
}

func (f filter) fitsRole(i *Incident) (bool, *problem) {
	assignment := find(i.IncidentRoleAssignments, func(a RoleAssignment) bool { return a.Role.ID == f.id })
	assignee := ""
	if assignment != nil && assignment.Assignee != nil {
		assignee = assignment.Assignee.ID
	}
	return f.holds([]string{assignee}, "is_blank", "one_of")
}

func (f filter) fitsField(i *Incident) (bool, *problem) {
	entry := find(i.CustomFieldEntries, func(e FieldEntry) bool { return e.CustomField.ID == f.id })
	var held []string
	if entry != nil {
		for _, v := range entry.Values {
			switch {
			case v.Option != nil:
				held = append(held, v.Option.ID)
			case v.Entry != nil:
				held = append(held, v.Entry.ID)
			default:
				held = append(held, v.Text+v.Link+v.Numeric)
			}
		}
	}
	return f.holds(held, "one_of", "not_in", "is_blank")
}
