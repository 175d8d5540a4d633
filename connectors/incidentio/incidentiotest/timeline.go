package incidentiotest

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// An incident's curated timeline: custom items, and what was promoted from the
// activity log.

func (s *Server) listTimeline(c *call) (answer, *problem) {
	i, p := s.required(c)
	if p != nil {
		return answer{}, p
	}
	items := s.timelineOf(func(t *TimelineItem) bool { return t.IncidentID == i.ID })
	items, meta, p := page(c, items, func(t TimelineItem) string { return t.ID }, largestPage)
	if p != nil {
		return answer{}, p
	}
	return reply(http.StatusOK, map[string]any{"incident_timeline_items": items, "pagination_meta": meta}), nil
}

// required is the incident that a list cannot do without.
func (s *Server) required(c *call) (*Incident, *problem) {
	id := c.query.Get("incident_id")
	if id == "" {
		return nil, invalid("incident_id", "is_required", "incident_id is missing from query string")
	}
	return s.seen(c, id)
}

func (s *Server) createTimelineItem(c *call) (answer, *problem) {
	var payload struct {
		Key         string     `json:"idempotency_key"`
		IncidentID  string     `json:"incident_id"`
		Title       string     `json:"title"`
		Description string     `json:"description"`
		Timestamp   *time.Time `json:"timestamp"`
	}
	if p := decodeBody(c, &payload); p != nil {
		return answer{}, p
	}
	for _, member := range []struct {
		name    string
		missing bool
	}{
		{"idempotency_key", payload.Key == ""},
		{"incident_id", payload.IncidentID == ""},
		{"timestamp", payload.Timestamp == nil},
		{"title", strings.TrimSpace(payload.Title) == ""},
	} {
		if member.missing {
			return answer{}, invalid(member.name, "is_required", "%s is missing from body", member.name)
		}
	}
	i, p := s.seen(c, payload.IncidentID)
	if p != nil {
		return answer{}, p
	}
	key := payload.Key
	if t := s.itemByKey[key]; t != nil {
		return reply(http.StatusCreated, map[string]any{"incident_timeline_item": *t}), nil
	}
	made := s.addTimelineItem(i, TimelineItem{
		Title: payload.Title, Description: payload.Description, Timestamp: Moment{*payload.Timestamp}, Creator: s.keyActor(c),
	})
	s.itemByKey[key] = made
	return reply(http.StatusCreated, map[string]any{"incident_timeline_item": *made}), nil
}

func (s *Server) updateTimelineItem(c *call) (answer, *problem) {
	at := slices.IndexFunc(s.timeline, func(t *TimelineItem) bool { return t.ID == c.id })
	if at < 0 {
		return answer{}, notFound()
	}
	item := s.timeline[at]
	if _, p := s.seen(c, item.IncidentID); p != nil {
		return answer{}, p
	}
	var payload struct {
		Title       *string    `json:"title"`
		Description *string    `json:"description"`
		Timestamp   *time.Time `json:"timestamp"`
	}
	if p := decodeBody(c, &payload); p != nil {
		return answer{}, p
	}
	switch {
	case payload.Timestamp != nil && item.ActivityLogID != "":
		return answer{}, invalid("timestamp", "invalid_value", "Only the timestamp of a custom item can be changed")
	case payload.Title != nil && strings.TrimSpace(*payload.Title) == "":
		return answer{}, invalid("title", "invalid_value", "title must not be empty")
	}
	if payload.Title != nil {
		item.Title = *payload.Title
	}
	if payload.Description != nil {
		item.Description = *payload.Description
	}
	if payload.Timestamp != nil {
		item.Timestamp = Moment{*payload.Timestamp}
	}
	item.UpdatedAt = s.stamp()
	return reply(http.StatusOK, map[string]any{"incident_timeline_item": *item}), nil
}

// AddTimelineItem adds to an incident's timeline as a person.
func (s *Server) AddTimelineItem(incident, title, description string) (TimelineItem, error) {
	return s.AddItem(incident, TimelineItem{Title: title, Description: description})
}

// AddItem adds to an incident's timeline. Without a Creator it is a person's,
// without a Timestamp of now.
func (s *Server) AddItem(incident string, item TimelineItem) (TimelineItem, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.incident(incident)
	if i == nil {
		return TimelineItem{}, errors.New("there is no incident " + incident)
	}
	if item.Creator == (Actor{}) {
		item.Creator = s.person()
	}
	return *s.addTimelineItem(i, item), nil
}

// Promote puts an entry of the activity log on the timeline, as a person.
func (s *Server) Promote(activity string) (TimelineItem, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.activity {
		if i := s.incident(a.IncidentID); a.ID == activity && i != nil {
			return *s.addTimelineItem(i, TimelineItem{
				ActivityLogID: a.ID, Title: a.Title, Timestamp: a.OccurredAt, Creator: s.person(),
			}), nil
		}
	}
	return TimelineItem{}, errors.New("there is no activity " + activity)
}

func (s *Server) addTimelineItem(i *Incident, item TimelineItem) *TimelineItem {
	item.ID, item.IncidentID = s.newID(), i.ID
	made := &item
	s.commit(func(at Moment) {
		made.CreatedAt, made.UpdatedAt = at, at
		if made.Timestamp.IsZero() {
			made.Timestamp = at
		}
		s.timeline = append(s.timeline, made)
		s.bump(i, at)
	})
	return made
}

// bump counts something that hangs on an incident as a change of it, where the
// account does so.
func (s *Server) bump(i *Incident, at Moment) {
	if s.opts.ItemsBump {
		i.UpdatedAt = at
		s.emit(i.Visibility == "private", "incident_updated_v2", i.ID, *i)
	}
}

// TimelineItems are an incident's timeline items, by their time.
func (s *Server) TimelineItems(incident string) []TimelineItem {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.timelineOf(func(t *TimelineItem) bool { return s.is(t.IncidentID, incident) })
}

func (s *Server) timelineOf(belongs func(*TimelineItem) bool) []TimelineItem {
	items := valuesOf(s.timeline, belongs)
	slices.SortFunc(items, func(a, b TimelineItem) int {
		if c := a.Timestamp.Compare(b.Timestamp.Time); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return items
}
