package servicenow_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
)

func decodeSettings(t *testing.T, block string) (any, error) {
	t.Helper()
	file, diags := hclparse.NewParser().ParseHCL([]byte(block), "x.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	settings := servicenow.System().Settings()
	if diags := gohcl.DecodeBody(file.Body, nil, settings); diags.HasErrors() {
		return settings, diags
	}
	return settings, nil
}

func TestSettings(t *testing.T) {
	system := servicenow.System()
	for _, test := range []struct {
		name, block string
		wrong       []string // attribute and summary
		fails       string   // what gohcl says
	}{
		{name: "basic", block: `
url = "https://acme.service-now.com/"
username = "u"
password = "p"`},
		{name: "client credentials", block: `
url = "https://acme.service-now.com"
oauth {
  client_id     = "i"
  client_secret = "s"
}`},
		{name: "password grant", block: `
url = "http://127.0.0.1:8090"
username = "u"
password = "p"
oauth {
  client_id     = "i"
  client_secret = "s"
}`},
		{name: "empty, as env() is offline", block: `
url = ""
username = ""
password = ""`},
		{name: "no url", block: `username = "u"`, fails: "url"},
		{name: "no credentials", block: `url = "https://acme.service-now.com"`, wrong: []string{": no credentials"}},
		{name: "no password", block: `
url = "https://acme.service-now.com"
username = "u"`, wrong: []string{"username: username without password"}},
		{name: "no user name", block: `
url = "https://acme.service-now.com"
password = "p"`, wrong: []string{"password: password without username"}},
		{name: "half an oauth block", block: `
url = "https://acme.service-now.com"
oauth { client_id = "i" }`, fails: "client_secret"},
		{name: "no scheme", block: `
url = "acme.service-now.com"
username = "u"
password = "p"`, wrong: []string{"url: not an address"}},
		{name: "another scheme", block: `
url = "ftp://acme.service-now.com"
username = "u"
password = "p"`, wrong: []string{"url: not an address"}},
		{name: "a path", block: `
url = "https://acme.service-now.com/api/now"
username = "u"
password = "p"`, wrong: []string{"url: the address goes on after the host"}},
		{name: "a query", block: `
url = "https://acme.service-now.com/?x=1"
username = "u"
password = "p"`, wrong: []string{"url: the address goes on after its path"}},
		{name: "credentials in the address", block: `
url = "https://u:p@acme.service-now.com"
username = "u"
password = "p"`, wrong: []string{"url: credentials in the address"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			settings, err := decodeSettings(t, test.block)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("%v; want it to name %s", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var wrong []string
			for _, w := range system.Check(settings) {
				wrong = append(wrong, w.Attribute+": "+w.Summary)
				if !strings.HasSuffix(w.Detail, ".") {
					t.Errorf("detail: %q", w.Detail)
				}
			}
			if diff := cmp.Diff(test.wrong, wrong); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			again, _ := decodeSettings(t, test.block)
			if !reflect.DeepEqual(settings, again) {
				t.Error("the same block twice is not equal")
			}
		})
	}
}

func TestNewRefusesEmptySettings(t *testing.T) {
	for _, block := range []string{
		"url = \"\"\nusername = \"u\"\npassword = \"p\"",
		"url = \"https://x\"\nusername = \"\"\npassword = \"p\"",
		"url = \"https://x\"\nusername = \"u\"\npassword = \"\"",
		"url = \"https://x\"\noauth {\n client_id = \"i\"\n client_secret = \"\"\n}",
		"url = \"https://x\"",
	} {
		settings, err := decodeSettings(t, block)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := servicenow.System().New("itsm", settings, connectors.Common{}, connectors.Env{}); err == nil {
			t.Errorf("made from %s", block)
		}
	}
}

func TestSchema(t *testing.T) {
	system := servicenow.System()
	incident, ok := system.Schema("incident")
	if !ok {
		t.Fatal("no incident")
	}
	if again, _ := system.Schema("incident"); again != incident {
		t.Error("another value the second time")
	}
	if incident.Unlisted != connectors.SuspectUnknown || incident.State.Field != "state" || !incident.State.Int || incident.Attachments != "bytes" || incident.CommentKinds[0] != "work_notes" {
		t.Errorf("%+v", incident)
	}
	for name, want := range map[string]struct {
		kind   connectors.Kind
		write  connectors.Write
		length int
	}{
		"short_description": {connectors.String, connectors.Always, 160}, "description": {connectors.Text, connectors.Always, 4000},
		"priority": {connectors.Int, connectors.ReadOnly, 0}, "number": {connectors.String, connectors.ReadOnly, 0},
		"sys_updated_on": {connectors.Time, connectors.ReadOnly, 0}, "caller_id": {connectors.Reference, connectors.Always, 0},
		"watch_list": {connectors.List, connectors.Always, 0}, "active": {connectors.Bool, connectors.Always, 0},
	} {
		f := incident.Fields[name]
		if f.Type.Kind != want.kind || f.Write != want.write || f.MaxLength != want.length {
			t.Errorf("%s: %s, %v, %d", name, f.Type.Kind, f.Write, f.MaxLength)
		}
	}
	for _, name := range []string{"correlation_id", "correlation_display", "work_notes", "comments"} {
		if incident.Fields[name].Reserved == "" {
			t.Errorf("%s is not reserved", name)
		}
	}
	for _, name := range []string{"state", "close_code", "category", "subcategory", "contact_type"} {
		if !incident.Fields[name].InstanceChoices {
			t.Errorf("the choices of %s are the instance's", name)
		}
	}
	for _, name := range []string{"urgency", "impact", "severity", "priority", "hold_reason"} {
		if f := incident.Fields[name]; f.InstanceChoices || len(f.Choices) == 0 {
			t.Errorf("the choices of %s are the vendor's", name)
		}
	}
	for name, f := range incident.Fields {
		if f.Description == "" {
			t.Errorf("%s is not described", name)
		}
	}
	other, ok := system.Schema("u_anything")
	if !ok || other.Unlisted != connectors.AllowUnknown || other.Fields["correlation_id"].Reserved == "" || other.Fields["state"].Type.Kind != connectors.Any {
		t.Errorf("%t %+v", ok, other)
	}
	if request, _ := system.Schema("sc_request"); len(request.Fields["urgency"].Choices) != 0 || request.Fields["short_description"].Required {
		t.Error("another table's choices are its own")
	}
	for _, name := range []string{"", "Incident", "a b", "a/b", "1a", strings.Repeat("a", 81)} {
		if _, ok := system.Schema(name); ok {
			t.Errorf("%q is a table", name)
		}
	}
}

// The vendor's data dictionary is the source of the incident's fields.
func TestSchemaHoldsTheDataDictionary(t *testing.T) {
	incident, _ := servicenow.System().Schema("incident")
	for _, f := range dictionaryFields(t) {
		listed, ok := incident.Fields[f.Name]
		if !ok {
			t.Errorf("%s is missing", f.Name)
			continue
		}
		if f.ReadOnly && listed.Write != connectors.ReadOnly {
			t.Errorf("%s is read-only", f.Name)
		}
		if f.MaxLength != 0 && listed.MaxLength != f.MaxLength && listed.Write != connectors.ReadOnly {
			t.Errorf("%s takes %d characters, not %d", f.Name, f.MaxLength, listed.MaxLength)
		}
		if strings.HasPrefix(f.Type, "reference sys_user") && listed.Write != connectors.ReadOnly && len(listed.Lookups) == 0 {
			t.Errorf("%s cannot be looked up", f.Name)
		}
	}
}

// TestFamiliarTables: tables of the platform and of its products are no slips of the pen.
func TestFamiliarTables(t *testing.T) {
	system := servicenow.System()
	for _, name := range []string{
		"wm_task", "wm_order", "cmdb_ci", "cmdb_ci_server", "sn_si_incident", "sn_customerservice_case", "u_incident", "x_acme_incident", "change_phase", "facm_request",
		"incident_alert", "hr_task", "vtb_task", "sys_user", "task", "change_request_imac", "rm_defect",
	} {
		if !system.Familiar(name) {
			t.Errorf("%s is taken for a slip of the pen", name)
		}
	}
	for _, name := range []string{"incidnt", "incidents", "problm", "change_requst", "sc_req_itm", "sc_taks", "changetask"} {
		if system.Familiar(name) {
			t.Errorf("%s is taken for a table", name)
		}
	}
}
