package incidentiotest

import "time"

// workflowTakes is how long after a write a workflow acts.
const workflowTakes = time.Second

// PutBack adds a workflow: whenever the API edits an incident, it makes these
// changes, a moment later. Those that are there already change nothing.
func (s *Server) PutBack(changes ...Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putBacks = append(s.putBacks, changes)
}

// PutNothingBack takes all workflows away.
func (s *Server) PutNothingBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putBacks = nil
}

// insist lets the workflows run after an edit by the API; s.mu is held.
func (s *Server) insist(id string) {
	for _, changes := range s.putBacks {
		time.AfterFunc(workflowTakes, func() { _, _ = s.EditIncident(id, changes...) }) // the incident may be gone
	}
}
