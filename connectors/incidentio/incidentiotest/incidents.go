package incidentiotest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The incidents API, version 2.

// largestPage is what the vendor's text says; its schema says 500.
const largestPage = 250

// visible reports whether the key sees the incident.
func (c *call) visible(i *Incident) bool { return i.Visibility != "private" || !c.key.HidePrivate }

// seen is the incident with the id, or number of its reference, if the key sees
// it.
func (s *Server) seen(c *call, id string) (*Incident, *problem) {
	for _, i := range s.incidents {
		if (i.ID == id || strings.TrimPrefix(i.Reference, "INC-") == id) && c.visible(i) {
			return i, nil
		}
	}
	return nil, notFound()
}

func (s *Server) keyActor(c *call) Actor {
	return Actor{APIKey: &APIKeyName{ID: c.key.id, Name: c.key.Name}}
}

func (s *Server) listIncidents(c *call) (answer, *problem) {
	conditions := filters(c.query)
	if !slices.ContainsFunc(conditions, func(f filter) bool { return f.name == "mode" }) {
		conditions = append(conditions, filter{name: "mode", operator: "one_of", values: []string{"standard", "retrospective"}})
	}
	anyOf := false
	switch mode := c.query.Get("filter_mode"); mode {
	case "", "all":
	case "any":
		anyOf = true
	default:
		return answer{}, invalid("filter_mode", "invalid_value", "filter_mode must be one of all, any")
	}
	var found []Incident
	for _, i := range s.incidents {
		if !c.visible(i) {
			continue
		}
		ok, p := s.fitsAll(conditions, i, anyOf)
		if p != nil {
			return answer{}, p
		}
		if ok {
			found = append(found, *i)
		}
	}
	// Held incidents are seen out of order; the list never is.
	slices.SortStableFunc(found, func(a, b Incident) int { return a.CreatedAt.Compare(b.CreatedAt.Time) })
	switch order := c.query.Get("sort_by"); order {
	case "", "created_at_newest_first":
		slices.Reverse(found)
	case "created_at_oldest_first":
	default:
		return answer{}, invalid("sort_by", "invalid_value", "sort_by must be one of created_at_newest_first, created_at_oldest_first")
	}
	total := len(found)
	found, meta, p := page(c, found, func(i Incident) string { return i.ID }, largestPage)
	if p != nil {
		return answer{}, p
	}
	meta["total_record_count"] = total
	return reply(http.StatusOK, map[string]any{"incidents": found, "pagination_meta": meta}), nil
}

// fitsAll asks every condition; a mode that is not asked for never fits.
func (s *Server) fitsAll(conditions []filter, i *Incident, anyOf bool) (bool, *problem) {
	asked, met := 0, 0
	for _, f := range conditions {
		ok, p := s.fits(f, i)
		if p != nil {
			return false, p
		}
		if f.name == "mode" {
			if !ok {
				return false, nil
			}
			continue
		}
		if asked++; ok {
			met++
		}
	}
	return met == asked || anyOf && met > 0, nil
}

func (s *Server) showIncident(c *call) (answer, *problem) {
	i, p := s.seen(c, c.id)
	if p != nil {
		return answer{}, p
	}
	return reply(http.StatusOK, map[string]any{"incident": i}), nil
}

