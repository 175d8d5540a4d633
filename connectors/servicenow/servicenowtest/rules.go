package servicenowtest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// refused is an answer in place of a write.
type refused struct {
	status          int
	message, detail string
}

func forbidden(detail string) *refused {
	return &refused{http.StatusForbidden, "Operation Failed", detail}
}

// write inserts a record (before is nil) or updates one as the user, with the
// instance's rules; s.mu is held. ByAPI says whether field permissions count.
func (s *Server) write(user *record, tableName string, before *record, input Row, byAPI bool) (*record, *refused) {
	if bad := s.mayWrite(user, tableName, before, byAPI); bad != nil {
		return nil, bad
	}
	if before != nil {
		tableName = before.table
	}
	old := s.defaults(tableName)
	if before != nil {
		old = before.values
	}
	next := maps.Clone(old)
	given := map[string]bool{}
	journal := Row{}
	for name, v := range input {
		c, known := s.column(tableName, name)
		if !known || c.ReadOnly || byAPI && s.protected[tableName+"."+name] {
			continue // without an error
		}
		v, ok := fit(c, v)
		if !ok {
			continue
		}
		if c.Type == "journal_input" {
			journal[name] = v
			continue
		}
		given[name] = true
		next[name] = v
	}
	if before != nil && old["state"] == "7" {
		journal = Row{} // a closed record takes no entry and says nothing
	}
	entries := journal["comments"] != "" || journal["work_notes"] != ""
	if before != nil && !entries && maps.Equal(old, next) {
		return before, nil // nothing to update
	}
	if s.isTask(tableName) {
		if bad := s.taskRules(user, tableName, old, next, given, before == nil); bad != nil {
			return nil, bad
		}
	}
	for _, rewrite := range s.rewrites {
		rewrite(tableName, next)
	}
	if bad := s.dataPolicy(tableName, old, next, journal); bad != nil {
		return nil, bad
	}
	return s.commit(user, tableName, before, next, journal), nil
}

func (s *Server) mayWrite(user *record, tableName string, before *record, byAPI bool) *refused {
	verb := "Update"
	if before == nil {
		verb = "Insert"
	}
	allowed := s.has(user, "admin") || s.isTask(tableName) && (s.has(user, "itil") || s.has(user, "itil_admin"))
	if !allowed || byAPI && s.denied[tableName] {
		return forbidden("ACL Exception " + verb + " Failed due to security constraints")
	}
	return nil
}

func (s *Server) isTask(name string) bool { return slices.Contains(s.lineage(name), "task") }

func (s *Server) defaults(tableName string) Row {
	row := Row{}
	for _, c := range s.columns(tableName) {
		row[c.Name] = c.Default
	}
	return row
}

// fit makes a value what the column stores; false: it is dropped.
func fit(c Column, v string) (string, bool) {
	switch c.Type {
	case "integer":
		_, err := strconv.Atoi(v)
		return v, v == "" || err == nil
	case "boolean":
		if v == "1" || v == "true" {
			return "true", true
		}
		return "false", true
	case "glide_date":
		_, err := time.Parse(time.DateOnly, v)
		return v, v == "" || err == nil
	case "glide_date_time":
		_, err := time.Parse(timeLayout, v)
		return v, v == "" || err == nil
	}
	v = strings.ReplaceAll(v, "\r\n", "\n")
	if c.MaxLength > 0 && utf8.RuneCountInString(v) > c.MaxLength {
		v = string([]rune(v)[:c.MaxLength])
	}
	return v, true
}

