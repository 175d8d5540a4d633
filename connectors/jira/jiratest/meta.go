package jiratest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) schema(f *field) object {
	kind := f.kind
	if kind == "document" {
		kind = "string"
	}
	o := object{"type": kind}
	if f.items != "" {
		o["items"] = f.items
	}
	if f.custom == "" {
		o["system"] = f.id
		return o
	}
	if o["custom"] = f.custom; !strings.Contains(f.custom, ":") {
		o["custom"] = "com.atlassian.jira.plugin.system.customfieldtypes:" + f.custom
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(f.id, "customfield_")); err == nil {
		o["customId"] = n
	}
	return o
}

func (s *Server) listFields() answer {
	all := []any{}
	for _, f := range s.fields {
		all = append(all, object{
			"id": f.id, "key": f.id, "name": f.name, "custom": f.custom != "", "orderable": true, "navigable": true, "searchable": true,
			"clauseNames": []any{f.id}, "schema": s.schema(f),
		})
	}
	return say(http.StatusOK, all)
}

// searchUsers finds people by the beginnings of names and addresses, of hidden
// addresses too; where a project is named, those who may be assigned issues there.
func (s *Server) searchUsers(c *call) answer {
	query, key := strings.ToLower(c.URL.Query().Get("query")), c.URL.Query().Get("project")
	assignable := strings.HasSuffix(c.URL.Path, "/assignable/search")
	switch {
	case assignable && key == "":
		return refuse(http.StatusBadRequest, "Either the 'project' or the 'issueKey' query parameter must be provided")
	case assignable && s.projectNamed(key) == nil:
		return refuse(http.StatusNotFound, "No project could be found with key '"+key+"'.")
	case query == "":
		return refuse(http.StatusBadRequest, "The 'query', 'username' or 'property' query parameter must be provided")
	}
	all := []any{}
	for _, u := range s.users {
		if !u.Inactive && !(assignable && slices.Contains(u.NotIn, key)) && (strings.HasPrefix(strings.ToLower(u.Name), query) || strings.HasPrefix(strings.ToLower(u.Email), query)) {
			all = append(all, s.shownUser(u))
		}
	}
	start, most := intParameter(c, "startAt", 0), intParameter(c, "maxResults", 50)
	all = all[min(start, len(all)):]
	return say(http.StatusOK, all[:min(most, len(all))])
}

func (s *Server) projectNamed(idOrKey string) *project {
	for _, p := range s.projects {
		if p.id == idOrKey || p.key == idOrKey {
			return p
		}
	}
	return nil
}

func (s *Server) projectAPI(parts []string) answer {
	p := s.projectNamed(parts[1])
	if p == nil {
		return refuse(http.StatusNotFound, "No project could be found with key '"+parts[1]+"'.")
	}
	if len(parts) == 2 {
		return say(http.StatusOK, s.shownProject(p))
	}
	all := []any{}
	for _, t := range p.types {
		statuses := []any{}
		for _, st := range p.statuses {
			statuses = append(statuses, s.shownStatus(st))
		}
		all = append(all, object{"self": s.opts.URL + "/rest/api/3/issuetype/" + t.id, "id": t.id, "name": t.name, "subtask": t.level < 0, "statuses": statuses})
	}
	return say(http.StatusOK, all)
}

func (s *Server) createMeta(c *call, parts []string) answer {
	p := s.projectNamed(parts[0])
	if p == nil {
		return refuse(http.StatusNotFound, "No project could be found with key '"+parts[0]+"'.")
	}
	start, most := intParameter(c, "startAt", 0), intParameter(c, "maxResults", 50)
	if len(parts) == 2 {
		all := []any{}
		for _, t := range p.types {
			all = append(all, object{"self": s.opts.URL + "/rest/api/3/issuetype/" + t.id, "id": t.id, "name": t.name, "description": "", "subtask": t.level < 0})
		}
		return say(http.StatusOK, object{"issueTypes": all, "startAt": 0, "maxResults": most, "total": len(all)})
	}
	if !slices.ContainsFunc(p.types, func(t issueType) bool { return t.id == parts[2] }) {
		return refuse(http.StatusBadRequest, "The issue type selected is invalid.")
	}
	all := []any{}
	for _, f := range s.fields {
		if p.onCreate(f) {
			shown := s.screenField(p, f)
			shown["fieldId"] = f.id
			all = append(all, shown)
		}
	}
	total := len(all)
	all = all[min(start, len(all)):]
	return say(http.StatusOK, object{"fields": all[:min(most, len(all))], "startAt": start, "maxResults": most, "total": total})
}

// editMeta is the screen on which an issue is edited.
func (s *Server) editMeta(is *issue) answer {
	fields := object{}
	for _, f := range s.fields {
		if is.project.onEdit(f) {
			fields[f.id] = s.screenField(is.project, f)
		}
	}
	return say(http.StatusOK, object{"fields": fields})
}

// screenField is a field of a screen of a project.
func (s *Server) screenField(p *project, f *field) object {
	o := object{
		"key": f.id, "name": f.name, "schema": s.schema(f), "operations": []any{"set"},
		"required":        slices.Contains([]string{"project", "issuetype", "summary", "reporter"}, f.id) || slices.Contains(p.required, f.id),
		"hasDefaultValue": f.id == "priority" || f.id == "reporter",
	}
	if f.kind == "option-with-child" || f.allowed == nil && f.items != "component" && f.items != "version" {
		return o
	}
	names, member := f.allowed, "name"
	if f.kind == "option" || f.items == "option" {
		member = "value"
	}
	switch f.items {
	case "component":
		names = p.components
	case "version":
		names = p.versions
	}
	choices := []any{}
	for i, name := range names {
		choices = append(choices, object{"self": s.opts.URL, "id": strconv.Itoa(i + 1), member: name})
	}
	o["allowedValues"] = choices
	return o
}
