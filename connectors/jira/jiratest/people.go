package jiratest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// decoded is a value as it comes over the wire.
func decoded(v any) any {
	var out any
	_ = json.Unmarshal(encode(v), &out) // what was just written
	return out
}

// Document is text as the API takes it: a paragraph for each part between empty
// lines, a break for each other line's end.
func Document(text string) any {
	content := []any{}
	for part := range strings.SplitSeq(text, "\n\n") {
		inline := []any{}
		for i, line := range strings.Split(part, "\n") {
			if i > 0 {
				inline = append(inline, object{"type": "hardBreak"})
			}
			if line != "" {
				inline = append(inline, object{"type": "text", "text": line})
			}
		}
		content = append(content, object{"type": "paragraph", "content": inline})
	}
	return object{"type": "doc", "version": 1.0, "content": content}
}

// AddUser adds an account.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = append(s.users, &u)
}

// GiveToken lets an account sign in to the API with its address and this token.
func (s *Server) GiveToken(accountID, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.user(accountID); u != nil {
		u.APIToken = token
	}
}

// AddProject adds a project like ENG, if there is none of the key.
func (s *Server) AddProject(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.projects[key] != nil {
		return
	}
	copied := *s.projects["ENG"]
	copied.key, copied.id, copied.number = key, strconv.Itoa(10000+len(s.projects)), 0
	s.projects[key] = &copied
}

// Require has issues of a project need a field at creation.
func (s *Server) Require(projectKey, field string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.projects[projectKey].required = append(s.projects[projectKey].required, field)
}

// RenameField gives a field another name.
func (s *Server) RenameField(id, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.field(id); f != nil {
		f.name = name
	}
}

// RenameStatus gives a status of a project another name, on its issues as well.
func (s *Server) RenameStatus(projectKey, from, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[projectKey]
	p.statuses, p.flow = slices.Clone(p.statuses), slices.Clone(p.flow)
	for i := range p.statuses {
		if p.statuses[i].name == from {
			p.statuses[i].name = to
		}
	}
	for i := range p.flow {
		if p.flow[i].to == from {
			p.flow[i].to = to
		}
		p.flow[i].from = slices.Clone(p.flow[i].from)
		for j, name := range p.flow[i].from {
			if name == from {
				p.flow[i].from[j] = to
			}
		}
	}
	for _, is := range s.issues {
		if is.project == p && is.status() == from {
			is.fields["status"] = s.shownStatus(p.status(to))
		}
	}
}

// TakeOff takes a field off the screens of a project: that of new issues, that on
// which issues are edited.
func (s *Server) TakeOff(projectKey, field string, create, edit bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[projectKey]
	if p.offCreate == nil {
		p.offCreate, p.offEdit = map[string]bool{}, map[string]bool{}
	}
	p.offCreate[field], p.offEdit[field] = create, edit
}

// DenyCreate has creating issues in a project fail with 403; "" ends it.
func (s *Server) DenyCreate(projectKey, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noCreate[projectKey] = message
}

// Busy has the next transitions of an issue meet another one that is under way.
func (s *Server) Busy(idOrKey string, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is := s.find(idOrKey); is != nil {
		s.busy[is.id] = times
	}
}

// Cut takes a transition out of a project's workflow, by its name.
func (s *Server) Cut(projectKey, transition string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[projectKey]
	p.flow = slices.DeleteFunc(slices.Clone(p.flow), func(st flowStep) bool { return st.name == transition })
}

// Add adds a transition to a project's workflow, before the others. Of its screen's
// fields, those that are true are required.
func (s *Server) Add(projectKey, name string, from []string, to string, screen map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[projectKey]
	step := flowStep{id: strconv.Itoa(200 + len(p.flow)), name: name, from: from, to: to, screen: screen}
	p.flow = append([]flowStep{step}, p.flow...)
}

