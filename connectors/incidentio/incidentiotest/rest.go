package incidentiotest

import (
	"net/http"
	"strings"
)

// The routes, and the smaller resources.

func (s *Server) allRoutes() []route {
	return []route{
		{http.MethodGet, "/v1/identity", "", s.identity},
		{http.MethodGet, "/v2/incidents", "incidents.view", s.listIncidents},
		{http.MethodPost, "/v2/incidents", "incidents.create", s.createIncident},
		{http.MethodGet, "/v2/incidents/{id}", "incidents.view", s.showIncident},
		{http.MethodPost, "/v2/incidents/{id}/actions/edit", "", s.editIncident},
		{http.MethodGet, "/v2/incident_updates", "incidents.view", s.listUpdates},
		{http.MethodPost, "/v2/incident_updates", "", s.createUpdate},
		{http.MethodGet, "/v2/incident_timeline_items", "incidents.view", s.listTimeline},
		{http.MethodPost, "/v2/incident_timeline_items", "", s.createTimelineItem},
		{http.MethodPatch, "/v2/incident_timeline_items/{id}", "", s.updateTimelineItem},
		{http.MethodGet, "/v2/incident_activity_log_entries", "incidents.view", s.listActivity},
		{http.MethodGet, "/v1/incident_attachments", "attachments.view", s.listAttachments},
		{http.MethodPost, "/v1/incident_attachments", "attachments.create", s.createAttachment},
		{http.MethodDelete, "/v1/incident_attachments/{id}", "attachments.destroy", s.deleteAttachment},
		{http.MethodGet, "/v2/follow_ups", "actions.view", s.listFollowUpsV2},
		{http.MethodPost, "/v2/follow_ups", "follow_ups.create", s.createFollowUp(2)},
		{http.MethodGet, "/v2/follow_ups/{id}", "actions.view", s.showFollowUp(2)},
		{http.MethodPut, "/v2/follow_ups/{id}", "follow_ups.update", s.updateFollowUp(2)},
		{http.MethodDelete, "/v2/follow_ups/{id}", "follow_ups.destroy", s.deleteFollowUp},
		{http.MethodPost, "/v2/follow_ups/{id}/actions/connect_external_issue", "follow_ups.connect_external_issue", s.connectExternalIssue},
		{http.MethodGet, "/v3/follow_ups", "actions.view", s.listFollowUpsV3},
		{http.MethodPost, "/v3/follow_ups", "follow_ups.create", s.createFollowUp(3)},
		{http.MethodPost, "/v3/follow_ups/actions/create_from_link", "follow_ups.create", s.createFromLink},
		{http.MethodGet, "/v3/follow_ups/{id}", "actions.view", s.showFollowUp(3)},
		{http.MethodPut, "/v3/follow_ups/{id}", "follow_ups.update", s.updateFollowUp(3)},
		{http.MethodDelete, "/v3/follow_ups/{id}", "follow_ups.destroy", s.deleteFollowUp},
		{http.MethodGet, "/v1/severities", "severities.view", all("severities", func() any { return s.severities })},
		{http.MethodGet, "/v1/severities/{id}", "severities.view", one("severity", func(id string) *Severity {
			return find(s.severities, func(v Severity) bool { return v.ID == id })
		})},
		{http.MethodGet, "/v1/incident_statuses", "incident_statuses.view", all("incident_statuses", func() any { return s.statuses })},
		{http.MethodGet, "/v1/incident_statuses/{id}", "incident_statuses.view", one("incident_status", func(id string) *Status {
			return find(s.statuses, func(v Status) bool { return v.ID == id })
		})},
		{http.MethodGet, "/v1/incident_types", "incident_types.view", all("incident_types", func() any { return s.types })},
		{http.MethodGet, "/v1/incident_types/{id}", "incident_types.view", one("incident_type", func(id string) *Type {
			return find(s.types, func(v Type) bool { return v.ID == id })
		})},
		{http.MethodGet, "/v2/custom_fields", "custom_fields.view", all("custom_fields", func() any { return s.fields })},
		{http.MethodGet, "/v2/custom_fields/{id}", "custom_fields.view", one("custom_field", func(id string) *CustomField {
			return find(s.fields, func(v CustomField) bool { return v.ID == id })
		})},
		{http.MethodGet, "/v1/custom_field_options", "custom_fields.view", s.listOptions},
		{http.MethodGet, "/v3/catalog_entries", "catalog_entries.view", s.listCatalogEntries},
		{http.MethodGet, "/v2/incident_roles", "incident_roles.view", all("incident_roles", func() any { return s.roles })},
		{http.MethodGet, "/v2/incident_timestamps", "", all("incident_timestamps", func() any { return s.timestamps })},
		{http.MethodGet, "/v2/users", "users.view", s.listUsers},
		{http.MethodGet, "/v2/users/{id}", "users.view", s.showUser},
		{http.MethodGet, "/v3/teams", "catalog_entries.view", s.listTeams},
	}
}

