package jiratest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

type project struct {
	id, key, kind      string
	types              []issueType
	components         []string
	versions           []string
	flow               []flowStep
	statuses           []flowStatus
	required           []string        // fields beyond the system's
	noAgent            bool            // the account is no agent: what it says is seen by customers
	offCreate, offEdit map[string]bool // fields that are not on these screens
	number             int
}

// An issueType has a level: what is on one has its parent on the next.
type issueType struct {
	id, name string
	level    int // -1: sub-task, 1: epic
}

type flowStatus struct{ id, name, category string }

// A flowStep is a transition of a workflow. Its screen has fields, of which
// some are required; they are set to what is given.
type flowStep struct {
	id, name string
	from     []string // nil: any
	to       string
	screen   map[string]bool   // true: required
	defaults map[string]string // what is taken where a field of the screen is not given, by its name
	clears   []string
}

type field struct {
	id, name, kind, items, custom string
	allowed                       []string
	offEdit, offCreate            bool
}

// A User of the site.
type User struct {
	AccountID   string
	Name        string
	Email       string
	APIToken    string // "": it does not use the API
	EmailHidden bool
	Inactive    bool
	// NotIn are the projects in which it may not be assigned issues, by key.
	NotIn []string
	App   bool
}

type issue struct {
	id, key    string
	formerKeys []string // of the projects that it was moved out of
	project    *project
	fields     map[string]any // as the API shows them
	properties map[string]any
	comments   []*comment
	files      []*file
	changes    []object
	created    time.Time
	updated    time.Time
	hidden     bool
	indexed    []snapshot
}

// A snapshot is an issue as the search will show it.
type snapshot struct {
	at      time.Time
	updated time.Time
	fields  map[string]any
	deleted bool
}

type comment struct {
	id         string
	author     string
	body       any
	at         time.Time
	internal   bool
	visibility object // the role or group that sees it; nil: all
	properties map[string]any
}

type file struct {
	id, name, kind, author string
	content                []byte
	at                     time.Time
}