// incidentPayload is what is written to an incident.
type incidentPayload struct {
	IdempotencyKey   *string `json:"idempotency_key"`
	Visibility       *string `json:"visibility"`
	Mode             *string `json:"mode"`
	IncidentTypeID   *string `json:"incident_type_id"`
	Name             *string `json:"name"`
	Summary          *string `json:"summary"`
	CallURL          *string `json:"call_url"`
	SeverityID       *string `json:"severity_id"`
	IncidentStatusID *string `json:"incident_status_id"`
	CustomFields     []struct {
		ID     string `json:"custom_field_id"`
		Values []struct {
			OptionID *string `json:"value_option_id"`
			EntryID  *string `json:"value_catalog_entry_id"`
			Text     *string `json:"value_text"`
			Link     *string `json:"value_link"`
			Numeric  *string `json:"value_numeric"`
		} `json:"values"`
	} `json:"custom_field_entries"`
	Roles []struct {
		ID       string `json:"incident_role_id"`
		Assignee *struct {
			ID          string `json:"id"`
			Email       string `json:"email"`
			SlackUserID string `json:"slack_user_id"`
		} `json:"assignee"`
	} `json:"incident_role_assignments"`
	Timestamps []struct {
		ID    string     `json:"incident_timestamp_id"`
		Value *time.Time `json:"value"`
	} `json:"incident_timestamp_values"`
}

// byID is the change, if the id is one and not a name.
func byID[T any](id string, field string, all []T, of func(T) string, change Change) Change {
	return func(d *draft) *problem {
		if !slices.ContainsFunc(all, func(t T) bool { return of(t) == id }) {
			return invalid(field, "not_found", "There is no such record: %s", id)
		}
		return change(d)
	}
}

// changes are what the payload asks for, in the API's rules.
func (s *Server) changes(p incidentPayload) []Change {
	var all []Change
	text := func(v *string, set func(string) Change) {
		if v != nil {
			all = append(all, set(*v))
		}
	}
	text(p.Name, SetName)
	text(p.Summary, SetSummary)
	text(p.CallURL, SetCallURL)
	if p.SeverityID != nil {
		all = append(all, byID(*p.SeverityID, "severity_id", s.severities, func(v Severity) string { return v.ID }, SetSeverity(*p.SeverityID)))
	}
	if p.IncidentStatusID != nil {
		all = append(all, byID(*p.IncidentStatusID, "incident_status_id", s.statuses, func(v Status) string { return v.ID }, moveStatus(*p.IncidentStatusID)))
	}
	for _, entry := range p.CustomFields {
		var values []string
		for _, v := range entry.Values {
			for _, given := range []*string{v.OptionID, v.EntryID, v.Text, v.Link, v.Numeric} {
				if given != nil && *given != "" {
					values = append(values, *given)
					break
				}
			}
		}
		all = append(all, byID(entry.ID, "custom_field_entries", s.fields, func(v CustomField) string { return v.ID }, SetCustomField(entry.ID, values...)))
	}
	for _, r := range p.Roles {
		assignee := ""
		if r.Assignee != nil {
			assignee = cmp.Or(r.Assignee.ID, r.Assignee.Email, r.Assignee.SlackUserID)
		}
		all = append(all, byID(r.ID, "incident_role_assignments", s.roles, func(v Role) string { return v.ID }, assignRole(r.ID, assignee)))
	}
	for _, t := range p.Timestamps {
		var at time.Time
		if t.Value != nil {
			at = *t.Value
		}
		all = append(all, byID(t.ID, "incident_timestamp_values", s.timestamps, func(v Timestamp) string { return v.ID }, SetTimestamp(t.ID, at)))
	}
	return all
}

// assignRole is SetRole, with what the API refuses.
func assignRole(role, assignee string) Change {
	return func(d *draft) *problem {
		if r := d.server.role(role); r != nil && r.RoleType == "reporter" && !d.opened {
			return invalid("incident_role_assignments", "invalid_value", "The reporter can only be assigned when creating an incident")
		}
		return SetRole(role, assignee)(d)
	}
}

// moveStatus is SetStatus, with the moves that the API takes: within a
// category, from triage or live to learning or closed, from learning to closed.
// Of the vendor's IncidentEditPayloadV2.
func moveStatus(id string) Change {
	return func(d *draft) *problem {
		to := d.server.status(id)
		from := d.IncidentStatus.Category
		allowed := from == to.Category || d.opened ||
			(from == "live" || from == "triage") && (to.Category == "learning" || to.Category == "closed") ||
			from == "learning" && to.Category == "closed"
		if !allowed {
			return invalid("incident_status_id", "invalid_value", "Cannot move the incident from %s to %s", d.IncidentStatus.Name, to.Name)
		}
		return SetStatus(id)(d)
	}
}

