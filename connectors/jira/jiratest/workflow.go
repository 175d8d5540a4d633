package jiratest

import "time"

// automationTakes is how long after a write an automation acts.
const automationTakes = time.Second

// A putBack is an automation that insists on its values, or on a status.
type putBack struct {
	who        string
	fields     map[string]any
	transition string
}

// PutBack adds an automation: whenever the API writes one of the fields of an
// issue, the account writes them all again, a moment later.
func (s *Server) PutBack(who string, fields map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putBacks = append(s.putBacks, putBack{who: who, fields: fields})
}

// MoveBack adds an automation that makes a transition whenever the API has moved
// an issue to where it is offered.
func (s *Server) MoveBack(who, transition string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putBacks = append(s.putBacks, putBack{who: who, transition: transition})
}

// PutNothingBack takes all automations away.
func (s *Server) PutNothingBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putBacks = nil
}

// insist lets the automations run after a write by the API; s.mu is held.
func (s *Server) insist(is *issue, wrote map[string]any, moved bool) {
	for _, p := range s.putBacks {
		if p.transition != "" && moved {
			time.AfterFunc(automationTakes, func() { _ = s.Move(is.id, p.who, p.transition, nil) }) // it may not be offered
		}
		for id := range p.fields {
			if _, ok := wrote[id]; ok {
				time.AfterFunc(automationTakes, func() { _ = s.Edit(is.id, p.who, p.fields) }) // the issue may be gone
				break
			}
		}
	}
}