func (s *Server) seed() {
	s.users = []*User{
		{AccountID: Bot, Name: "Lockstep", Email: s.opts.Email, APIToken: s.opts.APIToken},
		{AccountID: "acc-ann", Name: "Ann Doe", Email: "ann@acme.example"},
		{AccountID: "acc-bo", Name: "Bo Roe", Email: "bo@acme.example", EmailHidden: true},
	}
	system := func(id, name, kind, items string) *field { return &field{id: id, name: name, kind: kind, items: items} }
	s.fields = []*field{
		system("summary", "Summary", "string", ""), system("description", "Description", "document", ""), system("environment", "Environment", "document", ""),
		system("project", "Project", "project", ""), system("issuetype", "Issue Type", "issuetype", ""),
		{id: "priority", name: "Priority", kind: "priority", allowed: []string{"Highest", "High", "Medium", "Low", "Lowest"}},
		system("labels", "Labels", "array", "string"), system("components", "Components", "array", "component"),
		system("fixVersions", "Fix versions", "array", "version"), system("versions", "Affects versions", "array", "version"),
		system("duedate", "Due date", "date", ""), system("assignee", "Assignee", "user", ""), system("reporter", "Reporter", "user", ""),
		system("parent", "Parent", "issuelink", ""), system("timetracking", "Time tracking", "timetracking", ""),
		{id: "security", name: "Security Level", kind: "securitylevel", allowed: []string{"Staff", "Board"}},
		{id: "resolution", name: "Resolution", kind: "resolution", allowed: []string{"Done", "Won't Do", "Duplicate"}, offEdit: true, offCreate: true},
		{id: "customfield_10016", name: "Story Points", kind: "number", custom: "float"},
		{id: "customfield_10020", name: "Team", kind: "option", custom: "select", allowed: []string{"Payments", "Search"}},
		{id: "customfield_10021", name: "Services", kind: "array", items: "option", custom: "multiselect", allowed: []string{"web", "api", "db"}},
		{id: "customfield_10022", name: "Owner", kind: "user", custom: "userpicker"},
		{id: "customfield_10023", name: "Notes", kind: "document", custom: "textarea"},
		{id: "customfield_10024", name: "Ticket", kind: "string", custom: "textfield"},
		{id: "customfield_10025", name: "Started", kind: "datetime", custom: "datetime"},
		{id: "customfield_10030", name: "Sprint", kind: "array", items: "json", custom: "com.pyxis.greenhopper.jira:gh-sprint"},
		{id: "customfield_10031", name: "Organizations", kind: "array", items: "sd-customerorganization", custom: "com.atlassian.servicedesk:sd-customer-organizations"},
		{id: "customfield_10032", name: "Hardware", kind: "array", items: "cmdb-object-field", custom: "com.atlassian.jira.plugins.cmdb:cmdb-object-cftype"},
		{id: "customfield_10033", name: "Squad", kind: "team", custom: "com.atlassian.jira.plugin.system.customfieldtypes:atlassian-team"},
		{id: "customfield_10034", name: "Request Type", kind: "sd-customerrequesttype", custom: "com.atlassian.servicedesk:vp-origin"},
		{id: "customfield_10035", name: "Area", kind: "option-with-child", custom: "cascadingselect", allowed: []string{"Payments", "Payments/Cards", "Search"}},
		{id: "customfield_10026", name: "Twice", kind: "string", custom: "textfield"},
		{id: "customfield_10027", name: "Twice", kind: "string", custom: "textfield"},
	}
	statuses := []flowStatus{{"10000", "To Do", "new"}, {"10001", "In Progress", "indeterminate"}, {"10002", "In Review", "indeterminate"}, {"10003", "Done", "done"}, {"10004", "Cancelled", "done"}}
	steps := []flowStep{
		{id: "11", name: "Start", from: []string{"To Do"}, to: "In Progress"},
		{id: "21", name: "Review", from: []string{"In Progress"}, to: "In Review"},
		{id: "31", name: "Resolve", from: []string{"In Review"}, to: "Done", screen: map[string]bool{"resolution": true, "assignee": false}},
		{id: "41", name: "Stop", from: []string{"In Progress"}, to: "To Do"},
		{id: "51", name: "Reopen", from: []string{"Done", "Cancelled"}, to: "To Do", clears: []string{"resolution"}},
		{id: "61", name: "Cancel", from: []string{"To Do", "In Progress"}, to: "Cancelled", screen: map[string]bool{"resolution": false}},
	}
	for i, p := range []struct{ key, kind string }{{"ENG", "software"}, {"OPS", "service_desk"}} {
		s.projects[p.key] = &project{
			id: strconv.Itoa(10000 + i), key: p.key, kind: p.kind,
			types:      []issueType{{"10001", "Task", 0}, {"10002", "Bug", 0}, {"10003", "Epic", 1}, {"10004", "Sub-task", -1}},
			components: []string{"Backend", "Frontend"}, versions: []string{"1.0", "2.0"},
			flow: steps, statuses: statuses,
		}
	}
}

func (s *Server) find(idOrKey string) *issue {
	if is := s.issues[idOrKey]; is != nil {
		return is
	}
	for _, is := range s.issues {
		if is.key == idOrKey || slices.Contains(is.formerKeys, idOrKey) {
			return is
		}
	}
	return nil
}

func (s *Server) user(accountID string) *User {
	for _, u := range s.users {
		if u.AccountID == accountID {
			return u
		}
	}
	return nil
}

func (s *Server) field(id string) *field {
	for _, f := range s.fields {
		if f.id == id {
			return f
		}
	}
	return nil
}

func (s *Server) nextID() string {
	s.sequence++
	return strconv.Itoa(10100 + s.sequence)
}

