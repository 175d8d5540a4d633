package incidentiotest

import (
	"reflect"
	"slices"
)

// log adds an entry to an incident's activity log.
func (s *Server) log(incident, kind, title string, at Moment, content map[string]any) {
	s.activity = append(s.activity, &Activity{
		ID: s.newID(), IncidentID: incident, Type: kind, Title: title, OccurredAt: at, CreatedAt: at,
		Content: map[string]any{kind: content},
	})
}

// logChanges writes down what changed in an incident, with both values.
func (s *Server) logChanges(before, after Incident, actor Actor, at Moment) {
	write := func(kind, title string, content map[string]any) {
		content["updater"] = actor
		s.log(after.ID, kind, title, at, content)
	}
	if before.Name != after.Name {
		write("incident_rename", "Renamed the incident", map[string]any{"previous_name": before.Name, "new_name": after.Name})
	}
	if before.Summary != after.Summary {
		write("summary_update", "Updated the summary", map[string]any{"previous_summary": before.Summary, "new_summary": after.Summary})
	}
	if before.IncidentStatus.ID != after.IncidentStatus.ID {
		write("status_change", "Changed the status", map[string]any{
			"previous_status": before.IncidentStatus, "new_status": after.IncidentStatus,
		})
	}
	if !reflect.DeepEqual(before.Severity, after.Severity) {
		write("incident_update", "Changed the severity", map[string]any{
			"previous_severity": before.Severity, "new_severity": after.Severity,
		})
	}
	if before.CallURL != after.CallURL {
		write("call_url_changed", "Changed the call", map[string]any{"previous_url": before.CallURL, "new_url": after.CallURL})
	}
	if !reflect.DeepEqual(before.IncidentType, after.IncidentType) {
		write("incident_type_changed", "Changed the type", map[string]any{"previous_type": before.IncidentType, "new_type": after.IncidentType})
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
				"custom_field": entry.CustomField, "previous_values": old.Values, "new_values": entry.Values,
			})
		}
	}
	for _, assignment := range after.IncidentRoleAssignments {
		old := find(before.IncidentRoleAssignments, func(a RoleAssignment) bool { return a.Role.ID == assignment.Role.ID })
		if old == nil {
			old = &RoleAssignment{}
		}
		if !reflect.DeepEqual(old.Assignee, assignment.Assignee) {
			write("role_update", "Changed "+assignment.Role.Name, map[string]any{
				"role": assignment.Role, "previous_assignee": old.Assignee, "new_assignee": assignment.Assignee,
			})
		}
	}
	for _, value := range after.IncidentTimestampValues {
		if !slices.ContainsFunc(before.IncidentTimestampValues, func(v TimestampValue) bool { return reflect.DeepEqual(v, value) }) {
			write("incident_timestamp_set", "Set "+value.Timestamp.Name, map[string]any{"incident_timestamp": value})
		}
	}
}
