package simulators

import (
	"slices"
	"strings"
)

// Know makes the simulators know what a configuration names in a field of a record:
// of incident.io types, severities and teams, and the custom fields, roles and
// timestamps of incidents; of Jira projects; of ServiceNow columns of one's own.
// What else a new instance does not have, it goes on not having.
func (s *Group) Know(record, field string, names []string) {
	if s.Tickets != nil && (strings.HasPrefix(field, "u_") || strings.HasPrefix(field, "x_")) {
		s.Tickets.Have(record, field)
	}
	for _, name := range names {
		if s.Incidents != nil {
			s.Incidents.Have(field, name)
		}
		if s.Issues != nil && field == "project" {
			s.Issues.AddProject(name)
			s.project = name
		}
	}
	if s.Incidents != nil && field == "incident_type" {
		s.declare(names)
	}
}

// declare has the steps declare incidents of these types, too, in place of the usual
// ones.
func (s *Group) declare(types []string) {
	if len(types) > 0 && !s.typesNamed {
		s.types, s.typesNamed = nil, true
	}
	s.types = append(s.types, types...)
	slices.Sort(s.types)
	s.types = slices.Compact(s.types)
}