// status is the one of that name; the zero flowStatus: there is none.
func (p *project) status(name string) flowStatus {
	for _, st := range p.statuses {
		if strings.EqualFold(st.name, name) {
			return st
		}
	}
	return flowStatus{}
}

func (s *Server) shownStatus(st flowStatus) object {
	category := map[string]object{
		"new": {"id": 2, "key": "new", "name": "To Do"}, "indeterminate": {"id": 4, "key": "indeterminate", "name": "In Progress"}, "done": {"id": 3, "key": "done", "name": "Done"},
	}[st.category]
	return object{"self": s.opts.URL + "/rest/api/3/status/" + st.id, "id": st.id, "name": st.name, "statusCategory": category}
}

func (is *issue) status() string {
	st, _ := is.fields["status"].(object)
	name, _ := st["name"].(string)
	return name
}

// Stamp gives an issue another time of its last change, as an import does.
func (s *Server) Stamp(idOrKey string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := s.find(idOrKey)
	is.updated = at
	is.fields["updated"] = s.stamp(at)
	s.index(is, false)
}

// touched stamps a change and shows it to the index.
func (s *Server) touched(is *issue) {
	now := s.now()
	if !now.After(is.updated) { // Jira's clock has milliseconds, and each change its own
		now = is.updated.Add(time.Millisecond)
	}
	is.updated = now
	is.fields["updated"] = s.stamp(now)
	s.index(is, false)
}

func (s *Server) index(is *issue, deleted bool) {
	is.indexed = append(is.indexed, snapshot{at: s.opts.Now(), updated: is.updated, fields: maps.Clone(is.fields), deleted: deleted})
}

// shown is an issue as the index has it by now.
func (s *Server) shownByIndex(is *issue) (snapshot, bool) {
	limit := s.opts.Now().Add(-s.opts.IndexLag)
	for _, snap := range slices.Backward(is.indexed) {
		if !snap.at.After(limit) {
			return snap, !snap.deleted
		}
	}
	return snapshot{}, false
}

// logged adds an entry to the changelog of an issue.
func (s *Server) logged(is *issue, who string, before map[string]any) []any {
	items := []any{}
	ids := slices.Sorted(maps.Keys(is.fields))
	for id := range before {
		if _, ok := is.fields[id]; !ok {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		old, now := before[id], is.fields[id]
		if slices.Contains([]string{"updated", "created", "statuscategorychangedate", "resolutiondate"}, id) || string(encode(old)) == string(encode(now)) {
			continue
		}
		name, custom := id, "jira"
		if f := s.field(id); f != nil && f.custom != "" {
			name, custom = f.name, "custom"
		}
		oldID, oldText := logText(old)
		newID, newText := logText(now)
		items = append(items, object{"field": name, "fieldtype": custom, "fieldId": id, "from": oldID, "fromString": oldText, "to": newID, "toString": newText})
	}
	if len(items) > 0 {
		is.changes = append(is.changes, object{"id": s.nextID(), "author": s.shownUser(s.user(who)), "created": s.stamp(s.now()), "items": items})
	}
	return items
}

// logText is a value as the changelog has it: an id, and what people see.
func logText(v any) (id, shown any) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case object:
		if v["type"] == "doc" {
			return nil, wiki(v)
		}
		if account, ok := v["accountId"].(string); ok {
			return account, v["displayName"]
		}
		for _, member := range []string{"value", "name", "key"} {
			if s, ok := v[member].(string); ok {
				return v["id"], s
			}
		}
		return nil, string(encode(v))
	case []any:
		var parts []string
		for _, element := range v {
			_, s := logText(element)
			parts = append(parts, fmt.Sprint(s))
		}
		return nil, strings.Join(parts, " ")
	case string:
		return nil, v
	case float64:
		return nil, strconv.FormatFloat(v, 'f', -1, 64)
	}
	return nil, fmt.Sprint(v)
}