// all answers with a whole list.
func all(member string, list func() any) func(c *call) (answer, *problem) {
	return func(*call) (answer, *problem) {
		return reply(http.StatusOK, map[string]any{member: list()}), nil
	}
}

// one answers with the record that the path names.
func one[T any](member string, find func(id string) *T) func(c *call) (answer, *problem) {
	return func(c *call) (answer, *problem) {
		found := find(c.id)
		if found == nil {
			return answer{}, notFound()
		}
		return reply(http.StatusOK, map[string]any{member: found}), nil
	}
}

func (s *Server) identity(c *call) (answer, *problem) {
	roles := []string{"viewer", "incident_creator", "incident_editor"}
	if c.key.Scopes != nil {
		roles = []string{"viewer"}
	}
	return reply(http.StatusOK, map[string]any{"identity": map[string]any{
		"name": c.key.Name, "dashboard_url": s.opts.DashboardURL, "roles": roles, "team_roles": []string{}, "teams": []any{},
	}}), nil
}

func (s *Server) listOptions(c *call) (answer, *problem) {
	id := c.query.Get("custom_field_id")
	if id == "" {
		return answer{}, invalid("custom_field_id", "is_required", "custom_field_id is missing from query string")
	}
	var found []Option
	for _, option := range s.options {
		if option.CustomFieldID == id {
			found = append(found, option)
		}
	}
	found, meta, p := page(c, found, func(o Option) string { return o.ID }, largestPage)
	if p != nil {
		return answer{}, p
	}
	return reply(http.StatusOK, map[string]any{"custom_field_options": found, "pagination_meta": meta}), nil
}

// userWithRoles is a person as the users API writes one.
func userWithRoles(u User) map[string]any {
	return map[string]any{
		"id": u.ID, "name": u.Name, "email": u.Email, "role": u.Role, "slack_user_id": u.SlackUserID, "is_active": true,
		"base_role":    map[string]any{"id": "01FCNDV6P870EA6S7TK1DSYDG0", "name": "Responder", "slug": "responder"},
		"custom_roles": []any{}, "seats": map[string]any{"on_call": "none", "response": "full_access"},
	}
}

func (s *Server) listUsers(c *call) (answer, *problem) {
	var found []User
	for _, u := range s.users {
		if email := c.query.Get("email"); email != "" && !strings.EqualFold(email, u.Email) {
			continue
		}
		if slack := c.query.Get("slack_user_id"); slack != "" && slack != u.SlackUserID {
			continue
		}
		found = append(found, u)
	}
	const largest = 10000
	found, meta, p := page(c, found, func(u User) string { return u.ID }, largest)
	if p != nil {
		return answer{}, p
	}
	shown := []any{}
	for _, u := range found {
		shown = append(shown, userWithRoles(u))
	}
	return reply(http.StatusOK, map[string]any{"users": shown, "pagination_meta": meta}), nil
}

func (s *Server) showUser(c *call) (answer, *problem) {
	u := find(s.users, func(u User) bool { return u.ID == c.id })
	if u == nil {
		return answer{}, notFound()
	}
	return reply(http.StatusOK, map[string]any{"user": userWithRoles(*u)}), nil
}

func (s *Server) listTeams(c *call) (answer, *problem) {
	found, meta, p := page(c, s.teams, func(t Team) string { return t.ID }, largestPage)
	if p != nil {
		return answer{}, p
	}
	shown := []any{}
	for _, t := range found {
		shown = append(shown, map[string]any{
			"id": t.ID, "name": t.Name, "members": []any{}, "catalog_entry": map[string]any{"id": t.ID, "name": t.Name},
		})
	}
	return reply(http.StatusOK, map[string]any{"teams": shown, "pagination_meta": meta}), nil
}

func (s *Server) listActivity(c *call) (answer, *problem) {
	i, p := s.required(c)
	if p != nil {
		return answer{}, p
	}
	found := valuesOf(s.activity, func(a *Activity) bool { return a.IncidentID == i.ID })
	found, meta, p := page(c, found, func(a Activity) string { return a.ID }, largestPage)
	if p != nil {
		return answer{}, p
	}
	return reply(http.StatusOK, map[string]any{"incident_activity_log_entries": found, "pagination_meta": meta}), nil
}
