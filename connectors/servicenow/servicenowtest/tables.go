package servicenowtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// A Column of a table.
type Column struct {
	Name      string
	Label     string
	Type      string // "" is string; integer, boolean, glide_date, glide_date_time, reference, glide_list, journal_input
	Reference string // table that a reference points to
	MaxLength int    // characters; 0 is unlimited
	ReadOnly  bool
	Default   string
}

type table struct {
	name    string
	parent  string
	prefix  string // of numbers
	number  int
	columns []Column
	index   map[string]Column // of its columns and those of the tables it extends; nil: to be made
	rows    []*record         // in the order of their creation
}

// A record is one row. Its table is the one it was made in, which may extend
// the one that is asked.
type record struct {
	table    string
	sequence int
	values   Row
}

func (r *record) text(column string) string { return r.values[column] }

func text(name, label string, length int) Column {
	return Column{Name: name, Label: label, MaxLength: length}
}

func number(name, label, value string) Column {
	return Column{Name: name, Label: label, Type: "integer", Default: value}
}

func moment(name, label string) Column {
	return Column{Name: name, Label: label, Type: "glide_date_time"}
}

func link(name, label, to string) Column {
	return Column{Name: name, Label: label, Type: "reference", Reference: to}
}

// systemColumns are those of every table.
func systemColumns() []Column {
	columns := []Column{
		text("sys_id", "Sys ID", 32), text("sys_created_by", "Created by", 40), text("sys_updated_by", "Updated by", 40),
		moment("sys_created_on", "Created"), moment("sys_updated_on", "Updated"),
		number("sys_mod_count", "Updates", ""), text("sys_tags", "Tags", 0),
	}
	for i := range columns {
		columns[i].ReadOnly = true
	}
	return columns
}

func taskColumns() []Column {
	fixed := func(c Column) Column { c.ReadOnly = true; return c }
	journal := func(name, label string) Column {
		return Column{Name: name, Label: label, Type: "journal_input", MaxLength: 4000}
	}
	return []Column{
		fixed(text("number", "Number", 40)), fixed(text("sys_class_name", "Task type", 80)),
		fixed(link("sys_domain", "Domain", "sys_user_group")), fixed(text("sys_domain_path", "Domain Path", 255)),
		text("short_description", "Short description", 160), text("description", "Description", 4000),
		number("state", "State", "1"), number("impact", "Impact", "3"), number("urgency", "Urgency", "3"),
		fixed(number("priority", "Priority", "5")), number("escalation", "Escalation", "0"),
		text("close_notes", "Close notes", 4000), link("closed_by", "Closed by", "sys_user"), moment("closed_at", "Closed"),
		link("opened_by", "Opened by", "sys_user"), moment("opened_at", "Opened"),
		link("assigned_to", "Assigned to", "sys_user"), link("assignment_group", "Assignment group", "sys_user_group"),
		text("contact_type", "Channel", 40), link("cmdb_ci", "Configuration item", "cmdb_ci"),
		link("business_service", "Service", "cmdb_ci_service"), link("company", "Company", "core_company"),
		link("location", "Location", "cmn_location"), link("parent", "Parent", "task"),
		text("correlation_id", "Correlation ID", 100), text("correlation_display", "Correlation display", 100),
		journal("comments", "Additional comments"), journal("work_notes", "Work notes"),
		{Name: "comments_and_work_notes", Label: "Comments and Work notes", Type: "journal_list", ReadOnly: true},
		{Name: "watch_list", Label: "Watch list", Type: "glide_list", Reference: "sys_user"},
		{Name: "work_notes_list", Label: "Work notes list", Type: "glide_list", Reference: "sys_user"},
		{Name: "active", Label: "Active", Type: "boolean", Default: "true"},
		{Name: "made_sla", Label: "Made SLA", Type: "boolean", Default: "true"},
		{Name: "knowledge", Label: "Knowledge", Type: "boolean", Default: "false"},
		number("reassignment_count", "Reassignment count", "0"), moment("due_date", "Due date"), moment("work_start", "Actual start"),
		moment("work_end", "Actual end"), text("approval", "Approval", 40), text("upon_approval", "Upon approval", 40), text("upon_reject", "Upon reject", 40),
	}
}

