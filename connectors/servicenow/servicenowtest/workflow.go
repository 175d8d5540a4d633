package servicenowtest

import "time"

// workflowTakes is how long after a write a workflow acts.
const workflowTakes = time.Second

// A putBack is a workflow that insists on its values.
type putBack struct {
	table, userName string
	fields          Row
}

// PutBack adds a workflow: whenever the API writes one of the fields of a record
// of the table, the user writes them all again, a moment later.
func (s *Server) PutBack(table, userName string, fields Row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putBacks = append(s.putBacks, putBack{table, userName, fields})
}

// PutNothingBack takes all workflows away.
func (s *Server) PutNothingBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putBacks = nil
}

// insist lets the workflows run after a write by the API; s.mu is held.
func (s *Server) insist(table, id string, input Row) {
	for _, p := range s.putBacks {
		if p.table != table {
			continue
		}
		for name := range p.fields {
			if _, wrote := input[name]; wrote {
				time.AfterFunc(workflowTakes, func() { _ = s.Edit(table, id, p.userName, p.fields) }) // the record may be gone
				break
			}
		}
	}
}
