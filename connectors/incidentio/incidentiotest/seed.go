package incidentiotest

import (
	"slices"
	"strings"
)

// People, by e-mail address, that every account has. Lisa does what nobody else
// is named for.
const (
	Lisa = "lisa@incident.io"
	Omar = "omar@acme.example"
)

// seed fills in what a new account has and a little of what people add.
func (s *Server) seed() {
	s.addUser("Lisa Karlin Curtis", Lisa)
	s.addUser("Omar Haddad", Omar)
	for i, name := range []string{"Minor", "Major", "Critical"} {
		s.addSeverity(name, i+1)
	}
	for i, status := range [][2]string{
		{"Triage", "triage"},
		{"Investigating", "live"},
		{"Fixing", "live"},
		{"Monitoring", "live"},
		{"Paused", "paused"},
		{"Documenting", "learning"},
		{"Reviewing", "learning"},
		{"Closed", "closed"},
		{"Declined", "declined"},
		{"Canceled", "canceled"},
		{"Merged", "merged"},
	} {
		s.addStatus(status[0], status[1], i+1)
	}
	for _, name := range []string{"Production Outage", "Engineering", "Security"} {
		s.addType(name)
	}
	s.types[0].IsDefault = true
	s.addCustomField("Affected Team", "single_select", "Product", "Engineering", "Payments")
	s.addCustomField("Regions", "multi_select", "eu-west", "us-east", "ap-south")
	s.addCustomField("Customers affected", "numeric")
	s.addCustomField("Runbook", "link")
	s.addCustomField("ServiceNow ticket", "text")
	s.addRole("Incident Lead", "lead")
	s.addRole("Reporter", "reporter")
	s.addRole("Communications Lead", "custom")
	for _, name := range []string{"Reported at", "Impact started", "Fixed at", "Closed at"} {
		s.addTimestamp(name)
	}
	s.addTeam("Platform")
	s.addTeam("Payments")
	for i, name := range []string{"Low", "Normal", "Urgent"} {
		s.priorities = append(s.priorities, Priority{ID: s.newID(), Name: name, Rank: (i + 1) * 10})
	}
}

// AddUser adds a person.
func (s *Server) AddUser(name, email string) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addUser(name, email)
}

func (s *Server) addUser(name, email string) User {
	u := User{ID: s.newID(), Name: name, Email: email, Role: "responder"}
	u.SlackUserID = "U" + u.ID[17:]
	s.users = append(s.users, u)
	return u
}

// AddSeverity adds a severity.
func (s *Server) AddSeverity(name string, rank int) Severity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addSeverity(name, rank)
}

func (s *Server) addSeverity(name string, rank int) Severity {
	at := s.stamp()
	v := Severity{ID: s.newID(), Name: name, Description: name + " impact.", Rank: rank, CreatedAt: at, UpdatedAt: at}
	s.severities = append(s.severities, v)
	return v
}

// AddStatus adds a status to a category, which may be one that nobody knows.
func (s *Server) AddStatus(name, category string, rank int) Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addStatus(name, category, rank)
}

func (s *Server) addStatus(name, category string, rank int) Status {
	at := s.stamp()
	v := Status{ID: s.newID(), Name: name, Description: name + ".", Category: category, Rank: rank, CreatedAt: at, UpdatedAt: at}
	s.statuses = append(s.statuses, v)
	return v
}

// AddType adds an incident type.
func (s *Server) AddType(name string) Type {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addType(name)
}

func (s *Server) addType(name string) Type {
	at := s.stamp()
	v := Type{ID: s.newID(), Name: name, Description: name + " incidents", CreateInTriage: "optional", CreatedAt: at, UpdatedAt: at}
	s.types = append(s.types, v)
	return v
}

// AddCustomField adds a custom field; fieldType is single_select, multi_select,
// text, link or numeric.
func (s *Server) AddCustomField(name, fieldType string, options ...string) CustomField {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addCustomField(name, fieldType, options...)
}

func (s *Server) addCustomField(name, fieldType string, options ...string) CustomField {
	at := s.stamp()
	v := CustomField{ID: s.newID(), Name: name, Description: name, FieldType: fieldType, CreatedAt: at, UpdatedAt: at}
	s.fields = append(s.fields, v)
	for i, option := range options {
		s.options = append(s.options, Option{ID: s.newID(), CustomFieldID: v.ID, Value: option, SortKey: (i + 1) * 10})
	}
	return v
}

