package servicenowtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of pages that are not asked for with one.
const (
	defaultLimit           = 10000
	defaultAttachmentLimit = 1000
)

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte(`{"error":{"message":"internal","detail":null},"status":"failure"}`) // only texts and maps of texts come here
	}
	return b
}

func (s *Server) tableAPI(c *call, user *record, path []string) answer {
	if len(path) == 0 || len(path) > 2 || path[0] == "" {
		return failure(http.StatusBadRequest, "Requested URI does not represent any resource", c.URL.Path)
	}
	name := path[0]
	if s.tables[name] == nil {
		return failure(http.StatusBadRequest, "Invalid table "+name, "")
	}
	if c.Method == http.MethodGet && s.unread[name] {
		return failure(http.StatusForbidden, "User Not Authorized", "Failed API level ACL Validation")
	}
	if len(path) == 1 || path[1] == "" {
		switch c.Method {
		case http.MethodGet:
			return s.list(c, user, name, defaultLimit, s.shape)
		case http.MethodPost:
			return s.insert(c, user, name)
		}
		return failure(http.StatusMethodNotAllowed, "Method not supported", c.Method)
	}
	r, ok := s.find(name, path[1])
	if !ok || !s.sees(user, r) {
		return hidden()
	}
	switch c.Method {
	case http.MethodGet:
		return resultAnswer(http.StatusOK, s.shape(c.URL.Query(), r))
	case http.MethodPatch, http.MethodPut:
		return s.update(c, user, name, r)
	case http.MethodDelete:
		if bad := s.mayWrite(user, name, r, true); bad != nil || !s.has(user, "admin") {
			return failure(http.StatusForbidden, "Operation Failed", "ACL Exception Delete Failed due to security constraints")
		}
		s.remove(r)
		return newAnswer(http.StatusNoContent, "", nil)
	}
	return failure(http.StatusMethodNotAllowed, "Method not supported", c.Method)
}

func resultAnswer(status int, v any) answer {
	return newAnswer(status, "application/json;charset=UTF-8", encode(map[string]any{"result": v}))
}

func (s *Server) insert(c *call, user *record, name string) answer {
	input, bad := readInput(c.Body)
	if bad != nil {
		return *bad
	}
	r, no := s.write(user, name, nil, input, true)
	if no != nil {
		return failure(no.status, no.message, no.detail)
	}
	a := resultAnswer(http.StatusCreated, s.shapeFor(user, c.URL.Query(), r))
	a.Header.Set("Location", s.opts.URL+"/api/now/table/"+name+"/"+r.text("sys_id"))
	return a
}

func (s *Server) update(c *call, user *record, name string, r *record) answer {
	input, bad := readInput(c.Body)
	if bad != nil {
		return *bad
	}
	r, no := s.write(user, name, r, input, true)
	if no != nil {
		return failure(no.status, no.message, no.detail)
	}
	s.insist(name, r.text("sys_id"), input)
	return resultAnswer(http.StatusOK, s.shapeFor(user, c.URL.Query(), r))
}

// shapeFor is a record as the answer to a write shows it: empty to who may not
// read it.
func (s *Server) shapeFor(user *record, q url.Values, r *record) map[string]any {
	if !s.sees(user, r) {
		return map[string]any{}
	}
	return s.shape(q, r)
}

// readInput reads a body's fields. Numbers and bools become text; null is
// empty.
func readInput(body []byte) (Row, *answer) {
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		a := failure(http.StatusBadRequest, "Exception while reading request", "The payload is not valid JSON.")
		return nil, &a
	}
	row := Row{}
	for name, v := range fields {
		switch x := v.(type) {
		case nil:
			row[name] = ""
		case string:
			row[name] = x
		case float64:
			row[name] = strconv.FormatFloat(x, 'f', -1, 64)
		case bool:
			row[name] = strconv.FormatBool(x)
		case map[string]any:
			if id, ok := x["value"].(string); ok {
				row[name] = id
			}
		}
	}
	return row, nil
}

// sees reports whether the user may read a record.
func (s *Server) sees(user *record, r *record) bool {
	if hide := s.hidden[r.table]; hide != nil && hide(r.values) {
		return false
	}
	if s.has(user, "admin") {
		return true
	}
	switch r.table {
	case "sys_choice":
		return s.has(user, "personalize_choices")
	case "sys_dictionary", "sys_db_object":
		return s.has(user, "personalize_dictionary")
	case "sys_journal_field":
		return s.has(user, "journal_reader")
	}
	return true
}

// list answers a query. Limit and total count rows before permissions do.
func (s *Server) list(c *call, user *record, name string, limit int, shape func(url.Values, *record) map[string]any) answer {
	q := c.URL.Query()
	limit = intParameter(q, "sysparm_limit", limit)
	offset := intParameter(q, "sysparm_offset", 0)
	if offset < 0 || limit < 0 {
		return failure(http.StatusBadRequest, "Bad Request", "sysparm_offset and sysparm_limit cannot be negative")
	}
	// Scripts in queries are run by the instance; these are the ones that are known here.
	query := strings.NewReplacer("javascript:gs.getUserName()", user.text("user_name"), "javascript:gs.getUserID()", user.text("sys_id")).Replace(q.Get("sysparm_query"))
	all := s.query(name, s.inZone(query))
	page := all[min(offset, len(all)):min(offset+limit, len(all))]
	rows := []map[string]any{}
	for _, r := range page {
		if s.sees(user, r) {
			rows = append(rows, shape(q, r))
		}
	}
	a := resultAnswer(http.StatusOK, rows)
	if q.Get("sysparm_no_count") != "true" {
		a.Header.Set("X-Total-Count", strconv.Itoa(len(all)))
	}
	if q.Get("sysparm_suppress_pagination_header") != "true" && len(all) > 0 && limit > 0 {
		a.Header.Set("Link", s.links(c.URL, offset, limit, len(all)))
	}
	return a
}

