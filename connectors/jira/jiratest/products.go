package jiratest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// storeProduct checks a value of a field of one of Jira's products or apps, each of
// which is written in one way and shown in another.
func (s *Server) storeProduct(kind string, v any) (any, string) {
	id := func(v any) string {
		n, ok := v.(float64)
		if !ok {
			return ""
		}
		return strconv.Itoa(int(n))
	}
	list, isList := v.([]any)
	all := []any{}
	switch kind {
	case "gh-sprint": // the number of one; the closed ones stay
		if id(v) == "" {
			return nil, "Number value expected as the Sprint id."
		}
		closed := object{"id": 1.0, "name": "Sprint 1", "state": "closed", "boardId": 1.0, "goal": ""}
		return []any{closed, object{"id": v, "name": "Sprint " + id(v), "state": "active", "boardId": 1.0, "goal": ""}}, ""
	case "sd-customer-organizations":
		for _, one := range list {
			if id(one) == "" {
				return nil, "Organization ids expected."
			}
			all = append(all, object{"id": id(one), "name": "Customer " + id(one), "_links": object{"self": s.opts.URL + "/rest/servicedeskapi/organization/" + id(one)}})
		}
	case "cmdb-object-cftype":
		for _, one := range list {
			o, _ := one.(object)
			name, _ := o["id"].(string)
			workspace, number, ok := strings.Cut(name, ":")
			if !ok {
				return nil, "The value is not an Assets object."
			}
			all = append(all, object{"workspaceId": workspace, "id": name, "objectId": number})
		}
	case "atlassian-team":
		team, ok := v.(string)
		if !ok || team == "" {
			return nil, "The team id is not valid."
		}
		return object{"id": team, "name": "The team", "title": "The team", "isShared": true, "isVisible": true, "avatarUrl": ""}, ""
	case "vp-origin":
		text, _ := v.(string)
		_, kind, ok := strings.Cut(text, "/")
		if !ok {
			return nil, "The request type is not valid."
		}
		return object{
			"_links":        object{"web": s.opts.URL + "/servicedesk/customer/portal/1"},
			"requestType":   object{"id": "25", "name": kind, "serviceDeskId": "1", "portalId": "1"},
			"currentStatus": object{"status": "Open"},
		}, ""
	}
	if !isList {
		return nil, "data was not an array"
	}
	return all, ""
}

// storeCascade is an option, or one with an option below it.
func (s *Server) storeCascade(f *field, v any) (any, string) {
	o, _ := v.(object)
	value, _ := o["value"].(string)
	option := func(name string) object {
		i := slices.Index(f.allowed, name)
		_, last, below := strings.Cut(name, "/")
		if !below {
			last = name
		}
		return object{"self": s.opts.URL + "/rest/api/3/customFieldOption/" + fmt.Sprint(i+1), "id": fmt.Sprint(i + 1), "value": last}
	}
	if !slices.Contains(f.allowed, value) {
		return nil, "Option value '" + value + "' is not valid"
	}
	stored := option(value)
	if child, ok := o["child"].(object); ok {
		name, _ := child["value"].(string)
		if !slices.Contains(f.allowed, value+"/"+name) {
			return nil, "Option value '" + name + "' is not valid"
		}
		stored["child"] = option(value + "/" + name)
	}
	return stored, ""
}