// Default gives a field of a transition's screen a default, by its name.
func (s *Server) Default(projectKey, transition, field, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[projectKey]
	p.flow = slices.Clone(p.flow)
	for i := range p.flow {
		if p.flow[i].name == transition {
			p.flow[i].defaults = map[string]string{field: value}
		}
	}
}

// Issues are the keys of all issues, oldest first.
func (s *Server) Issues() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.SortedFunc(maps.Values(s.issues), func(a, b *issue) int { return cmp.Or(cmp.Compare(len(a.id), len(b.id)), cmp.Compare(a.id, b.id)) })
	var keys []string
	for _, is := range all {
		keys = append(keys, is.key)
	}
	return keys
}

// Issue is an issue's fields as the API shows them; nil: there is none.
func (s *Server) Issue(idOrKey string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := s.find(idOrKey)
	if is == nil {
		return nil
	}
	fields, _ := decoded(is.fields).(map[string]any)
	return fields
}

// Properties are an issue's properties.
func (s *Server) Properties(idOrKey string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := s.find(idOrKey)
	if is == nil {
		return nil
	}
	return maps.Clone(is.properties)
}

// Searchable reports whether the search shows an issue as it is now.
func (s *Server) Searchable(idOrKey string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := s.find(idOrKey)
	return is != nil && len(is.indexed) > 0 && !s.opts.Now().Add(-s.opts.IndexLag).Before(is.indexed[len(is.indexed)-1].at)
}

// SetProperty writes a property of an issue, as anybody may who can edit it.
func (s *Server) SetProperty(idOrKey, name string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is := s.find(idOrKey); is != nil {
		is.properties[name] = value
	}
}

// Status is an issue's status.
func (s *Server) Status(idOrKey string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := s.find(idOrKey)
	if is == nil {
		return ""
	}
	return is.status()
}

// Comments are the texts of an issue's comments as wiki markup, oldest first;
// those that only agents see begin with "internal: ".
func (s *Server) Comments(idOrKey string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	if is := s.find(idOrKey); is != nil {
		for _, m := range is.comments {
			text := wiki(m.body)
			if m.internal {
				text = "internal: " + text
			}
			all = append(all, text)
		}
	}
	return all
}

// Files are the names and contents of an issue's attachments.
func (s *Server) Files(idOrKey string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]string{}
	if is := s.find(idOrKey); is != nil {
		for _, f := range is.files {
			all[f.name] = string(f.content)
		}
	}
	return all
}

// Open opens an issue as somebody, with fields as the API takes them; it
// returns its key.
func (s *Server) Open(projectKey, who string, fields map[string]any) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[projectKey]
	if p == nil {
		return "", fmt.Errorf("no project %s", projectKey)
	}
	all := map[string]any{"issuetype": object{"name": p.types[0].name}, "summary": "Opened by hand"}
	maps.Copy(all, fields)
	body, _ := decoded(object{"fields": all}).(object)
	in, bad := s.readInput(body, p, p.onCreate)
	if bad != nil {
		return "", fmt.Errorf("%s", bad.Body)
	}
	is := s.add(p, in, who)
	s.announce(is, "jira:issue_created", who, nil, nil)
	return is.key, nil
}

// Edit edits an issue as somebody.
func (s *Server) Edit(idOrKey, who string, fields map[string]any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := s.find(idOrKey)
	if is == nil {
		return fmt.Errorf("no issue %s", idOrKey)
	}
	body, _ := decoded(object{"fields": fields}).(object)
	in, bad := s.readInput(body, is.project, is.project.onEdit)
	if bad != nil {
		return fmt.Errorf("%s", bad.Body)
	}
	s.apply(is, in, who)
	return nil
}

