package servicenow_test

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

func TestFindByName(t *testing.T) {
	server, c := instance(t)
	server.AddTable("sc_task", "task", "SCTASK")
	server.AddTable("u_asset", "", "", servicenowtest.Column{Name: "u_tag"}) // has no numbers
	server.AddRow("u_asset", servicenowtest.Row{"u_tag": "a"})
	open := func(table string) (number string, ref connectors.Ref) {
		number, err := server.Open(table, "admin", servicenowtest.Row{"short_description": "Sad"})
		if err != nil {
			t.Fatal(err)
		}
		at := incidents
		at.Record = table
		return number, at.Ref(server.Ticket(table, number)["sys_id"])
	}
	number, incident := open("incident")
	taskNumber, task := open("sc_task")
	tables := []connectors.Collection{incidents, task.Collection, {Type: "servicenow", Connector: "itsm", Record: "u_asset"}}
	const base = servicenowtest.DefaultURL
	form := "incident.do?sys_id=" + incident.ID
	for name, want := range map[string][]connectors.Ref{
		number: {incident}, "inc0010001": {incident}, taskNumber: {task}, incident.ID: {incident}, task.ID: {task},
		"INC9999999": nil, "INC": nil, "0010001": nil, "INC0010001^ORnumberISNOTEMPTY": nil,
		base + "/nav_to.do?uri=" + url.QueryEscape(form):                        {incident},
		base + "/nav_to.do?uri=%2F" + url.QueryEscape(form+"&sysparm_view=ess"): {incident},
		base + "/now/nav/ui/classic/params/target/" + url.PathEscape(form):      {incident},
		base + "/" + form: {incident},
		base + "/now/sow/record/incident/" + incident.ID:     {incident},
		base + "/incident.do?sysparm_query=number=" + number: {incident},
		base + "/sc_task.do?sys_id=" + incident.ID:           nil,
		base + "/problem.do?sys_id=" + incident.ID:           nil, // of no route
		base + "/incident_list.do":                           nil,
		"https://elsewhere.service-now.com/" + form:          nil,
	} {
		found, err := c.FindByName(t.Context(), name, tables)
		var got []connectors.Ref
		for _, record := range found {
			got = append(got, record.Ref)
			if record.URL == "" || record.Version == "" {
				t.Errorf("%s: not as it is read: %+v", name, record)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s (-want +got): %v\n%s", name, err, diff)
		}
	}
}