func (s *Server) createIncident(c *call) (answer, *problem) {
	var payload incidentPayload
	if p := decodeBody(c, &payload); p != nil {
		return answer{}, p
	}
	switch {
	case payload.IdempotencyKey == nil || *payload.IdempotencyKey == "":
		return answer{}, invalid("idempotency_key", "is_required", "idempotency_key is missing from body")
	case payload.Visibility == nil:
		return answer{}, invalid("visibility", "is_required", "visibility is missing from body")
	case *payload.Visibility != "public" && *payload.Visibility != "private":
		return answer{}, invalid("visibility", "invalid_value", "visibility must be one of public, private")
	case payload.Mode != nil && !slices.Contains([]string{"standard", "retrospective", "test", "tutorial"}, *payload.Mode):
		return answer{}, invalid("mode", "invalid_value", "mode must be one of standard, retrospective, test, tutorial")
	}
	key := "incident " + *payload.IdempotencyKey
	if first, ok := s.byKey[key]; ok && !s.opts.KeysForgotten {
		if i := s.incident(first.ID); i != nil {
			first = *i
		}
		return reply(http.StatusOK, map[string]any{"incident": first}), nil
	}
	if p := s.spendIncident(); p != nil {
		return answer{}, p
	}
	payload.CallURL = nil // of an edit alone
	changes := append([]Change{SetVisibility(*payload.Visibility)}, s.changes(payload)...)
	if payload.Mode != nil {
		changes = append(changes, SetMode(*payload.Mode))
	}
	if payload.IncidentTypeID != nil {
		changes = append(changes, byID(*payload.IncidentTypeID, "incident_type_id", s.types, func(v Type) string { return v.ID }, SetType(*payload.IncidentTypeID)))
	}
	changes = append(changes, func(d *draft) *problem {
		if d.IncidentType != nil && d.IncidentType.PrivateIncidentsOnly {
			d.Visibility = "private"
		}
		return nil
	})
	made, p := s.open(s.keyActor(c), changes...)
	if p != nil {
		return answer{}, p
	}
	s.byKey[key] = made
	s.declared = append(s.declared, s.opts.Now())
	return reply(http.StatusOK, map[string]any{"incident": made}), nil
}

// spendIncident refuses an incident over the limit of an hour: the answer names no time.
func (s *Server) spendIncident() *problem {
	hourAgo := s.opts.Now().Add(-time.Hour)
	s.declared = slices.DeleteFunc(s.declared, func(at time.Time) bool { return at.Before(hourAgo) })
	if s.opts.HourlyIncidents == 0 || len(s.declared) < s.opts.HourlyIncidents {
		return nil
	}
	return &problem{
		status: http.StatusTooManyRequests, kind: "too_many_requests", code: "too_many_requests",
		message: "Too many incidents have been created in the last hour",
	}
}

func (s *Server) editIncident(c *call) (answer, *problem) {
	i, p := s.seen(c, c.id)
	if p != nil {
		return answer{}, p
	}
	var payload struct {
		Incident *incidentPayload `json:"incident"`
		Notify   *bool            `json:"notify_incident_channel"`
	}
	if p := decodeBody(c, &payload); p != nil {
		return answer{}, p
	}
	switch {
	case payload.Incident == nil:
		return answer{}, invalid("incident", "is_required", "incident is missing from body")
	case payload.Notify == nil:
		return answer{}, invalid("notify_incident_channel", "is_required", "notify_incident_channel is missing from body")
	}
	changed, p := s.change(i, s.keyActor(c), s.changes(*payload.Incident)...)
	if p != nil {
		return answer{}, p
	}
	s.insist(changed.ID)
	return reply(http.StatusOK, map[string]any{"incident": changed}), nil
}
