package incidentiotest

import (
	"slices"
	"strconv"
	"time"
)

// A Change is one thing that changes in an incident. Things are named by what
// people call them, or by id.
type Change func(d *draft) *problem

// A draft is an incident while it is changed. Its lists are replaced, never
// written to: others hold them.
type draft struct {
	Incident
	server *Server
	actor  Actor
	opened bool // it is being created
}

// By says who does it.
func By(email string) Change {
	return func(d *draft) *problem {
		user := d.server.user(email)
		if user == nil {
			return invalid("user", "not_found", "there is no user %q", email)
		}
		d.actor = Actor{User: user}
		return nil
	}
}

// SetName changes the name.
func SetName(name string) Change {
	return func(d *draft) *problem { d.Name = name; return nil }
}

// SetSummary changes the summary.
func SetSummary(text string) Change {
	return func(d *draft) *problem { d.Summary = text; return nil }
}

// SetCallURL changes the address of the call.
func SetCallURL(address string) Change {
	return func(d *draft) *problem { d.CallURL = address; return nil }
}

// SetMode changes the mode, which may be one that nobody knows.
func SetMode(mode string) Change {
	return func(d *draft) *problem { d.Mode = mode; return nil }
}

// SetVisibility makes the incident "public" or "private".
func SetVisibility(visibility string) Change {
	return func(d *draft) *problem { d.Visibility = visibility; return nil }
}

// SetSeverity changes the severity; "" takes it away.
func SetSeverity(name string) Change {
	return func(d *draft) *problem {
		d.Severity = nil
		if name == "" {
			return nil
		}
		if d.Severity = d.server.severity(name); d.Severity == nil {
			return invalid("severity_id", "not_found", "There is no severity %q", name)
		}
		return nil
	}
}

// SetStatus changes the status, to any, as people may in the app.
func SetStatus(name string) Change {
	return func(d *draft) *problem {
		status := d.server.status(name)
		if status == nil {
			return invalid("incident_status_id", "not_found", "There is no status %q", name)
		}
		d.IncidentStatus = *status
		return nil
	}
}

// SetType changes the incident type.
func SetType(name string) Change {
	return func(d *draft) *problem {
		if d.IncidentType = d.server.incidentType(name); d.IncidentType == nil {
			return invalid("incident_type_id", "not_found", "There is no incident type %q", name)
		}
		return nil
	}
}

// SetRole gives a role to a person, or to nobody.
func SetRole(role, email string) Change {
	return func(d *draft) *problem {
		r := d.server.role(role)
		if r == nil {
			return invalid("incident_role_assignments", "not_found", "There is no incident role %q", role)
		}
		assignment := RoleAssignment{Role: *r}
		if email != "" {
			if assignment.Assignee = d.server.user(email); assignment.Assignee == nil {
				return invalid("incident_role_assignments", "not_found", "There is no user %q", email)
			}
		}
		d.IncidentRoleAssignments = replace(d.IncidentRoleAssignments, assignment,
			func(a RoleAssignment) bool { return a.Role.ID == r.ID })
		return nil
	}
}

// SetTimestamp sets a timestamp; the zero time takes its value away.
func SetTimestamp(name string, at time.Time) Change {
	return func(d *draft) *problem {
		t := d.server.timestamp(name)
		if t == nil {
			return invalid("incident_timestamp_values", "not_found", "There is no timestamp %q", name)
		}
		value := TimestampValue{Timestamp: *t}
		if !at.IsZero() {
			value.Value = &MomentValue{Moment{at}}
		}
		d.IncidentTimestampValues = replace(d.IncidentTimestampValues, value,
			func(v TimestampValue) bool { return v.Timestamp.ID == t.ID })
		return nil
	}
}

