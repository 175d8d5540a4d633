package servicenowtest

import (
	"fmt"
	"strings"
)

// seed fills a new instance.
func (s *Server) seed() {
	s.addTable("sys_db_object", "", "", text("name", "Name", 80), text("label", "Label", 80), link("super_class", "Extends table", "sys_db_object"))
	s.addTable("sys_dictionary", "", "",
		text("name", "Table", 80), text("element", "Column name", 80), text("column_label", "Column label", 80), text("internal_type", "Type", 40),
		text("reference", "Reference", 80), number("max_length", "Max length", ""), Column{Name: "read_only", Type: "boolean"}, Column{Name: "active", Type: "boolean"})
	s.addTable("sys_user", "", "",
		text("user_name", "User ID", 40), text("email", "Email", 100), text("name", "Name", 151), text("first_name", "First name", 50),
		text("last_name", "Last name", 50), Column{Name: "active", Label: "Active", Type: "boolean", Default: "true"}, Column{Name: "time_zone", Default: "GMT"})
	s.addTable("sys_user_group", "", "",
		text("name", "Name", 80), text("description", "Description", 1000), Column{Name: "active", Label: "Active", Type: "boolean", Default: "true"})
	s.addTable("sys_choice", "", "",
		text("name", "Table", 80), text("element", "Element", 80), text("value", "Value", 60), text("label", "Label", 60), number("sequence", "Sequence", ""),
		Column{Name: "inactive", Type: "boolean", Default: "false"}, Column{Name: "language", Default: "en"}, text("dependent_value", "Dependent value", 60))
	s.addTable("sys_journal_field", "", "",
		text("name", "Name", 80), text("element", "Element", 80), text("element_id", "Element ID", 32), text("value", "Value", 0))
	s.addTable("sys_attachment", "", "",
		text("file_name", "File name", 100), text("content_type", "Content type", 100), text("table_name", "Table name", 80), text("table_sys_id", "Table sys ID", 40),
		text("size_bytes", "Size bytes", 0), text("size_compressed", "Size compressed", 0), text("compressed", "Compressed", 0), text("hash", "Hash", 128),
		text("state", "State", 40), text("average_image_color", "", 0), text("image_height", "", 0), text("image_width", "", 0), text("chunk_size_bytes", "", 0), text("download_link", "", 0))
	s.addTable("cmdb_ci", "", "", text("name", "Name", 255), text("asset_tag", "Asset tag", 40), text("serial_number", "Serial number", 255))
	s.addTable("core_company", "", "", text("name", "Name", 80))
	s.addTable("cmn_location", "", "", text("name", "Name", 100))
	s.addTable("cmdb_ci_service", "cmdb_ci", "")
	s.addTable("task", "", "TASK", taskColumns()...)
	s.addTable("incident", "task", "INC", incidentColumns()...)
	s.addTable("incident_task", "task", "TASK", link("incident", "Incident", "incident"))
	s.addTable("problem", "task", "PRB")
	s.addTable("problem_task", "task", "PTASK", link("problem", "Problem", "problem"), text("problem_task_type", "Type", 40))
	s.addTable("change_request", "task", "CHG", text("risk", "Risk", 40))
	s.addTable("sc_request", "task", "REQ", link("requested_for", "Requested for", "sys_user"), text("request_state", "Request state", 40))

	s.seedChoices()
	s.addUser(User{UserName: "admin", Name: "System Administrator", Email: "admin@example.com", Password: "admin", Roles: []string{"admin"}})
	s.addUser(User{UserName: s.opts.Username, Name: "incident.io integration", Email: "incidentio.sync@example.com", Password: s.opts.Password, Roles: s.opts.Roles})
}

func (s *Server) seedChoices() {
	levels := []string{"1=1 - High", "2=2 - Medium", "3=3 - Low"}
	for _, list := range []struct {
		table, column string
		choices       []string
	}{
		{"incident", "state", []string{"1=New", "2=In Progress", "3=On Hold", "6=Resolved", "7=Closed", "8=Canceled"}},
		{"incident", "incident_state", []string{"1=New", "2=In Progress", "3=On Hold", "6=Resolved", "7=Closed", "8=Canceled"}},
		{"incident", "hold_reason", []string{"1=Awaiting Caller", "3=Awaiting Problem", "4=Awaiting Vendor", "5=Awaiting Change"}},
		{"incident", "close_code", []string{
			"Duplicate", "Known error", "No resolution provided", "Resolved by caller", "Resolved by change",
			"Resolved by problem", "Resolved by request", "Solution provided", "Workaround provided", "User error",
		}},
		{"incident", "category", []string{"inquiry=Inquiry / Help", "software=Software", "hardware=Hardware", "network=Network", "database=Database"}},
		{"incident", "subcategory", []string{"antivirus=Antivirus@inquiry", "email=Email@inquiry", "internal application=Internal Application@inquiry", "os=Operating System@software", "email=Email@software"}},
		{"incident", "severity", levels},
		{"task", "impact", levels},
		{"task", "urgency", levels},
		{"task", "priority", []string{"1=1 - Critical", "2=2 - High", "3=3 - Moderate", "4=4 - Low", "5=5 - Planning"}},
		{"task", "contact_type", []string{"email=Email", "phone=Phone", "self-service=Self-service", "walk-in=Walk-in", "chat=Chat"}},
		{"task", "state", []string{"-5=Pending", "1=Open", "2=Work in Progress", "3=Closed Complete", "4=Closed Incomplete", "7=Closed Skipped"}},
	} {
		for i, c := range list.choices {
			value, label, found := strings.Cut(c, "=")
			if !found {
				label = value
			}
			label, of, _ := strings.Cut(label, "@") // the category that a subcategory belongs to
			s.store("sys_choice", Row{"name": list.table, "element": list.column, "value": value, "label": label, "sequence": fmt.Sprint(i + 1), "dependent_value": of})
		}
	}
}
