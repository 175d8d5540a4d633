package jiratest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// store checks a value as Jira does and gives what it will show; a text says
// why it is refused.
func (s *Server) store(p *project, f *field, v any) (any, string) {
	if v == nil && f.kind != "project" && f.kind != "issuetype" && f.id != "summary" {
		if f.kind == "array" {
			return []any{}, ""
		}
		return nil, ""
	}
	if _, of, ok := strings.Cut(f.custom, ":"); ok {
		return s.storeProduct(of, v)
	}
	switch f.kind {
	case "option-with-child":
		return s.storeCascade(f, v)
	case "string":
		return s.storeLine(f, v)
	case "document":
		if ValidDocument(v) != nil {
			return nil, "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
		}
		if textLength(v) > maxText {
			return nil, "The entered text is too long. It exceeds the allowed limit of 32,767 characters."
		}
		return v, ""
	case "number":
		n, ok := v.(float64)
		if !ok {
			return nil, "Operation value must be a number"
		}
		return n, ""
	case "date":
		text, _ := v.(string)
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return nil, "Date value '" + text + "' is invalid. Please enter in 'yyyy-MM-dd' format."
		}
		return text, ""
	case "datetime":
		text, _ := v.(string)
		at, err := time.Parse(timeLayout, text)
		if err != nil {
			return nil, "Operation value must be a valid date time"
		}
		return s.stamp(at), ""
	case "array":
		list, ok := v.([]any)
		if !ok {
			return nil, "data was not an array"
		}
		all := []any{}
		for _, element := range list {
			one := *f
			one.kind = f.items
			stored, bad := s.storeOne(p, &one, element)
			if bad != "" {
				return nil, bad
			}
			all = append(all, stored)
		}
		return all, ""
	case "timetracking":
		return storeEstimates(v)
	}
	return s.storeOne(p, f, v)
}

func (s *Server) storeLine(f *field, v any) (any, string) {
	text, ok := v.(string)
	switch {
	case v == nil || ok && strings.TrimSpace(text) == "" && f.id == "summary":
		return nil, "You must specify a summary of the issue."
	case !ok:
		return nil, "Operation value must be a string"
	case f.id == "summary" && strings.ContainsAny(text, "\r\n"):
		return nil, "The summary is invalid because it contains newline characters."
	case len(utf16.Encode([]rune(text))) > maxLine:
		return nil, fmt.Sprintf("%s can't exceed %d characters.", f.name, maxLine)
	}
	return strings.TrimSpace(text), ""
}

func textLength(v any) int {
	n := 0
	switch v := v.(type) {
	case object:
		if text, ok := v["text"].(string); ok && v["type"] == "text" {
			n += len(utf16.Encode([]rune(text)))
		}
		return n + textLength(v["content"])
	case []any:
		for _, child := range v {
			n += textLength(child) + 1
		}
	}
	return n
}

// storeOne is a value that names something.
func (s *Server) storeOne(p *project, f *field, v any) (any, string) {
	if f.kind == "string" { // a label
		text, ok := v.(string)
		switch {
		case !ok:
			return nil, "data was not a string"
		case text == "" || strings.ContainsAny(text, " \t\n"):
			return nil, "The label '" + text + "' contains spaces which is invalid."
		case len([]rune(text)) > maxLine:
			return nil, "The label '" + text + "' exceeds the maximum length of 255 characters."
		}
		return text, ""
	}
	o, ok := v.(object)
	if !ok {
		return nil, "data was not an object"
	}
	name, _ := o["name"].(string)
	id, _ := o["id"].(string)
	pick := func(all []string, of string) (any, string) {
		for i, one := range all {
			if strings.EqualFold(one, name) || id != "" && id == fmt.Sprint(i+1) {
				return object{"self": s.opts.URL + "/rest/api/3/" + of + "/" + fmt.Sprint(i+1), "id": fmt.Sprint(i + 1), "name": one}, ""
			}
		}
		return nil, "Specify a valid 'id' or 'name' for " + f.name
	}
	switch f.kind {
	case "priority", "resolution", "securitylevel":
		return pick(f.allowed, f.kind)
	case "component":
		return pick(p.components, "component")
	case "version":
		return pick(p.versions, "version")
	case "option":
		value, _ := o["value"].(string)
		if i := slices.Index(f.allowed, value); i >= 0 {
			return object{"self": s.opts.URL + "/rest/api/3/customFieldOption/" + fmt.Sprint(i+1), "id": fmt.Sprint(i + 1), "value": value}, ""
		}
		return nil, "Specify a valid 'id' or 'name' for " + f.name
	case "user":
		account, _ := o["accountId"].(string)
		u := s.user(account)
		if u == nil || u.Inactive || f.id == "assignee" && slices.Contains(u.NotIn, p.key) {
			return nil, "User '" + account + "' cannot be assigned issues."
		}
		return s.shownUser(u), ""
	case "issuelink":
		key, _ := o["key"].(string)
		parent := s.find(key)
		if parent == nil {
			parent = s.find(id)
		}
		if parent == nil {
			return nil, "Could not find issue by id or key."
		}
		return object{"id": parent.id, "key": parent.key, "fields": object{"summary": parent.fields["summary"]}}, ""
	}
	return nil, "Field '" + f.id + "' cannot be set. It is not on the appropriate screen, or unknown."
}

var estimate = regexp.MustCompile(`^(\d+[wdhm])( \d+[wdhm])*$`)

func storeEstimates(v any) (any, string) {
	o, ok := v.(object)
	if !ok {
		return nil, "data was not an object"
	}
	stored := object{}
	for _, name := range []string{"originalEstimate", "remainingEstimate"} {
		text, ok := o[name].(string)
		if !ok {
			continue
		}
		if !estimate.MatchString(text) {
			return nil, "Original Estimate is invalid"
		}
		stored[name] = text
		if stored["remainingEstimate"] == nil {
			stored["remainingEstimate"] = text
		}
	}
	return stored, ""
}

func (s *Server) shownUser(u *User) object {
	if u == nil {
		return nil
	}
	kind := "atlassian"
	if u.App {
		kind = "app"
	}
	o := object{
		"self": s.opts.URL + "/rest/api/3/user?accountId=" + u.AccountID, "accountId": u.AccountID, "accountType": kind,
		"displayName": u.Name, "active": !u.Inactive, "timeZone": "America/Los_Angeles",
	}
	if !u.EmailHidden {
		o["emailAddress"] = u.Email
	}
	return o
}
