package incidentiotest

import (
	"errors"
	"slices"
)

// What people do in the app, without the API's rules and unseen by it until it
// is asked.

func (p *problem) asError() error {
	if p == nil {
		return nil
	}
	return errors.New(p.message)
}

// person is who acts if nobody is named.
func (s *Server) person() Actor { return Actor{User: &s.users[0]} }

// CreateIncident opens an incident as a person.
func (s *Server) CreateIncident(changes ...Change) (Incident, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	made, p := s.open(s.person(), changes...)
	return made, p.asError()
}

// EditIncident changes an incident as a person. id may be its reference.
func (s *Server) EditIncident(id string, changes ...Change) (Incident, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.incident(id)
	if i == nil {
		return Incident{}, errors.New("there is no incident " + id)
	}
	changed, p := s.change(i, s.person(), changes...)
	return changed, p.asError()
}

// DeleteIncident takes an incident away, with its follow-ups.
func (s *Server) DeleteIncident(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.incident(id)
	if i == nil {
		return
	}
	s.incidents = slices.DeleteFunc(s.incidents, func(other *Incident) bool { return other == i })
	s.followUps = slices.DeleteFunc(s.followUps, func(f *FollowUp) bool { return f.IncidentID == i.ID })
}

// Incident is the incident with the id or reference.
func (s *Server) Incident(id string) (Incident, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.incident(id); i != nil {
		return *i, true
	}
	return Incident{}, false
}

// incident is the incident with the id, reference, or number of the reference.
func (s *Server) incident(id string) *Incident {
	for _, i := range s.incidents {
		if i.ID == id || i.Reference == id || i.Reference == "INC-"+id {
			return i
		}
	}
	return nil
}

// Incidents are all incidents, oldest first.
func (s *Server) Incidents() []Incident {
	s.mu.Lock()
	defer s.mu.Unlock()
	return values(s.incidents)
}

func values[T any](all []*T) []T {
	var list []T
	for _, one := range all {
		list = append(list, *one)
	}
	return list
}

// valuesOf are the elements that belong to an incident.
func valuesOf[T any](all []*T, belongs func(*T) bool) []T {
	var list []T
	for _, one := range all {
		if belongs(one) {
			list = append(list, *one)
		}
	}
	return list
}

// AddFollowUp adds a follow-up to an incident as a person. Of f count Title,
// Description, Assignee, AssigneeTeam, Priority, Category and Labels.
func (s *Server) AddFollowUp(incident string, f FollowUp) (FollowUp, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.incident(incident)
	if i == nil {
		return FollowUp{}, errors.New("there is no incident " + incident)
	}
	return s.addFollowUp(i, f, s.person()), nil
}

func (s *Server) addFollowUp(i *Incident, f FollowUp, actor Actor) FollowUp {
	f.ID, f.IncidentID, f.Creator = s.newID(), i.ID, actor
	if f.Status == "" {
		f.Status = "outstanding"
	}
	if f.Labels == nil {
		f.Labels = []string{}
	}
	made := &f
	s.commit(func(at Moment) {
		made.CreatedAt, made.UpdatedAt = at, at
		s.followUps = append(s.followUps, made)
		s.log(i.ID, "follow_up_created", "Created a follow-up", at, map[string]any{"follow_up_id": made.ID, "actor": actor})
		s.emitFollowUp(i, "created", *made)
	})
	return *made
}

// EditFollowUp changes a follow-up as a person; another IncidentID moves it there.
func (s *Server) EditFollowUp(id string, edit func(f *FollowUp)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.followUp(id)
	if f == nil {
		return errors.New("there is no follow-up " + id)
	}
	s.editFollowUp(f, s.person(), edit)
	return nil
}

func (s *Server) editFollowUp(f *FollowUp, actor Actor, edit func(f *FollowUp)) FollowUp {
	s.commit(func(at Moment) {
		before := *f
		edit(f)
		f.ID, f.CreatedAt, f.UpdatedAt = before.ID, before.CreatedAt, at
		if s.incident(f.IncidentID) == nil { // else it was moved there
			f.IncidentID = before.IncidentID
		}
		switch {
		case f.Status == "completed" && before.Status != "completed":
			f.CompletedAt = &at
		case f.Status != "completed":
			f.CompletedAt = nil
		}
		s.log(f.IncidentID, "follow_up_updated", "Updated a follow-up", at, map[string]any{
			"follow_up_id": f.ID, "updater": actor,
			"previous_status": before.Status, "new_status": f.Status, "previous_title": before.Title, "new_title": f.Title,
		})
		if i := s.incident(f.IncidentID); i != nil {
			s.emitFollowUp(i, "updated", *f)
		}
	})
	return *f
}

// emitFollowUp tells of a follow-up in both versions of the event.
func (s *Server) emitFollowUp(i *Incident, what string, f FollowUp) {
	private := i.Visibility == "private"
	old := map[string]any{
		"id": f.ID, "incident_id": f.IncidentID, "description": f.Title, "status": f.Status, "follow_up": true,
		"created_at": f.CreatedAt, "updated_at": f.UpdatedAt,
	}
	if f.Assignee != nil {
		old["assignee"] = f.Assignee
	}
	if f.CompletedAt != nil {
		old["completed_at"] = f.CompletedAt
	}
	if f.ExternalIssueReference != nil {
		old["external_issue_reference"] = f.ExternalIssueReference
	}
	s.emit(private, "follow_up_"+what+"_v1", f.ID, old)
	s.emit(private, "follow_up_"+what+"_v2", f.ID, v2(f))
}

// v2 is a follow-up as version 2 of the API writes it: without its category.
func v2(f FollowUp) FollowUp {
	f.Category = nil
	return f
}

func (s *Server) followUp(id string) *FollowUp {
	for _, f := range s.followUps {
		if f.ID == id {
			return f
		}
	}
	return nil
}

// FollowUps are an incident's follow-ups, deleted ones too; of all incidents if
// id is empty.
func (s *Server) FollowUps(id string) []FollowUp {
	s.mu.Lock()
	defer s.mu.Unlock()
	return valuesOf(s.followUps, func(f *FollowUp) bool { return id == "" || s.is(f.IncidentID, id) })
}

// is reports whether name names the incident with the id.
func (s *Server) is(id, name string) bool {
	i := s.incident(name)
	return i != nil && i.ID == id
}

// Attachments are the links of an incident.
func (s *Server) Attachments(incident string) []Attachment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return valuesOf(s.attachments, func(a *Attachment) bool { return s.is(a.IncidentID, incident) })
}

// Activity is an incident's activity log, oldest first.
func (s *Server) Activity(incident string) []Activity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return valuesOf(s.activity, func(a *Activity) bool { return s.is(a.IncidentID, incident) })
}
