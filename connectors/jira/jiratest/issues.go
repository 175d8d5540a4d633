package jiratest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// bean is an issue as the API shows it.
func (s *Server) bean(is *issue, q url.Values) object {
	return s.beanOf(is, is.fields, strings.Split(q.Get("fields"), ","), strings.Split(q.Get("properties"), ","), strings.Contains(q.Get("expand"), "names"))
}

func (s *Server) beanOf(is *issue, from map[string]any, wanted, properties []string, names bool) object {
	all := maps.Clone(from)
	all["attachment"] = s.shownFiles(is)
	all["comment"] = object{"comments": []any{}, "total": len(is.comments)}
	all["worklog"] = object{"worklogs": []any{}, "total": 0}
	for _, f := range s.fields {
		if _, ok := all[f.id]; !ok {
			all[f.id] = nil
			if f.kind == "array" {
				all[f.id] = []any{}
			}
		}
	}
	every := slices.Equal(wanted, []string{""}) || slices.Contains(wanted, "*all")
	shown := object{}
	for id, v := range all {
		if (every || slices.Contains(wanted, id)) && !slices.Contains(wanted, "-"+id) {
			shown[id] = v
		}
	}
	o := object{"id": is.id, "key": is.key, "self": s.opts.URL + "/rest/api/3/issue/" + is.id, "expand": "renderedFields,names,schema", "fields": shown}
	if !slices.Equal(properties, []string{""}) {
		found := object{}
		for _, key := range properties {
			if v, ok := is.properties[key]; ok {
				found[key] = v
			}
		}
		o["properties"] = found
	}
	if names {
		all := object{}
		for _, f := range s.fields {
			all[f.id] = f.name
		}
		o["names"] = all
	}
	return o
}

// input is what a create, an edit or a transition sets.
type input struct {
	fields     map[string]any
	properties map[string]any
}

