package servicenow

import "github.com/lockstep-sync/lockstep/connectors"

// taskColumns are the columns of task that tickets of every kind have.
func taskColumns() map[string]connectors.Field {
	number := readOnly(connectors.String, "Number")
	priority := readOnly(connectors.Int, "Priority, made from impact and urgency")
	priority.Choices = []connectors.Choice{
		value(1, "Critical"), value(2, "High"), value(3, "Moderate"), value(4, "Low"), value(5, "Planning"),
	}
	state := choice("State")
	state.InstanceChoices = true
	contactType := instanceChoice("Channel", "email", "phone", "self-service", "walk-in", "chat")
	contactType.MaxLength = 40
	return map[string]connectors.Field{
		"number":                   number,
		"short_description":        limited(connectors.String, "Short description", 160),
		"description":              limited(connectors.Text, "Description", 4000),
		"state":                    state,
		"impact":                   choice("Impact", levels()...),
		"urgency":                  choice("Urgency", levels()...),
		"priority":                 priority,
		"close_notes":              limited(connectors.Text, "Resolution notes", 4000),
		"closed_by":                reference("Closed by", "sys_user"),
		"closed_at":                column(connectors.Time, "Closed"),
		"opened_by":                reference("Opened by", "sys_user"),
		"opened_at":                column(connectors.Time, "Opened"),
		"assigned_to":              reference("Assigned to; cleared when the assignment group changes", "sys_user"),
		"assignment_group":         reference("Assignment group", "sys_user_group"),
		"contact_type":             contactType,
		"cmdb_ci":                  reference("Configuration item", "cmdb_ci"),
		"business_service":         reference("Service", "cmdb_ci_service"),
		"service_offering":         reference("Service offering", "service_offering"),
		"company":                  reference("Company", "core_company"),
		"location":                 reference("Location", "cmn_location"),
		"parent":                   reference("Parent", "task"),
		"comments":                 journal("Additional comments (customer visible)"),
		"work_notes":               journal("Work notes (internal)"),
		"comments_and_work_notes":  readOnly(connectors.Text, "Comments and Work notes; reads as null"),
		"watch_list":               references("Watch list", "sys_user"),
		"work_notes_list":          references("Work notes list", "sys_user"),
		"additional_assignee_list": references("Additional assignee list", "sys_user"),
		"group_list":               references("Group list", "sys_user_group"),
		"active":                   column(connectors.Bool, "Active"),
		"reassignment_count":       column(connectors.Int, "Reassignment count"),
		"escalation":               column(connectors.Int, "Escalation"),
		"knowledge":                column(connectors.Bool, "Knowledge"),
		"made_sla":                 column(connectors.Bool, "Made SLA"),
		"due_date":                 column(connectors.Time, "Due date"),
		"follow_up":                column(connectors.Time, "Follow up"),
		"work_start":               column(connectors.Time, "Actual start"),
		"work_end":                 column(connectors.Time, "Actual end"),
		"expected_start":           column(connectors.Time, "Expected start"),
		"activity_due":             column(connectors.Time, "Activity due"),
		"sla_due":                  column(connectors.Time, "SLA due"),
		"approval":                 column(connectors.String, "Approval"),
		"approval_history":         readOnly(connectors.Text, "Approval history"),
		"approval_set":             column(connectors.Time, "Approval set"),
		"upon_approval":            column(connectors.String, "Upon approval"),
		"upon_reject":              column(connectors.String, "Upon reject"),
		"business_duration":        column(connectors.String, "Business duration"),
		"calendar_duration":        column(connectors.String, "Duration"),
		"time_worked":              column(connectors.String, "Time worked"),
		"user_input":               column(connectors.Text, "User input"),
		"contract":                 reference("Contract", "ast_contract"),
		"universal_request":        reference("Universal Request", "task"),
		"order":                    column(connectors.Int, "Order"),
		"task_effective_number":    readOnly(connectors.String, "Effective number"),
		"delivery_plan":            column(connectors.Reference, "Delivery plan"),
		"delivery_task":            column(connectors.Reference, "Delivery task"),
		"route_reason":             column(connectors.Int, "Transfer reason"),
		"wf_activity":              column(connectors.Reference, "Workflow activity"),
		"rejection_goto":           column(connectors.Reference, "Rejection goto"),
	}
}

