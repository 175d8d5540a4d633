package servicenow

import (
	"slices"
	"strings"
)

// prefixes begin the names of tables of which there are too many to list: those of
// customers, of scoped applications, of products and of plugins.
var prefixes = []string{
	"u_", "x_", "sn_", "sys_", "cmdb_", "cmn_", "core_", "alm_", "ast_", "kb_", "wm_", "em_", "hr_", "pm_", "rm_", "dmn_", "fm_", "facm_", "std_", "chg_", "conv_",
	"vtb_", "asmt_", "cert_", "clm_", "grc_", "csm_", "sc_cat_", "sc_cart_", "sc_item_", "service_", "sysapproval_", "change_request_", "incident_", "planned_", "release_",
}

// tables are those of the platform and of its well-known products that prefixes do not
// tell, and that are near to one of which fields are known, or may seem to be.
var tables = []string{
	"task", "problem_known_error", "change_phase", "change_collision", "ticket", "universal_request", "interaction", "interaction_task",
	"task_ci", "task_sla", "task_survey", "contract", "orders", "order_line_item", "expense_line", "time_card", "outage", "cab_meeting", "new_call",
}

// isTable reports whether a table may well be there: the platform, or a well-known
// product, has it, or names of its kind are free.
func isTable(name string) bool {
	return slices.Contains(tables, name) || slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}