// timeLiteral is a moment in a query.
var timeLiteral = regexp.MustCompile(`([<>]=?)(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)`)

// inZone reads the moments of a query in the time zone of the user's profile, as
// instances do, if it has another than GMT.
func (s *Server) inZone(query string) string {
	if s.opts.Zone == nil {
		return query
	}
	return timeLiteral.ReplaceAllStringFunc(query, func(found string) string {
		parts := timeLiteral.FindStringSubmatch(found)
		at, err := time.ParseInLocation(timeLayout, parts[2], s.opts.Zone)
		if err != nil {
			return found
		}
		return parts[1] + at.UTC().Format(timeLayout)
	})
}

func intParameter(q url.Values, name string, otherwise int) int {
	n, err := strconv.Atoi(q.Get(name))
	if err != nil {
		return otherwise
	}
	return n
}

// links are the pages around this one. That of the first page names a page
// before it, as the product does.
func (s *Server) links(u *url.URL, offset, limit, total int) string {
	to := func(offset int, rel string) string {
		q := u.Query()
		q.Set("sysparm_offset", strconv.Itoa(offset))
		return fmt.Sprintf(`<%s%s?%s>;rel="%s"`, s.opts.URL, u.Path, q.Encode(), rel)
	}
	all := []string{to(0, "first"), to(offset-limit, "prev")}
	if offset+limit < total {
		all = append(all, to(offset+limit, "next"))
	}
	return strings.Join(append(all, to((total-1)/limit*limit, "last")), ",")
}

// shape is a record as the query parameters ask for it. Fields that the table
// does not have are left out in silence.
func (s *Server) shape(q url.Values, r *record) map[string]any {
	var names []string
	if asked := q.Get("sysparm_fields"); asked != "" {
		for name := range strings.SplitSeq(asked, ",") {
			if name = strings.TrimSpace(name); s.walkable(r.table, name) {
				names = append(names, name)
			}
		}
	} else {
		for _, c := range s.columns(r.table) {
			names = append(names, c.Name)
		}
	}
	shaped := make(map[string]any, len(names))
	for _, name := range names {
		shaped[name] = s.member(r, name, q.Get("sysparm_display_value"), q.Get("sysparm_exclude_reference_link") == "true")
	}
	return shaped
}

// member is one field on the wire: text, unless it is a reference or display
// values are asked for.
func (s *Server) member(r *record, path, display string, noLink bool) any {
	c, dotted := Column{}, strings.Contains(path, ".")
	if !dotted {
		c, _ = s.column(r.table, path)
	}
	v := s.walk(r, path)
	if strings.HasPrefix(c.Type, "journal") && (display != "true" && display != "all" || s.noJournals) {
		if display == "all" {
			return map[string]any{"display_value": "", "value": ""}
		}
		return ""
	}
	isReference := c.Type == "reference" && v != ""
	address := s.opts.URL + "/api/now/table/" + c.Reference + "/" + v
	switch display {
	case "all":
		member := map[string]any{"display_value": s.display(r, c, v), "value": v}
		if isReference && !noLink {
			member["link"] = address
		}
		return member
	case "true":
		if isReference && !noLink {
			return map[string]any{"display_value": s.display(r, c, v), "link": address}
		}
		return s.display(r, c, v)
	}
	if isReference && !noLink {
		return map[string]any{"link": address, "value": v}
	}
	return v
}

// display is a value as people see it; the user's time zone is GMT.
func (s *Server) display(r *record, c Column, v string) string {
	switch {
	case strings.HasPrefix(c.Type, "journal"):
		return s.journalText(r, c)
	case c.Type == "reference":
		to := s.records[v]
		if to == nil {
			return v
		}
		for _, column := range []string{"name", "number"} {
			if shown := to.text(column); shown != "" {
				return shown
			}
		}
		return v
	}
	for _, t := range s.lineage(r.table) {
		i := slices.IndexFunc(s.tables["sys_choice"].rows, func(choice *record) bool {
			return choice.text("name") == t && choice.text("element") == c.Name && choice.text("value") == v
		})
		if i >= 0 {
			return s.tables["sys_choice"].rows[i].text("label")
		}
	}
	return v
}

// journalText renders a journal, newest entry first.
func (s *Server) journalText(r *record, c Column) string {
	var b strings.Builder
	for _, entry := range slices.Backward(s.tables["sys_journal_field"].rows) {
		if entry.text("element_id") == r.text("sys_id") && (entry.text("element") == c.Name || c.Type == "journal_list") {
			label, _ := s.column(r.table, entry.text("element"))
			fmt.Fprintf(&b, "%s - %s (%s)\n%s\n\n", entry.text("sys_created_on"), entry.text("sys_created_by"), label.Label, entry.text("value"))
		}
	}
	return b.String()
}

// remove deletes a record with its journal and attachments.
func (s *Server) remove(r *record) {
	id := r.text("sys_id")
	for _, t := range s.tables {
		t.rows = slices.DeleteFunc(slices.Clone(t.rows), func(o *record) bool {
			gone := o == r || o.text("element_id") == id || o.text("table_sys_id") == id
			if gone {
				delete(s.records, o.text("sys_id"))
				delete(s.files, o.text("sys_id"))
			}
			return gone
		})
	}
}
