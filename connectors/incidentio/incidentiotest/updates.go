package incidentiotest

import (
	"cmp"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// Incident updates: what people share, and every change of a status or a
// severity, which mostly says nothing.

func (s *Server) listUpdates(c *call) (answer, *problem) {
	id := c.query.Get("incident_id")
	found := valuesOf(s.updates, func(u *Update) bool {
		i, p := s.seen(c, u.IncidentID)
		return p == nil && (id == "" || i.ID == id)
	})
	slices.SortStableFunc(found, func(a, b Update) int {
		if s.opts.OldestUpdatesFirst {
			a, b = b, a
		}
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt.Time), strings.Compare(b.ID, a.ID))
	})
	found, meta, p := page(c, found, func(u Update) string { return u.ID }, largestPage)
	if p != nil {
		return answer{}, p
	}
	return reply(http.StatusOK, map[string]any{"incident_updates": found, "pagination_meta": meta}), nil
}

func (s *Server) createUpdate(c *call) (answer, *problem) {
	var payload struct {
		Key        string  `json:"idempotency_key"`
		IncidentID string  `json:"incident_id"`
		Message    string  `json:"message"`
		Status     *string `json:"to_incident_status_id"`
		Severity   *string `json:"to_severity_id"`
	}
	if p := decodeBody(c, &payload); p != nil {
		return answer{}, p
	}
	switch {
	case payload.Key == "":
		return answer{}, invalid("idempotency_key", "is_required", "idempotency_key is missing from body")
	case payload.IncidentID == "":
		return answer{}, invalid("incident_id", "is_required", "incident_id is missing from body")
	case payload.Message == "" && payload.Status == nil && payload.Severity == nil:
		return answer{}, invalid("message", "is_required", "An update needs a message, a status or a severity")
	}
	i, p := s.seen(c, payload.IncidentID)
	if p != nil {
		return answer{}, p
	}
	key := payload.Key
	if u := s.updateByKey[key]; u != nil {
		return reply(http.StatusCreated, map[string]any{"incident_update": *u}), nil
	}
	u := &Update{Message: payload.Message}
	changes := s.changes(incidentPayload{IncidentStatusID: payload.Status, SeverityID: payload.Severity})
	if _, p := s.share(i, s.keyActor(c), u, changes...); p != nil {
		return answer{}, p
	}
	s.updateByKey[key] = u
	return reply(http.StatusCreated, map[string]any{"incident_update": *u}), nil
}

// share changes an incident together with an update, which may be all that
// happens. Without one, a new status or severity makes one that says nothing.
func (s *Server) share(i *Incident, actor Actor, shared *Update, changes ...Change) (Incident, *problem) {
	try := &draft{Incident: *i, server: s, actor: actor}
	for _, change := range changes {
		if p := change(try); p != nil {
			return Incident{}, p
		}
	}
	if shared == nil && reflect.DeepEqual(*i, try.Incident) {
		return *i, nil
	}
	if shared != nil {
		shared.ID, shared.IncidentID, shared.Updater = s.newID(), i.ID, try.actor
		shared.NewIncidentStatus, shared.NewSeverity = try.IncidentStatus, try.Severity
	}
	s.commit(func(at Moment) {
		// Again, on what it is by now: others may have been held as well.
		d := &draft{Incident: *i, server: s, actor: actor}
		for _, change := range changes {
			if change(d) != nil {
				return
			}
		}
		before, u := *i, shared
		bumps := u != nil && s.opts.ItemsBump || !reflect.DeepEqual(before, d.Incident)
		if bumps {
			d.UpdatedAt = at
		}
		*i = d.Incident
		moved := before.IncidentStatus.ID != i.IncidentStatus.ID
		if u == nil && (moved || !reflect.DeepEqual(before.Severity, i.Severity)) {
			u = &Update{ID: s.newID(), IncidentID: i.ID, Updater: d.actor}
		}
		if u != nil {
			u.CreatedAt, u.NewIncidentStatus, u.NewSeverity = at, i.IncidentStatus, i.Severity
			s.updates = append(s.updates, u)
		}
		s.logChanges(before, *i, u, d.actor, at)
		if !bumps {
			return
		}
		private := i.Visibility == "private"
		s.emit(private, "incident_updated_v2", i.ID, *i)
		if moved && !private {
			s.emit(false, "incident_status_updated_v2", i.ID, map[string]any{
				"incident": *i, "previous_status": before.IncidentStatus, "new_status": i.IncidentStatus,
			})
		}
	})
	return *i, nil
}

// PostUpdate shares an update as a person.
func (s *Server) PostUpdate(incident, message string) (Update, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.incident(incident)
	if i == nil {
		return Update{}, errors.New("there is no incident " + incident)
	}
	u := &Update{Message: message}
	_, p := s.share(i, s.person(), u)
	return *u, p.asError()
}

// Updates are the updates of an incident, oldest first.
func (s *Server) Updates(incident string) []Update {
	s.mu.Lock()
	defer s.mu.Unlock()
	return valuesOf(s.updates, func(u *Update) bool { return s.is(u.IncidentID, incident) })
}