// readInput checks the members of a body and the fields in it. usable says which
// fields are on the screen.
func (s *Server) readInput(body object, p *project, usable func(*field) bool) (input, *answer) {
	in := input{fields: map[string]any{}, properties: map[string]any{}}
	bad := func(a answer) (input, *answer) { return in, &a }
	given, ok := body["fields"].(object)
	if _, present := body["fields"]; present && !ok {
		return bad(refuse(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again."))
	}
	given = maps.Clone(given)
	if given == nil {
		given = object{}
	}
	updates, _ := body["update"].(object)
	for id, operations := range updates {
		list, _ := operations.([]any)
		for _, operation := range list {
			set, _ := operation.(object)
			if none, _ := set["set"].(object); id == "parent" && none["none"] == true {
				given[id] = nil
			} else if v, ok := set["set"]; ok {
				given[id] = v
			} else {
				return bad(refuse(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again."))
			}
		}
	}
	errors := map[string]string{}
	for id, v := range given {
		if id == "project" || id == "issuetype" && p == nil {
			continue
		}
		f := s.field(id)
		if f == nil || !usable(f) {
			errors[id] = "Field '" + id + "' cannot be set. It is not on the appropriate screen, or unknown."
			continue
		}
		if id == "parent" && v == nil && updates["parent"] == nil {
			errors[id] = "data was not an object"
			continue
		}
		if id == "issuetype" {
			stored, message := s.storeType(p, v)
			if message != "" {
				errors[id] = message
			}
			in.fields[id] = stored
			continue
		}
		stored, message := s.store(p, f, v)
		if message != "" {
			errors[id] = message
			continue
		}
		in.fields[id] = stored
	}
	if len(errors) > 0 {
		return bad(refuseFields(errors))
	}
	list, _ := body["properties"].([]any)
	for _, entry := range list {
		o, _ := entry.(object)
		key, _ := o["key"].(string)
		v, ok := o["value"]
		if key == "" || len(key) > 255 || !ok || len(encode(v)) > 32768 {
			return bad(refuse(http.StatusBadRequest, "The property is invalid."))
		}
		in.properties[key] = v
	}
	return in, nil
}

// onCreate reports whether a field is on the screen of a new issue, onEdit whether
// it is on that of an issue which is there.
func (p *project) onCreate(f *field) bool { return !f.offCreate && !p.offCreate[f.id] }

func (p *project) onEdit(f *field) bool {
	return !f.offEdit && !p.offEdit[f.id] && f.id != "project"
}

func (s *Server) storeType(p *project, v any) (any, string) {
	o, _ := v.(object)
	for _, t := range p.types {
		if o["name"] == t.name || o["id"] == t.id {
			return object{"self": s.opts.URL + "/rest/api/3/issuetype/" + t.id, "id": t.id, "name": t.name, "subtask": t.level < 0}, ""
		}
	}
	return nil, "Specify a valid issue type"
}

// hierarchy is what is wrong with the parent of an issue: a sub-task needs one,
// and it is one level up.
func (s *Server) hierarchy(p *project, fields map[string]any) map[string]string {
	level := func(p *project, kind any) int {
		o, _ := kind.(object)
		for _, t := range p.types {
			if o["id"] == t.id {
				return t.level
			}
		}
		return 0
	}
	own := level(p, fields["issuetype"])
	link, _ := fields["parent"].(object)
	key, _ := link["key"].(string)
	switch parent := s.find(key); {
	case parent == nil && own < 0:
		return map[string]string{"issuetype": "Issue type is a sub-task but parent issue key or id not specified."}
	case parent != nil && level(parent.project, parent.fields["issuetype"]) != own+1:
		return map[string]string{"parentId": "Given parent work item does not belong to appropriate hierarchy."}
	}
	return nil
}

func (s *Server) shownProject(p *project) object {
	return object{"self": s.opts.URL + "/rest/api/3/project/" + p.id, "id": p.id, "key": p.key, "name": p.key + " project", "projectTypeKey": p.kind, "simplified": false}
}

func (s *Server) create(c *call) answer {
	body, ok := readObject(c)
	if !ok {
		return refuse(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again.")
	}
	given, _ := body["fields"].(object)
	named, _ := given["project"].(object)
	var p *project
	for _, one := range s.projects {
		if named["key"] == one.key || named["id"] == one.id {
			p = one
		}
	}
	if p == nil {
		return refuseFields(map[string]string{"project": "valid project is required"})
	}
	if message := s.noCreate[p.key]; message != "" {
		return refuse(http.StatusForbidden, message)
	}
	in, bad := s.readInput(body, p, p.onCreate)
	if bad != nil {
		return *bad
	}
	errors := map[string]string{}
	if in.fields["issuetype"] == nil {
		errors["issuetype"] = "Specify an issue type"
	}
	if in.fields["summary"] == nil {
		errors["summary"] = "You must specify a summary of the issue."
	}
	for _, id := range p.required {
		if v := in.fields[id]; v == nil {
			errors[id] = s.field(id).name + " is required."
		}
	}
	maps.Copy(errors, s.hierarchy(p, in.fields))
	if len(errors) > 0 {
		return refuseFields(errors)
	}
	is := s.add(p, in, c.Principal)
	s.announce(is, "jira:issue_created", c.Principal, nil, nil)
	return say(http.StatusCreated, object{"id": is.id, "key": is.key, "self": s.opts.URL + "/rest/api/3/issue/" + is.id})
}

func (s *Server) add(p *project, in input, who string) *issue {
	p.number++
	id := s.nextID()
	is := &issue{id: id, key: fmt.Sprintf("%s-%d", p.key, p.number), project: p, fields: in.fields, properties: in.properties, created: s.now()}
	is.updated = is.created
	is.fields["project"] = s.shownProject(p)
	is.fields["status"] = s.shownStatus(p.statuses[0])
	is.fields["creator"] = s.shownUser(s.user(who))
	if is.fields["reporter"] == nil {
		is.fields["reporter"] = s.shownUser(s.user(who))
	}
	if is.fields["priority"] == nil {
		is.fields["priority"], _ = s.store(p, s.field("priority"), object{"name": "Medium"})
	}
	is.fields["created"], is.fields["updated"] = s.stamp(is.created), s.stamp(is.updated)
	is.fields["votes"], is.fields["watches"] = object{"votes": 0}, object{"watchCount": 1}
	s.issues[id] = is
	s.index(is, false)
	return is
}

func (s *Server) edit(c *call, is *issue) answer {
	body, ok := readObject(c)
	if !ok {
		return refuse(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again.")
	}
	given, _ := body["fields"].(object)
	if updates, _ := body["update"].(object); len(given)+len(updates) == 0 { // properties do not count
		return refuse(http.StatusBadRequest, "one of 'fields' or 'update' required")
	}
	if given["project"] != nil {
		return refuseFields(map[string]string{"project": "Field 'project' cannot be set. It is not on the appropriate screen, or unknown."})
	}
	in, bad := s.readInput(body, is.project, is.project.onEdit)
	if bad != nil {
		return *bad
	}
	next := maps.Clone(is.fields)
	maps.Copy(next, in.fields)
	if errors := s.hierarchy(is.project, next); len(errors) > 0 {
		return refuseFields(errors)
	}
	s.apply(is, in, c.Principal)
	s.insist(is, in.fields, false)
	if c.URL.Query().Get("returnIssue") == "true" && !s.opts.NoReturn {
		q := url.Values{"expand": c.URL.Query()["expand"]}
		return say(http.StatusOK, s.bean(is, q))
	}
	return say(http.StatusNoContent, nil)
}

// propertyAPI reads or writes one property. It is no change of the issue.
func (s *Server) propertyAPI(c *call, is *issue, key string) answer {
	v, there := is.properties[key]
	if c.Method == http.MethodGet {
		if !there {
			return refuse(http.StatusNotFound, "The property "+key+" does not exist.")
		}
		return say(http.StatusOK, object{"key": key, "value": v})
	}
	if len(c.Body) == 0 || len(c.Body) > 32768 || json.Unmarshal(c.Body, &v) != nil {
		return refuse(http.StatusBadRequest, "The property is invalid.")
	}
	is.properties[key] = v
	if there {
		return say(http.StatusOK, object{})
	}
	return say(http.StatusCreated, object{})
}

// apply carries out what an edit or a transition sets.
func (s *Server) apply(is *issue, in input, who string) {
	before := maps.Clone(is.fields)
	for id, v := range in.fields {
		if v == nil {
			delete(is.fields, id)
			continue
		}
		is.fields[id] = v
	}
	maps.Copy(is.properties, in.properties)
	items := s.logged(is, who, before)
	if len(items) > 0 {
		s.touched(is)
		s.announce(is, "jira:issue_updated", who, items, nil)
	}
}

// offered are the steps that lead on from where an issue is.
func (is *issue) offered() []flowStep {
	return slices.DeleteFunc(slices.Clone(is.project.flow), func(st flowStep) bool {
		return st.from != nil && !slices.Contains(st.from, is.status()) || st.to == is.status()
	})
}

func (s *Server) transitions(c *call, is *issue) answer {
	all := []any{}
	for _, st := range is.offered() {
		to := is.project.status(st.to)
		t := object{
			"id": st.id, "name": st.name, "to": s.shownStatus(to), "hasScreen": len(st.screen) > 0,
			"isGlobal": st.from == nil, "isInitial": false, "isAvailable": true, "isConditional": false, "isLooped": false,
		}
		if strings.Contains(c.URL.Query().Get("expand"), "transitions.fields") {
			fields := object{}
			for id, required := range st.screen {
				f := s.field(id)
				fields[id] = object{"required": required, "schema": s.schema(f), "name": f.name, "key": id, "hasDefaultValue": st.defaults[id] != "", "operations": []any{"set"}}
			}
			t["fields"] = fields
		}
		all = append(all, t)
	}
	return say(http.StatusOK, object{"expand": "transitions", "transitions": all})
}

func (s *Server) transit(c *call, is *issue) answer {
	body, ok := readObject(c)
	named, _ := body["transition"].(object)
	id, _ := named["id"].(string)
	if !ok || id == "" {
		return refuse(http.StatusBadRequest, "Missing 'transition' identifier")
	}
	if s.busy[is.id] > 0 {
		s.busy[is.id]--
		return refuse(http.StatusConflict, "The issue is being transitioned by another request.")
	}
	steps := is.offered()
	i := slices.IndexFunc(steps, func(st flowStep) bool { return st.id == id })
	if i < 0 {
		return refuse(http.StatusBadRequest, "It seems that you have tried to perform a workflow operation ("+id+") that is not valid for the current state of this issue.")
	}
	step := steps[i]
	in, bad := s.readInput(body, is.project, func(f *field) bool { _, on := step.screen[f.id]; return on })
	if bad != nil {
		return *bad
	}
	for field, value := range step.defaults {
		if in.fields[field] == nil && is.fields[field] == nil {
			in.fields[field] = object{"name": value}
		}
	}
	for field, required := range step.screen {
		if required && in.fields[field] == nil && is.fields[field] == nil {
			return refuseFields(map[string]string{field: "Field " + s.field(field).name + " is required."})
		}
	}
	if s.opts.PlainTransitions {
		in.properties = nil
	}
	s.take(is, step, in, c.Principal)
	s.insist(is, in.fields, true)
	return say(http.StatusNoContent, nil)
}

// take takes one step of the workflow.
func (s *Server) take(is *issue, step flowStep, in input, who string) {
	to := is.project.status(step.to)
	if in.fields == nil {
		in.fields = map[string]any{}
	}
	in.fields["status"] = s.shownStatus(to)
	in.fields["statuscategorychangedate"] = s.stamp(s.now())
	for _, id := range step.clears {
		in.fields[id] = nil
	}
	if to.category == "done" {
		in.fields["resolutiondate"] = s.stamp(s.now())
	} else {
		in.fields["resolutiondate"] = nil
	}
	s.apply(is, in, who)
}

func (s *Server) changelog(c *call, is *issue) answer {
	start, most := intParameter(c, "startAt", 0), intParameter(c, "maxResults", 100)
	all := is.changes[min(start, len(is.changes)):]
	all = all[:min(most, len(all))]
	if all == nil {
		all = []object{}
	}
	return say(http.StatusOK, object{
		"self": s.opts.URL + c.URL.Path, "startAt": start, "maxResults": most, "total": len(is.changes),
		"isLast": start+len(all) >= len(is.changes), "values": all,
	})
}