// incidentColumns are incident's own columns, and those of task of which
// incident says more.
func incidentColumns() map[string]connectors.Field {
	short := limited(connectors.String, "Short description", 160)
	short.Required = true
	state := choice("State",
		value(1, "New"), value(2, "In Progress"), value(3, "On Hold"),
		value(6, "Resolved"), value(7, "Closed"), value(8, "Canceled"))
	state.InstanceChoices = true
	mirror := readOnly(connectors.Int, "Incident state: an old mirror of state, to which to write")
	mirror.Choices = state.Choices
	mirror.InstanceChoices = true
	category := instanceChoice("Category", "software", "hardware", "network", "database")
	category.Choices = append([]connectors.Choice{{Value: "inquiry", Label: "Inquiry / Help"}}, category.Choices...)
	return map[string]connectors.Field{
		"short_description": short,
		"state":             state,
		"incident_state":    mirror,
		"hold_reason": choice("On hold reason; On Hold needs it, and Awaiting Caller a comment as well",
			value(1, "Awaiting Caller"), value(3, "Awaiting Problem"), value(4, "Awaiting Vendor"), value(5, "Awaiting Change")),
		"severity": choice("Severity", levels()...),
		"close_code": instanceChoice("Resolution code; Resolved and Closed need it",
			"Duplicate", "Known error", "No resolution provided", "Resolved by caller", "Resolved by change",
			"Resolved by problem", "Resolved by request", "Solution provided", "Workaround provided", "User error"),
		"close_notes":     limited(connectors.Text, "Resolution notes; Resolved and Closed need them", 4000),
		"resolved_by":     reference("Resolved by", "sys_user"),
		"resolved_at":     column(connectors.Time, "Resolved"),
		"caller_id":       reference("Caller", "sys_user"),
		"category":        category,
		"subcategory":     instanceChoice("Subcategory; which there are depends on the category"),
		"problem_id":      reference("Problem", "problem"),
		"rfc":             reference("Change Request", "change_request"),
		"caused_by":       reference("Caused by Change", "change_request"),
		"parent_incident": reference("Parent Incident", "incident"),
		"reopen_count":    column(connectors.Int, "Reopen count"),
		"reopened_by":     reference("Last reopened by", "sys_user"),
		"reopened_time":   column(connectors.Time, "Last reopened at"),
		"child_incidents": column(connectors.Int, "Child Incidents"),
		"business_impact": column(connectors.Text, "Business impact"),
		"cause":           column(connectors.Text, "Probable cause"),
		"notify":          column(connectors.Int, "Notify"),
		"origin_id":       column(connectors.Reference, "Origin"),
		"origin_table":    column(connectors.String, "Origin table"),
		"business_stc":    column(connectors.Int, "Business resolve time"),
		"calendar_stc":    column(connectors.Int, "Resolve time"),
	}
}

// columnsOfLabels are the columns that data policies name by their label.
var columnsOfLabels = map[string]string{
	"resolution code":                        "close_code",
	"close code":                             "close_code",
	"resolution notes":                       "close_notes",
	"close notes":                            "close_notes",
	"on hold reason":                         "hold_reason",
	"additional comments":                    "comments",
	"additional comments (customer visible)": "comments",
	"work notes":                             "work_notes",
	"caller":                                 "caller_id",
	"channel":                                "contact_type",
	"configuration item":                     "cmdb_ci",
	"service":                                "business_service",
	"problem":                                "problem_id",
	"change request":                         "rfc",
	"caused by change":                       "caused_by",
}