// SetCustomField sets a custom field to what people see in it; no value takes
// it away.
func SetCustomField(name string, values ...string) Change {
	return func(d *draft) *problem {
		f := d.server.field(name)
		if f == nil {
			return invalid("custom_field_entries", "not_found", "There is no custom field %q", name)
		}
		entry := FieldEntry{CustomField: d.server.fieldInfo(f), Values: []FieldValue{}}
		if len(values) > 1 && f.FieldType != "multi_select" {
			return invalid("custom_field_entries", "too_many_values", "%s takes one value", f.Name)
		}
		for _, value := range values {
			v, p := fieldValue(entry.CustomField, value)
			if p != nil {
				return p
			}
			entry.Values = append(entry.Values, v)
		}
		d.CustomFieldEntries = replace(d.CustomFieldEntries, entry,
			func(e FieldEntry) bool { return e.CustomField.ID == f.ID })
		return nil
	}
}

// fieldValue is one value of a custom field; of select fields value is an
// option's text or id.
func fieldValue(f FieldInfo, value string) (FieldValue, *problem) {
	switch f.FieldType {
	case "text":
		return FieldValue{Text: value}, nil
	case "link":
		return FieldValue{Link: value}, nil
	case "numeric":
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return FieldValue{}, invalid("custom_field_entries", "invalid_value", "%s takes a number", f.Name)
		}
		return FieldValue{Numeric: value}, nil
	}
	if len(f.Catalog) > 0 {
		entry := entryOf(f.Catalog, value)
		if entry == nil {
			return FieldValue{}, invalid("custom_field_entries", "not_found", "%s has no catalog entry %q", f.Name, value)
		}
		return FieldValue{Entry: entry}, nil
	}
	option := find(f.Options, func(o Option) bool { return o.ID == value || o.Value == value })
	if option == nil {
		return FieldValue{}, invalid("custom_field_entries", "not_found", "%s has no option %q", f.Name, value)
	}
	return FieldValue{Option: option}, nil
}

// replace is a new list with the element in place of the one that fits, or at
// its end.
func replace[T any](list []T, element T, fits func(T) bool) []T {
	list = slices.Clone(list)
	if at := slices.IndexFunc(list, fits); at >= 0 {
		list[at] = element
		return list
	}
	return append(list, element)
}

// open creates an incident. The API's answer holds it also while commits are
// held.
func (s *Server) open(actor Actor, changes ...Change) (Incident, *problem) {
	d := &draft{server: s, actor: actor, opened: true, Incident: Incident{
		ID: s.newID(), Mode: "standard", Visibility: "public",
		CustomFieldEntries: []FieldEntry{}, IncidentRoleAssignments: []RoleAssignment{}, IncidentTimestampValues: []TimestampValue{},
		SlackTeamID: "T02A1FSLE8J",
	}}
	d.IncidentType = find(s.types, func(t Type) bool { return t.IsDefault })
	d.IncidentStatus = *find(s.statuses, func(v Status) bool { return v.Category == "live" })
	for _, change := range changes {
		if p := change(d); p != nil {
			return Incident{}, p
		}
	}
	s.number++
	number := strconv.Itoa(s.number)
	d.Reference, d.Permalink = "INC-"+number, s.opts.DashboardURL+"/incidents/"+number
	d.SlackChannelID, d.SlackChannelName = "C"+d.ID[16:], "inc-"+number
	d.Creator = d.actor
	made := &d.Incident
	s.commit(func(at Moment) {
		made.CreatedAt, made.UpdatedAt = at, at
		if reported := s.timestamp("Reported at"); reported != nil {
			made.IncidentTimestampValues = replace(made.IncidentTimestampValues,
				TimestampValue{Timestamp: *reported, Value: &MomentValue{at}},
				func(v TimestampValue) bool { return v.Timestamp.ID == reported.ID })
		}
		s.incidents = append(s.incidents, made)
		s.emit(made.Visibility == "private", "incident_created_v2", made.ID, *made)
	})
	return *made, nil
}

// StampIncident gives an incident another time of its last change, as if a clock
// were wrong.
func (s *Server) StampIncident(id string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.incidents {
		if i.ID == id {
			i.UpdatedAt = Moment{at.UTC()}
		}
	}
}

// change edits an incident. Nothing is stamped where nothing changes.
func (s *Server) change(i *Incident, actor Actor, changes ...Change) (Incident, *problem) {
	return s.share(i, actor, nil, changes...)
}
