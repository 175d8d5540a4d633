package servicenow

import (
	"maps"
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
)

// The columns of lockstep's own marks.
const (
	keyColumn   = "correlation_id"
	stampColumn = "correlation_display"
)

// taskTables extend task, the table from which most tickets get their columns.
var taskTables = []string{
	"task", "incident", "incident_task", "problem", "problem_task", "change_request", "change_task",
	"sc_request", "sc_req_item", "sc_task", "ticket",
}

// schemaOf describes a table. incident is known by field; of other tables every
// field is taken, and those that all tables or all tasks have are known by type.
func schemaOf(table string) *connectors.Schema {
	schema := &connectors.Schema{
		Record:       table,
		Fields:       markColumns(),
		Unlisted:     connectors.AllowUnknown,
		FreePrefixes: []string{"u_", "x_"},
		State:        &connectors.StateField{Field: "state", Int: true},
		CommentKinds: []string{"work_notes", "comments"},
		Attachments:  "bytes",
	}
	maps.Copy(schema.Fields, systemColumns())
	if slices.Contains(taskTables, table) {
		for name, field := range taskColumns() {
			schema.Fields[name] = untied(field)
		}
	}
	switch table {
	case "incident":
		maps.Copy(schema.Fields, taskColumns())
		maps.Copy(schema.Fields, incidentColumns())
		schema.Unlisted = connectors.SuspectUnknown
		schema.State.Known = []string{"1", "2", "3", "6", "7", "8"}
		schema.State.Closed = []string{"6", stateClosed, stateCanceled}
		schema.State.Demands = func(state string) []string { return mandatoryIn(table, state) }
	case "incident_task":
		// Pending, Open, Work in Progress, Closed Complete, Incomplete, Skipped.
		schema.State.Known = []string{"-5", "1", "2", "3", "4", "7"}
		schema.State.Closed = []string{"3", "4", "7"}
	case "problem_task":
		schema.State.Known = []string{"151", "152", "154", "157"} // New, Assess, Work in Progress, Closed
		schema.State.Closed = []string{"157"}
	}
	return schema
}

// untied leaves of a field what holds on every task table: its type. Lengths
// and choices differ from table to table.
func untied(f connectors.Field) connectors.Field {
	f.Choices, f.InstanceChoices, f.MaxLength, f.Required = nil, false, 0, false
	return f
}

func column(kind connectors.Kind, label string) connectors.Field {
	return connectors.Field{Type: connectors.Type{Kind: kind}, Description: label, Write: connectors.Always}
}

func readOnly(kind connectors.Kind, label string) connectors.Field {
	return connectors.Field{Type: connectors.Type{Kind: kind}, Description: label}
}

func limited(kind connectors.Kind, label string, length int) connectors.Field {
	f := column(kind, label)
	f.MaxLength = length
	return f
}

func reference(label, table string) connectors.Field {
	f := column(connectors.Reference, label)
	f.Lookups = lookups(table)
	return f
}

func references(label, table string) connectors.Field {
	f := connectors.Field{Type: connectors.ListOf(connectors.Type{Kind: connectors.Reference}), Description: label, Write: connectors.Always}
	f.Lookups = lookups(table)
	return f
}

// choice is a numeric choice field that is the same on every instance.
func choice(label string, choices ...connectors.Choice) connectors.Field {
	f := column(connectors.Int, label)
	f.Choices = choices
	return f
}

func value(v int64, label string) connectors.Choice {
	return connectors.Choice{Value: v, Label: label}
}

func levels() []connectors.Choice {
	return []connectors.Choice{value(1, "High"), value(2, "Medium"), value(3, "Low")}
}

// instanceChoice is a text choice field with the choices the vendor ships.
func instanceChoice(label string, values ...string) connectors.Field {
	f := column(connectors.String, label)
	f.InstanceChoices = true
	for _, v := range values {
		f.Choices = append(f.Choices, connectors.Choice{Value: v, Label: v})
	}
	return f
}

// markColumns are lockstep's own.
func markColumns() map[string]connectors.Field {
	key := limited(connectors.String, "Correlation ID", 100)
	key.Reserved = "it holds the key by which lockstep finds the ticket again"
	stamp := limited(connectors.String, "Correlation display", 100)
	stamp.Reserved = "it holds lockstep's mark of its last write"
	return map[string]connectors.Field{keyColumn: key, stampColumn: stamp}
}

// systemColumns are those of every table.
func systemColumns() map[string]connectors.Field {
	return map[string]connectors.Field{
		"sys_id":          readOnly(connectors.String, "Sys ID"),
		"sys_created_on":  readOnly(connectors.Time, "Created"),
		"sys_created_by":  readOnly(connectors.String, "Created by: a user name"),
		"sys_updated_on":  readOnly(connectors.Time, "Updated, to the second"),
		"sys_updated_by":  readOnly(connectors.String, "Updated by: a user name"),
		"sys_mod_count":   readOnly(connectors.Int, "Updates: one more with every change"),
		"sys_class_name":  readOnly(connectors.String, "Task type: the record's own table"),
		"sys_domain":      readOnly(connectors.Reference, "Domain"),
		"sys_domain_path": readOnly(connectors.String, "Domain path"),
		"sys_tags":        readOnly(connectors.String, "Tags"),
	}
}

// journal is a field that only takes entries and reads as empty.
func journal(label string) connectors.Field {
	f := column(connectors.Text, label)
	f.Reserved = "it is a journal, not a field to be kept in step: every write adds an entry. Write a comments block instead: comments { outbound { to = \"work_notes\" } }"
	return f
}

// tables that reference fields point to, by column name: the columns of task
// and incident have the same target on every table that has them.
var referenceTables = map[string]string{
	"assigned_to": "sys_user", "caller_id": "sys_user", "opened_by": "sys_user", "closed_by": "sys_user",
	"resolved_by": "sys_user", "reopened_by": "sys_user", "requested_for": "sys_user", "requested_by": "sys_user",
	"watch_list": "sys_user", "work_notes_list": "sys_user", "additional_assignee_list": "sys_user",
	"assignment_group": "sys_user_group", "group_list": "sys_user_group",
	"cmdb_ci": "cmdb_ci", "business_service": "cmdb_ci_service", "service_offering": "service_offering",
	"company": "core_company", "location": "cmn_location", "contract": "ast_contract",
	"problem_id": "problem", "problem": "problem", "rfc": "change_request", "caused_by": "change_request",
	"parent": "task", "parent_incident": "incident", "incident": "incident", "universal_request": "task",
	"request": "sc_request", "request_item": "sc_req_item",
}

// lookups are the properties by which a record of a table is looked up.
func lookups(table string) []string {
	switch table {
	case "sys_user":
		return []string{"email", "user_name", "name"}
	case "cmdb_ci", "cmdb_ci_service", "service_offering":
		return []string{"name", "asset_tag", "serial_number"}
	case "task", "incident", "problem", "change_request", "sc_request", "sc_req_item", "ast_contract":
		return []string{"number"}
	default:
		return []string{"name"}
	}
}

// hasActive are the looked-up tables in which people leave and are switched
// off; only an active record is meant there.
func hasActive(table string) bool { return table == "sys_user" || table == "sys_user_group" }
