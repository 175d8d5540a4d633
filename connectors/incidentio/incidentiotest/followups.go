package incidentiotest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// The follow-ups API, versions 2 and 3.

type version int

// shown is a follow-up as the version writes it.
func (v version) shown(f FollowUp) FollowUp {
	if v == 2 {
		return v2(f)
	}
	return f
}

// seenFollowUp is the follow-up with the id, if the key sees its incident.
func (s *Server) seenFollowUp(c *call) (*FollowUp, *problem) {
	f := s.followUp(c.id)
	if f == nil || f.Status == "deleted" {
		return nil, notFound()
	}
	if _, p := s.seen(c, f.IncidentID); p != nil {
		return nil, p
	}
	return f, nil
}

// matching are the follow-ups that a list's parameters ask for, by their id.
func (s *Server) matching(c *call, conditions []filter) ([]FollowUp, *problem) {
	mode := c.query.Get("incident_mode")
	if mode != "" && !slices.Contains([]string{"standard", "retrospective", "test", "tutorial", "stream"}, mode) {
		return nil, invalid("incident_mode", "invalid_value", "incident_mode must be one of standard, retrospective, test, tutorial, stream")
	}
	var found []FollowUp
	for _, f := range s.followUps {
		i, p := s.seen(c, f.IncidentID)
		if p != nil || f.Status == "deleted" {
			continue
		}
		if mode == "" && i.Mode != "standard" && i.Mode != "retrospective" || mode != "" && i.Mode != mode {
			continue
		}
		if id := c.query.Get("incident_id"); id != "" && id != f.IncidentID {
			continue
		}
		if id := c.query.Get("assignee_team_id"); id != "" && (f.AssigneeTeam == nil || f.AssigneeTeam.ID != id) {
			continue
		}
		fits := true
		for _, condition := range conditions {
			at := f.UpdatedAt
			switch condition.name {
			case "created_at":
				at = f.CreatedAt
			case "updated_at":
			default:
				continue
			}
			ok, p := condition.moment(at)
			if p != nil {
				return nil, p
			}
			fits = fits && ok
		}
		if fits {
			found = append(found, *f)
		}
	}
	slices.SortFunc(found, func(a, b FollowUp) int { return strings.Compare(a.ID, b.ID) })
	return found, nil
}

func (s *Server) listFollowUpsV2(c *call) (answer, *problem) {
	found, p := s.matching(c, nil)
	if p != nil {
		return answer{}, p
	}
	shown := []FollowUp{}
	for _, f := range found {
		shown = append(shown, v2(f))
	}
	return reply(http.StatusOK, map[string]any{"follow_ups": shown}), nil
}

func (s *Server) listFollowUpsV3(c *call) (answer, *problem) {
	found, p := s.matching(c, filters(c.query))
	if p != nil {
		return answer{}, p
	}
	found, meta, p := page(c, found, func(f FollowUp) string { return f.ID }, largestPage)
	if p != nil {
		return answer{}, p
	}
	return reply(http.StatusOK, map[string]any{"follow_ups": found, "pagination_meta": meta}), nil
}

func (s *Server) showFollowUp(v version) func(c *call) (answer, *problem) {
	return func(c *call) (answer, *problem) {
		f, p := s.seenFollowUp(c)
		if p != nil {
			return answer{}, p
		}
		return reply(http.StatusOK, map[string]any{"follow_up": v.shown(*f)}), nil
	}
}

// followUpPayload is what is written to a follow-up. Raw members tell null,
// which clears, from what is not there.
type followUpPayload struct {
	IncidentID  string          `json:"incident_id"`
	Title       *string         `json:"title"`
	Status      *string         `json:"status"`
	Description *string         `json:"description"`
	Labels      []string        `json:"labels"`
	Assignee    json.RawMessage `json:"assignee_id"`
	Team        json.RawMessage `json:"assignee_team_id"`
	Priority    json.RawMessage `json:"follow_up_priority_option_id"`
}

// edit is what the payload asks for.
func (s *Server) edit(payload followUpPayload) (func(f *FollowUp), *problem) {
	// named reads an id: not given, null, or one that has to be known.
	named := func(raw json.RawMessage, field string, known func(id string) bool) (given bool, id string, p *problem) {
		if raw == nil {
			return false, "", nil
		}
		if string(raw) == "null" {
			return true, "", nil
		}
		if json.Unmarshal(raw, &id) != nil || !known(id) {
			return false, "", invalid(field, "not_found", "There is no such record")
		}
		return true, id, nil
	}
	assigned, assignee, p := named(payload.Assignee, "assignee_id", func(id string) bool { return s.user(id) != nil })
	if p != nil {
		return nil, p
	}
	teamed, team, p := named(payload.Team, "assignee_team_id", func(id string) bool { return s.team(id) != nil })
	if p != nil {
		return nil, p
	}
	ranked, priority, p := named(payload.Priority, "follow_up_priority_option_id", func(id string) bool { return s.priority(id) != nil })
	if p != nil {
		return nil, p
	}
	return func(f *FollowUp) {
		if payload.Title != nil {
			f.Title = *payload.Title
		}
		if payload.Description != nil {
			f.Description = *payload.Description
		}
		if payload.Status != nil {
			f.Status = *payload.Status
		}
		if payload.Labels != nil {
			f.Labels = payload.Labels
		}
		if assigned {
			f.Assignee = s.user(assignee)
		}
		if teamed {
			f.AssigneeTeam = s.team(team)
		}
		if ranked {
			f.Priority = s.priority(priority)
		}
	}, nil
}