func incidentColumns() []Column {
	return []Column{
		{Name: "incident_state", Label: "Incident state", Type: "integer", ReadOnly: true, Default: "1"},
		number("hold_reason", "On hold reason", ""), number("severity", "Severity", "3"),
		text("close_code", "Resolution code", 40), link("resolved_by", "Resolved by", "sys_user"), moment("resolved_at", "Resolved"),
		link("caller_id", "Caller", "sys_user"),
		{Name: "category", Label: "Category", MaxLength: 40, Default: "inquiry"},
		text("subcategory", "Subcategory", 40), link("problem_id", "Problem", "problem"), link("rfc", "Change Request", "change_request"),
		link("caused_by", "Caused by Change", "change_request"), link("parent_incident", "Parent Incident", "incident"),
		number("reopen_count", "Reopen count", "0"), link("reopened_by", "Last reopened by", "sys_user"), moment("reopened_time", "Last reopened at"),
		number("child_incidents", "Child Incidents", "0"), number("notify", "Notify", "1"), text("business_impact", "Business impact", 4000),
	}
}

// addTable adds a table with its dictionary; s.mu is held.
func (s *Server) addTable(name, parent, prefix string, columns ...Column) {
	t := &table{name: name, parent: parent, prefix: prefix, number: 10000, columns: columns}
	if parent == "" {
		t.columns = append(systemColumns(), columns...)
	}
	s.tables[name] = t
	if s.tables["sys_dictionary"] == nil || s.tables["sys_db_object"] == nil {
		return // the dictionary itself
	}
	super := ""
	for _, r := range s.tables["sys_db_object"].rows {
		if r.text("name") == parent {
			super = r.text("sys_id")
		}
	}
	s.store("sys_db_object", Row{"name": name, "label": name, "super_class": super})
	for _, c := range t.columns {
		s.describe(name, c)
	}
}

func (s *Server) describe(table string, c Column) {
	kind := c.Type
	if kind == "" {
		kind = "string"
	}
	s.store("sys_dictionary", Row{
		"name": table, "element": c.Name, "column_label": c.Label, "internal_type": kind, "reference": c.Reference,
		"max_length": fmt.Sprint(c.MaxLength), "read_only": fmt.Sprint(c.ReadOnly), "active": "true",
	})
}

// lineage is a table and those it extends.
func (s *Server) lineage(name string) []string {
	var names []string
	for t := s.tables[name]; t != nil; t = s.tables[t.parent] {
		names = append(names, t.name)
	}
	return names
}

func (s *Server) columns(name string) []Column {
	var all []Column
	for _, t := range s.lineage(name) {
		all = append(all, s.tables[t].columns...)
	}
	return all
}

func (s *Server) column(table, name string) (Column, bool) {
	t := s.tables[table]
	if t == nil {
		return Column{}, false
	}
	if t.index == nil {
		t.index = map[string]Column{}
		for _, c := range s.columns(table) {
			t.index[c.Name] = c
		}
	}
	c, ok := t.index[name]
	return c, ok
}

// rows are the records of a table and of those that extend it, oldest first.
func (s *Server) rows(name string) []*record {
	var all []*record
	several := false
	for _, t := range s.tables {
		if len(t.rows) > 0 && slices.Contains(s.lineage(t.name), name) {
			several = all != nil
			all = slices.Concat(all, t.rows)
		}
	}
	if several {
		slices.SortFunc(all, func(a, b *record) int { return a.sequence - b.sequence })
	}
	return all
}

func cmp(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// find is a record of a table, or of one that extends it.
func (s *Server) find(table, id string) (*record, bool) {
	r := s.records[id]
	if r == nil || !slices.Contains(s.lineage(r.table), table) && (!s.anyClass || !slices.Contains(s.lineage(table), "task")) {
		return nil, false
	}
	return r, true
}

// store inserts a record as it is, without rules; s.mu is held.
func (s *Server) store(table string, values Row) *record {
	t := s.tables[table]
	s.sequence++
	r := &record{table: table, sequence: s.sequence, values: Row{}}
	for _, c := range s.columns(table) {
		r.values[c.Name] = c.Default
	}
	stamp := s.now().Format(timeLayout)
	r.values["sys_id"] = sysID(table, s.sequence)
	r.values["sys_created_on"], r.values["sys_updated_on"] = stamp, stamp
	r.values["sys_created_by"], r.values["sys_updated_by"] = "system", "system"
	r.values["sys_mod_count"] = "0"
	maps.Copy(r.values, values)
	t.rows = append(t.rows, r)
	s.records[r.values["sys_id"]] = r
	return r
}

// sysID is the same for the same sequence of inserts.
func sysID(table string, sequence int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", table, sequence))
	return hex.EncodeToString(sum[:16])
}

const timeLayout = "2006-01-02 15:04:05"