// AddRole adds an incident role; roleType is lead, reporter or custom.
func (s *Server) AddRole(name, roleType string) Role {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addRole(name, roleType)
}

func (s *Server) addRole(name, roleType string) Role {
	at := s.stamp()
	v := Role{ID: s.newID(), Name: name, Description: "The " + name, RoleType: roleType, CreatedAt: at, UpdatedAt: at}
	v.Shortform = strings.ToLower(strings.Fields(name)[0])
	s.roles = append(s.roles, v)
	return v
}

// AddTimestamp adds an incident timestamp.
func (s *Server) AddTimestamp(name string) Timestamp {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addTimestamp(name)
}

func (s *Server) addTimestamp(name string) Timestamp {
	v := Timestamp{ID: s.newID(), Name: name, Rank: len(s.timestamps) + 1}
	s.timestamps = append(s.timestamps, v)
	return v
}

// AddTeam adds a team.
func (s *Server) AddTeam(name string) Team {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addTeam(name)
}

func (s *Server) addTeam(name string) Team {
	v := Team{ID: s.newID(), Name: name}
	s.teams = append(s.teams, v)
	return v
}

// find is the element that fits, as a copy; nil: none does.
func find[T any](all []T, fits func(T) bool) *T {
	if at := slices.IndexFunc(all, fits); at >= 0 {
		found := all[at]
		return &found
	}
	return nil
}

func (s *Server) severity(id string) *Severity {
	return find(s.severities, func(v Severity) bool { return v.ID == id || v.Name == id })
}

func (s *Server) status(id string) *Status {
	return find(s.statuses, func(v Status) bool { return v.ID == id || v.Name == id })
}

func (s *Server) incidentType(id string) *Type {
	return find(s.types, func(v Type) bool { return v.ID == id || v.Name == id })
}

func (s *Server) field(id string) *CustomField {
	return find(s.fields, func(v CustomField) bool { return v.ID == id || v.Name == id })
}

func (s *Server) role(id string) *Role {
	return find(s.roles, func(v Role) bool { return v.ID == id || v.Name == id })
}

func (s *Server) timestamp(id string) *Timestamp {
	return find(s.timestamps, func(v Timestamp) bool { return v.ID == id || v.Name == id })
}

func (s *Server) team(id string) *Team {
	return find(s.teams, func(v Team) bool { return v.ID == id || v.Name == id })
}

func (s *Server) priority(id string) *Priority {
	return find(s.priorities, func(v Priority) bool { return v.ID == id || v.Name == id })
}

// user finds a person by id, e-mail address or Slack id.
func (s *Server) user(id string) *User {
	return find(s.users, func(v User) bool {
		return v.ID == id || strings.EqualFold(v.Email, id) || v.SlackUserID == id
	})
}

// fieldInfo is a custom field as it is in an incident.
func (s *Server) fieldInfo(f *CustomField) FieldInfo {
	info := FieldInfo{ID: f.ID, Name: f.Name, Description: f.Description, FieldType: f.FieldType, Options: []Option{}, Catalog: f.Catalog}
	for _, option := range s.options {
		if option.CustomFieldID == f.ID {
			info.Options = append(info.Options, option)
		}
	}
	return info
}

// The names that an account has, by which incidents are declared.

// Severities are the severities, lowest first.
func (s *Server) Severities() []Severity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.severities)
}

// Types are the incident types.
func (s *Server) Types() []Type {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.types)
}

// Have adds what a field of an incident or a follow-up names, unless there is one of
// that name. Of other fields it adds nothing.
func (s *Server) Have(field, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case field == "incident_type" && s.incidentType(name) == nil:
		s.addType(name)
	case field == "severity" && s.severity(name) == nil:
		s.addSeverity(name, len(s.severities)+1)
	case field == "custom_fields" && s.field(name) == nil:
		s.addCustomField(name, "text")
	case field == "roles" && s.role(name) == nil:
		s.addRole(name, "custom")
	case field == "timestamps" && s.timestamp(name) == nil:
		s.addTimestamp(name)
	case field == "assignee_team" && s.team(name) == nil:
		s.addTeam(name)
	}
}

// RenameSeverity gives a severity another name; incidents show it at once.
func (s *Server) RenameSeverity(id, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.severities, func(v Severity) bool { return v.ID == id })
	s.severities[at].Name, s.severities[at].UpdatedAt = name, s.stamp()
	for _, i := range s.incidents {
		if i.Severity != nil && i.Severity.ID == id {
			i.Severity = s.severity(id)
		}
	}
}
