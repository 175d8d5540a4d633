package incidentiotest

import "reflect"

// The activity log. The content of an entry is as the vendor's own clients have
// it; types that they do not list carry none.

// log adds an entry to an incident's activity log.
func (s *Server) log(incident, kind, title string, at Moment, content map[string]any) {
	entry := &Activity{ID: s.newID(), IncidentID: incident, Type: kind, Title: title, OccurredAt: at, CreatedAt: at}
	if content != nil {
		entry.Content = map[string]any{kind: content}
	}
	s.activity = append(s.activity, entry)
}

// logChanges writes down what changed in an incident, with both values, and the
// update u that was shared with it, if there was one.
func (s *Server) logChanges(before, after Incident, u *Update, actor Actor, at Moment) {
	write := func(kind, title string, content map[string]any) {
		content["updater"] = actor
		s.log(after.ID, kind, title, at, content)
	}
	shared := map[string]any{}
	if before.IncidentStatus.ID != after.IncidentStatus.ID {
		status := map[string]any{"previous_status": before.IncidentStatus, "new_status": after.IncidentStatus}
		if u.Message == "" {
			write("status_change", "Changed the status", status)
		} else {
			shared = status
		}
	}
	if !reflect.DeepEqual(before.Severity, after.Severity) {
		if before.Severity != nil {
			shared["previous_severity"] = before.Severity
		}
		shared["new_severity"] = after.Severity
	}
	if u != nil && (u.Message != "" || len(shared) > 0) {
		shared["id"] = u.ID
		if u.Message != "" {
			shared["message"] = u.Message
		}
		write("incident_update", "Shared an update", shared)
	}
	if before.Name != after.Name {
		write("incident_rename", "Renamed the incident", map[string]any{"previous_name": before.Name, "new_name": after.Name})
	}
	if before.Summary != after.Summary {
		write("summary_update", "Updated the summary", map[string]any{"previous_summary": before.Summary, "new_summary": after.Summary})
	}
	if before.CallURL != after.CallURL {
		s.log(after.ID, "call_url_changed", "Changed the call", at, nil)
	}
	if !reflect.DeepEqual(before.IncidentType, after.IncidentType) {
		write("incident_type_changed", "Changed the type", map[string]any{
			"previous_incident_type": before.IncidentType, "new_incident_type": after.IncidentType,
		})
	}
	if before.Visibility != after.Visibility {
		write("incident_visibility_changed", "Changed the visibility", map[string]any{
			"previous_visibility": before.Visibility, "new_visibility": after.Visibility,
		})
	}
	for _, entry := range after.CustomFieldEntries {
		old := find(before.CustomFieldEntries, func(e FieldEntry) bool { return e.CustomField.ID == entry.CustomField.ID })
		if old == nil {
			old = &FieldEntry{Values: []FieldValue{}}
		}
		if !reflect.DeepEqual(old.Values, entry.Values) {
			write("custom_field_value_update", "Changed "+entry.CustomField.Name, map[string]any{
				"custom_field":    entry.CustomField,
				"previous_values": first(old.Values), "previous_values_count": len(old.Values),
				"new_values": first(entry.Values), "new_values_count": len(entry.Values),
			})
		}
	}
	for _, assignment := range after.IncidentRoleAssignments {
		old := find(before.IncidentRoleAssignments, func(a RoleAssignment) bool { return a.Role.ID == assignment.Role.ID })
		if old == nil {
			old = &RoleAssignment{}
		}
		if !reflect.DeepEqual(old.Assignee, assignment.Assignee) {
			content := map[string]any{"role": assignment.Role}
			if old.Assignee != nil {
				content["previous_assignee"] = old.Assignee
			}
			if assignment.Assignee != nil {
				content["new_assignee"] = assignment.Assignee
			}
			write("role_update", "Changed "+assignment.Role.Name, content)
		}
	}
	for _, value := range after.IncidentTimestampValues {
		old := find(before.IncidentTimestampValues, func(v TimestampValue) bool { return v.Timestamp.ID == value.Timestamp.ID })
		if old == nil {
			old = &TimestampValue{}
		}
		if reflect.DeepEqual(old.Value, value.Value) {
			continue
		}
		content := map[string]any{"incident_timestamp": value.Timestamp}
		if old.Value != nil {
			content["previous_value"] = old.Value.Value
		}
		if value.Value != nil {
			content["new_value"] = value.Value.Value
		}
		write("incident_timestamp_set", "Set "+value.Timestamp.Name, content)
	}
}

// first are the values of a custom field that the log shows: a hundred.
func first(values []FieldValue) []FieldValue { return values[:min(len(values), 100)] }