// MoveTo moves an issue to another project as somebody, and returns its new key. The
// old one goes on leading to it.
func (s *Server) MoveTo(idOrKey, who, projectKey string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	is, p := s.find(idOrKey), s.projects[projectKey]
	if is == nil || p == nil {
		return "", fmt.Errorf("no issue %s or no project %s", idOrKey, projectKey)
	}
	before := maps.Clone(is.fields)
	p.number++
	is.formerKeys = append(is.formerKeys, is.key)
	is.key, is.project = fmt.Sprintf("%s-%d", p.key, p.number), p
	is.fields["project"] = s.shownProject(p)
	s.logged(is, who, before)
	s.touched(is)
	return is.key, nil
}

// Move makes a transition as somebody, by its name.
func (s *Server) Move(idOrKey, who, transition string, fields map[string]any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := s.find(idOrKey)
	if is == nil {
		return fmt.Errorf("no issue %s", idOrKey)
	}
	for _, step := range is.offered() {
		if step.name != transition {
			continue
		}
		body, _ := decoded(object{"fields": fields}).(object)
		if fields == nil {
			body = object{}
		}
		in, bad := s.readInput(body, is.project, func(f *field) bool { _, on := step.screen[f.id]; return on })
		if bad != nil {
			return fmt.Errorf("%s", bad.Body)
		}
		s.take(is, step, in, who)
		return nil
	}
	return fmt.Errorf("%s is not offered %s", idOrKey, transition)
}

// Say adds a comment as somebody, of plain text.
func (s *Server) Say(idOrKey, who, text string, internal bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is := s.find(idOrKey); is != nil {
		properties := map[string]any{}
		if internal {
			properties["sd.public.comment"] = object{"internal": true}
		}
		s.comment(is, who, Document(text), properties)
	}
}

// SayTo adds a comment as somebody that a group alone sees.
func (s *Server) SayTo(idOrKey, who, group, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is := s.find(idOrKey); is != nil {
		m := s.comment(is, who, Document(text), map[string]any{})
		m.visibility = object{"type": "group", "value": group, "identifier": group}
	}
}

// NoAgent takes the account's place among the agents of a service project, or gives
// it back: without it, customers see what it says.
func (s *Server) NoAgent(projectKey string, none bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.projects[projectKey].noAgent = none
}

// Secure puts an issue under a security level, whose account still sees it; "" takes
// it off.
func (s *Server) Secure(idOrKey, level string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := s.find(idOrKey)
	if is == nil {
		return
	}
	in := input{fields: map[string]any{"security": nil}}
	if level != "" {
		in.fields["security"], _ = s.store(is.project, s.field("security"), object{"name": level})
	}
	s.apply(is, in, "acc-ann")
}

// Attach attaches a file as somebody.
func (s *Server) Attach(idOrKey, who, name, kind string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is := s.find(idOrKey); is != nil {
		s.attach(is, who, name, kind, content)
	}
}

// Clone makes an issue of an issue, with its fields and labels and without its
// properties, as the product does; it returns the key.
func (s *Server) Clone(idOrKey, who string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := s.find(idOrKey)
	if is == nil {
		return ""
	}
	fields := maps.Clone(is.fields)
	for _, name := range []string{"created", "updated", "status", "resolution"} {
		delete(fields, name)
	}
	return s.add(is.project, input{fields: fields, properties: map[string]any{}}, who).key
}

// Delete deletes an issue. The search shows it for as long as it lags.
func (s *Server) Delete(idOrKey string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is := s.find(idOrKey); is != nil {
		s.announce(is, "jira:issue_deleted", "acc-ann", nil, nil)
		delete(s.issues, is.id)
	}
}

// Hide has the account not see an issue, or see it again.
func (s *Server) Hide(idOrKey string, hidden bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is := s.find(idOrKey); is != nil {
		is.hidden = hidden
	}
}

// Now is the site's time.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// HasText reports whether an issue holds a text anywhere.
func (s *Server) HasText(idOrKey, text string) bool {
	return bytes.Contains(encode(s.Issue(idOrKey)), []byte(text)) || strings.Contains(strings.Join(s.Comments(idOrKey), "\n"), text)
}
