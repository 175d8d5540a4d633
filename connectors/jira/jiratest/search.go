package jiratest

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// A page is what is left of a search.
type page struct {
	ids []string
	at  map[string]snapshot
}

// A condition of a query.
type condition struct {
	field, op string
	values    []string
}

// operators are those of JQL that are understood here.
var operators = map[string]simulator.Operator{
	"=": simulator.OneOf, "in": simulator.OneOf, "!=": simulator.NoneOf,
	">": simulator.Above, ">=": simulator.AtLeast, "<": simulator.Below, "<=": simulator.AtMost,
}

func (c condition) unsupported() string {
	return "The operator '" + c.op + "' is not supported by the '" + c.field + "' field."
}

var (
	clause   = regexp.MustCompile(`(?i)^\s*([a-z]+)\s*(!=|>=|<=|=|>|<|\bin\b)\s*(currentUser\(\)|\([^)]*\)|"(?:[^"\\]|\\.)*"|[^\s"()]+)\s*`)
	literal  = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"|([^\s,"()]+)`)
	and      = regexp.MustCompile(`(?i)^and\s`)
	orderBy  = regexp.MustCompile(`(?i)(?:^|\s)order\s+by\s+(.*)$`)
	relative = regexp.MustCompile(`^-(\d+)([mhdw])$`)
)

// parse reads the JQL that is understood here.
func parse(jql string) ([]condition, string, string) {
	order := ""
	if found := orderBy.FindStringSubmatchIndex(jql); found != nil {
		order, jql = jql[found[2]:found[3]], jql[:found[0]]
	}
	var all []condition
	for rest := strings.TrimSpace(jql); rest != ""; {
		found := clause.FindStringSubmatch(rest)
		if found == nil {
			return nil, "", "Error in the JQL Query: Expecting operator but got '" + rest + "'."
		}
		c := condition{field: strings.ToLower(found[1]), op: strings.ToLower(found[2])}
		for _, l := range literal.FindAllStringSubmatch(found[3], -1) {
			value := l[2]
			if l[1] != "" {
				value = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(l[1])
			}
			c.values = append(c.values, value)
		}
		if len(c.values) == 0 {
			return nil, "", "Error in the JQL Query: Expecting a value."
		}
		all = append(all, c)
		rest = rest[len(found[0]):]
		if rest == "" {
			break
		}
		joined := and.FindString(rest)
		if joined == "" {
			return nil, "", "Error in the JQL Query: Expecting either 'OR' or 'AND' but got '" + rest + "'."
		}
		rest = strings.TrimSpace(rest[len(joined):])
	}
	return all, order, ""
}

func (s *Server) search(c *call) answer {
	request := object{}
	if c.Method == http.MethodGet {
		q := c.URL.Query()
		for _, name := range []string{"jql", "nextPageToken", "fields", "properties", "expand"} {
			if q.Has(name) {
				request[name] = q.Get(name)
			}
		}
		request["maxResults"] = float64(intParameter(c, "maxResults", 50))
	} else {
		body, ok := readObject(c)
		if !ok {
			return refuse(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again.")
		}
		request = body
	}
	for name := range request {
		if !slices.Contains([]string{"jql", "nextPageToken", "maxResults", "fields", "properties", "expand", "fieldsByKeys", "reconcileIssues"}, name) {
			return refuse(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again.")
		}
	}
	jql, _ := request["jql"].(string)
	conditions, order, bad := parse(jql)
	if bad != "" {
		return refuse(http.StatusBadRequest, bad)
	}
	if len(conditions) == 0 {
		return refuse(http.StatusBadRequest, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
	}
	for _, asked := range conditions {
		for i, value := range asked.values {
			if value == "currentUser" {
				asked.values[i] = c.Principal
			}
		}
	}
	var left page
	if token, _ := request["nextPageToken"].(string); token != "" {
		var ok bool
		if left, ok = s.pages[token]; !ok {
			return refuse(http.StatusBadRequest, "The provided next page token is invalid or expired.")
		}
	} else {
		fresh := map[string]bool{}
		list, _ := request["reconcileIssues"].([]any)
		for _, id := range list {
			fresh[fmt.Sprint(id)] = true
		}
		var bad string
		if left, bad = s.hits(conditions, order, fresh); bad != "" {
			return refuse(http.StatusBadRequest, bad)
		}
	}
	most := 50
	if n, ok := request["maxResults"].(float64); ok && n > 0 {
		most = min(int(n), 5000)
	}
	if s.opts.SearchPage > 0 {
		most = min(most, s.opts.SearchPage)
	}
	return s.pageOf(left, most, request)
}

// pageOf answers with the first of what is left.
func (s *Server) pageOf(left page, most int, request object) answer {
	texts := func(name string) []string {
		switch v := request[name].(type) {
		case string:
			return strings.Split(v, ",")
		case []any:
			var all []string
			for _, one := range v {
				all = append(all, fmt.Sprint(one))
			}
			return all
		}
		return []string{""}
	}
	wanted := texts("fields")
	issues := []any{}
	for _, id := range left.ids[:min(most, len(left.ids))] {
		is := s.issues[id]
		if is == nil {
			continue
		}
		if slices.Equal(wanted, []string{""}) || slices.Equal(wanted, []string{"id"}) {
			issues = append(issues, object{"id": id})
			continue
		}
		expand, _ := request["expand"].(string)
		issues = append(issues, s.beanOf(is, left.at[id].fields, wanted, texts("properties"), strings.Contains(expand, "names")))
	}
	left.ids = left.ids[min(most, len(left.ids)):]
	o := object{"issues": issues, "isLast": len(left.ids) == 0}
	if len(left.ids) > 0 {
		token := fmt.Sprintf("page-%d", len(s.pages)+1)
		s.pages[token] = left
		o["nextPageToken"] = token
	}
	return say(http.StatusOK, o)
}

// hits are the issues that meet the conditions as the index knows them.
func (s *Server) hits(conditions []condition, order string, fresh map[string]bool) (page, string) {
	p := page{at: map[string]snapshot{}}
	for id, is := range s.issues {
		snap, ok := s.shownByIndex(is)
		if fresh[id] {
			snap, ok = is.indexed[len(is.indexed)-1], true
		}
		if !ok || is.hidden {
			continue
		}
		meets := true
		for _, c := range conditions {
			met, bad := s.meets(is, snap, c)
			if bad != "" {
				return page{}, bad
			}
			meets = meets && met
		}
		if meets {
			p.ids = append(p.ids, id)
			p.at[id] = snap
		}
	}
	if len(s.issues) == 0 {
		for _, c := range conditions {
			if _, bad := s.meets(&issue{fields: object{}, project: &project{}}, snapshot{fields: object{}}, c); bad != "" {
				return page{}, bad
			}
		}
	}
	descending := strings.Contains(strings.ToLower(order), "updated desc")
	byUpdated := strings.Contains(strings.ToLower(order), "updated")
	slices.SortFunc(p.ids, func(a, b string) int {
		if byUpdated {
			by := p.at[a].updated.Compare(p.at[b].updated)
			if descending {
				by = -by
			}
			if by != 0 {
				return by
			}
		}
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
	return p, ""
}

func (s *Server) meets(is *issue, snap snapshot, c condition) (bool, string) {
	var have []string
	switch c.field {
	case "labels":
		list, _ := snap.fields["labels"].([]any)
		for _, l := range list {
			have = append(have, fmt.Sprint(l))
		}
	case "project":
		have = []string{is.project.key, is.project.id}
	case "issuetype", "status", "priority":
		o, _ := snap.fields[c.field].(object)
		have = []string{fmt.Sprint(o["name"]), fmt.Sprint(o["id"])}
	case "key", "id", "issuekey":
		have = []string{is.key, is.id}
	case "creator":
		who, _ := is.fields["creator"].(object)
		have = []string{fmt.Sprint(who["accountId"])}
	case "updated", "created":
		return s.inTime(is, snap, c)
	default:
		return false, "Field '" + c.field + "' does not exist or you do not have permission to view it."
	}
	operator := operators[c.op]
	if operator.Ordering() {
		return false, c.unsupported()
	}
	return operator.Holds(have, c.values, strings.EqualFold), ""
}

// inTime compares a time. Dates are read in the zone of the account's profile
// and have minutes.
func (s *Server) inTime(is *issue, snap snapshot, c condition) (bool, string) {
	have := snap.updated
	if c.field == "created" {
		have = is.created
	}
	var want time.Time
	if found := relative.FindStringSubmatch(c.values[0]); found != nil {
		n, _ := strconv.Atoi(found[1])
		unit := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[found[2]]
		want = s.opts.Now().Add(-time.Duration(n) * unit).Truncate(time.Minute)
	} else {
		ok := false
		for _, layout := range []string{"2006-01-02 15:04", "2006/01/02 15:04", time.DateOnly} {
			if at, err := time.ParseInLocation(layout, c.values[0], s.opts.Zone); err == nil {
				want, ok = at, true
			}
		}
		if !ok {
			return false, "Date value '" + c.values[0] + "' for field '" + c.field + "' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
		}
	}
	operator := operators[c.op]
	if !operator.Ordering() {
		return false, c.unsupported()
	}
	return operator.Orders(have.Compare(want)), ""
}