func (s *Server) createFollowUp(v version) func(c *call) (answer, *problem) {
	return func(c *call) (answer, *problem) {
		var payload followUpPayload
		if p := decodeBody(c, &payload); p != nil {
			return answer{}, p
		}
		if payload.Title == nil || *payload.Title == "" {
			return answer{}, invalid("title", "is_required", "title is missing from body")
		}
		if payload.IncidentID == "" {
			return answer{}, invalid("incident_id", "is_required", "incident_id is missing from body")
		}
		i, p := s.seen(c, payload.IncidentID)
		if p != nil {
			return answer{}, p
		}
		payload.Status = nil
		edit, p := s.edit(payload)
		if p != nil {
			return answer{}, p
		}
		var f FollowUp
		edit(&f)
		return reply(http.StatusCreated, map[string]any{"follow_up": v.shown(s.addFollowUp(i, f, s.keyActor(c)))}), nil
	}
}

func (s *Server) updateFollowUp(v version) func(c *call) (answer, *problem) {
	return func(c *call) (answer, *problem) {
		f, p := s.seenFollowUp(c)
		if p != nil {
			return answer{}, p
		}
		var payload followUpPayload
		if p := decodeBody(c, &payload); p != nil {
			return answer{}, p
		}
		switch {
		case payload.Title == nil || *payload.Title == "":
			return answer{}, invalid("title", "is_required", "title is missing from body")
		case payload.Status == nil:
			return answer{}, invalid("status", "is_required", "status is missing from body")
		case !slices.Contains([]string{"outstanding", "completed", "not_doing"}, *payload.Status):
			return answer{}, invalid("status", "invalid_value", "status must be one of outstanding, completed, not_doing")
		}
		edit, p := s.edit(payload)
		if p != nil {
			return answer{}, p
		}
		return reply(http.StatusOK, map[string]any{"follow_up": v.shown(s.editFollowUp(f, s.keyActor(c), edit))}), nil
	}
}

func (s *Server) deleteFollowUp(c *call) (answer, *problem) {
	f, p := s.seenFollowUp(c)
	if p != nil {
		return answer{}, p
	}
	s.editFollowUp(f, s.keyActor(c), func(f *FollowUp) { f.Status = "deleted" })
	return reply(http.StatusNoContent, nil), nil
}

func (s *Server) connectExternalIssue(c *call) (answer, *problem) {
	f, p := s.seenFollowUp(c)
	if p != nil {
		return answer{}, p
	}
	var payload struct{ Provider, URL string }
	if p := decodeBody(c, &payload); p != nil {
		return answer{}, p
	}
	if !slices.Contains(providers(), payload.Provider) {
		return answer{}, invalid("provider", "invalid_value", "provider must be one of %s", strings.Join(providers(), ", "))
	}
	if payload.URL == "" {
		return answer{}, invalid("url", "is_required", "url is missing from body")
	}
	if f.ExternalIssueReference != nil {
		return answer{}, invalid("url", "already_connected", "The follow-up is already connected to an external issue")
	}
	issue, p := issueAt(payload.URL)
	if p != nil {
		return answer{}, p
	}
	if payload.Provider == "jira_server" && issue.Provider == "jira" {
		issue.Provider = payload.Provider
	}
	if issue.Provider != payload.Provider {
		return answer{}, invalid("url", "invalid_value", "url is not the address of an issue of %s", payload.Provider)
	}
	connected := s.editFollowUp(f, s.keyActor(c), func(f *FollowUp) { f.ExternalIssueReference = issue })
	return reply(http.StatusOK, map[string]any{"follow_up": v2(connected)}), nil
}

func (s *Server) createFromLink(c *call) (answer, *problem) {
	var payload struct {
		IncidentID string `json:"incident_id"`
		URL        string `json:"url"`
	}
	if p := decodeBody(c, &payload); p != nil {
		return answer{}, p
	}
	i, p := s.seen(c, payload.IncidentID)
	if p != nil {
		return answer{}, p
	}
	issue, p := issueAt(payload.URL)
	if p != nil {
		return answer{}, p
	}
	f := s.addFollowUp(i, FollowUp{Title: issue.Name, ExternalIssueReference: issue}, s.keyActor(c))
	return reply(http.StatusCreated, map[string]any{"follow_up": f}), nil
}