// taskRules are the business rules of tasks, those of incident above all.
func (s *Server) taskRules(user *record, tableName string, old, next Row, given map[string]bool, inserting bool) *refused {
	now := s.now().Format(timeLayout)
	me := user.text("sys_id")
	if !inserting && old["assignment_group"] != next["assignment_group"] && !given["assigned_to"] {
		next["assigned_to"] = ""
	}
	if !inserting && old["assigned_to"] != next["assigned_to"] && next["assigned_to"] != "" && old["assigned_to"] != "" {
		next["reassignment_count"] = increment(next["reassignment_count"])
	}
	if inserting {
		for name, v := range map[string]string{"opened_at": now, "opened_by": me} {
			if next[name] == "" {
				next[name] = v
			}
		}
		next["sys_class_name"], next["sys_domain"], next["sys_domain_path"] = tableName, "global", "/"
	}
	next["priority"] = priority(next["impact"], next["urgency"])
	if tableName != "incident" {
		return nil
	}
	from, to := old["state"], next["state"]
	if !inserting && from == "7" && to != "7" {
		return forbidden("Operation against file 'incident' was aborted by Business Rule 'Closed incidents cannot be reopened^" + sysID("sys_script", 1) + "'. Business Rule Stack:Closed incidents cannot be reopened")
	}
	if to == "7" && from != "7" && !s.has(user, "itil_admin") && !s.has(user, "admin") {
		return forbidden("ACL Exception Update Failed due to security constraints")
	}
	next["incident_state"] = to
	next["active"] = strconv.FormatBool(to != "7" && to != "8")
	if to != "3" {
		next["hold_reason"] = ""
	}
	done := func(state string) bool { return state == "6" || state == "7" }
	switch {
	case !done(from) && done(to):
		setEmpty(next, "resolved_at", now)
		setEmpty(next, "resolved_by", me)
	case from == "6" && !done(to) && to != "8":
		next["reopen_count"], next["reopened_by"], next["reopened_time"] = increment(next["reopen_count"]), me, now
		next["resolved_at"], next["resolved_by"] = "", ""
	}
	if to == "7" && from != "7" {
		setEmpty(next, "closed_at", now)
		setEmpty(next, "closed_by", me)
	}
	return nil
}

func setEmpty(row Row, column, v string) {
	if row[column] == "" {
		row[column] = v
	}
}

func increment(s string) string {
	n, _ := strconv.Atoi(s) // empty counts as 0
	return strconv.Itoa(n + 1)
}

// priority is the product's look-up table: high and high is critical, and each
// step down of either is one step down.
func priority(impact, urgency string) string {
	i, errI := strconv.Atoi(impact)
	u, errU := strconv.Atoi(urgency)
	if errI != nil || errU != nil || i < 1 || i > 3 || u < 1 || u > 3 {
		return "5"
	}
	return strconv.Itoa(i + u - 1)
}

// dataPolicy is what incident makes mandatory. A choice that is not in the
// list counts as empty.
func (s *Server) dataPolicy(tableName string, old, next, journal Row) *refused {
	if tableName != "incident" {
		return nil
	}
	var missing []string
	switch next["state"] {
	case "6", "7":
		if !s.isChoice("incident", "close_code", next["close_code"]) {
			missing = append(missing, "Resolution code")
		}
		if next["close_notes"] == "" {
			missing = append(missing, "Close notes")
		}
	case "3":
		if !s.isChoice("incident", "hold_reason", next["hold_reason"]) {
			missing = append(missing, "On hold reason")
		}
		if next["hold_reason"] == "1" && old["hold_reason"] != "1" && journal["comments"] == "" {
			missing = append(missing, "Additional comments")
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return forbidden("Data Policy Exception: \n\tThe following fields are mandatory: " + strings.Join(missing, ", "))
}

func (s *Server) isChoice(tableName, column, v string) bool {
	return slices.ContainsFunc(s.tables["sys_choice"].rows, func(r *record) bool {
		return r.text("name") == tableName && r.text("element") == column && r.text("value") == v && r.text("inactive") != "true"
	})
}

// commit stores what a write came to.
func (s *Server) commit(user *record, tableName string, before *record, next, journal Row) *record {
	who, now := user.text("user_name"), s.now().Format(timeLayout)
	r := before
	if r == nil {
		t := s.tables[tableName]
		if t.prefix != "" {
			t.number++
			next["number"] = fmt.Sprintf("%s%07d", t.prefix, t.number)
		}
		for _, own := range []string{"sys_id", "sys_created_on", "sys_created_by", "sys_updated_on", "sys_updated_by", "sys_mod_count"} {
			delete(next, own)
		}
		r = s.store(tableName, next)
		r.values["sys_created_by"] = who
	} else {
		r.values = next
		r.values["sys_mod_count"] = increment(r.values["sys_mod_count"])
	}
	r.values["sys_updated_on"], r.values["sys_updated_by"] = now, who
	for _, element := range []string{"comments", "work_notes"} {
		if v := journal[element]; v != "" {
			entry := s.store("sys_journal_field", Row{"name": tableName, "element": element, "element_id": r.text("sys_id"), "value": v})
			entry.values["sys_created_by"] = who
		}
	}
	s.announce(r, "")
	return r
}

// has reports whether the user has the role.
func (s *Server) has(user *record, role string) bool {
	return slices.Contains(strings.Split(user.text("roles"), ","), role)
}
