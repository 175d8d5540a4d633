package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
)

var (
	incidents = connectors.Collection{Type: "incidentio", Connector: "acme", Record: "incident"}
	followUps = connectors.Collection{Type: "incidentio", Connector: "acme", Record: "follow_up"}
)

// incident returns a record like the ones that the sample is about.
func incident(change func(fields map[string]any)) connectors.Record {
	fields := map[string]any{
		"name": "Our database is sad", "summary": "Error rate hit 12%.", "reference": "INC-123",
		"permalink":       "https://app.incident.io/incidents/123",
		"mode":            "standard",
		"severity":        map[string]any{"name": "Minor"},
		"incident_type":   map[string]any{"name": "Security"},
		"incident_status": map[string]any{"name": "Investigating", "category": "live"},
		"creator":         map[string]any{"user": map[string]any{"email": "lisa@incident.io"}},
	}
	if change != nil {
		change(fields)
	}
	return connectors.Record{Ref: incidents.Ref("01FDAG4SAP5TYPT98WGR2N7W91"), Fields: fields}
}

func decisionText(d Decision) string {
	var b strings.Builder
	d.WriteText(&b)
	return b.String()
}

// TestExplain is the contract's example, to the byte.
func TestExplain(t *testing.T) {
	set, found := loadDir(t, "testdata/sample")
	if set == nil {
		t.Fatal(textOf(found))
	}
	d := set.Decide("incidents", Input{Record: incident(nil), LinkID: "l"})
	want := `route     incidents
record    incidentio.acme.incident/01FDAG4SAP5TYPT98WGR2N7W91
template  security
target    servicenow.itsm.incident
action    create
  caller_id          ref(email, "lisa@incident.io")
  description        "Error rate hit 12%.\n\nhttps://app.incident.io/incidents/123"
  impact             2
  opened_by          ref(user_name, "incidentio.sync")
  short_description  "Our database is sad"
  state              1
  urgency            3
skipped   engineering: false: incident.incident_type.name == 'Engineering' (incident.incident_type.name = "Security")
`
	if diff := gocmp.Diff(want, decisionText(d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d.State != "open" {
		t.Errorf("state %q, want open", d.State)
	}
}

const routing = `
route "incidents" {
  source    = incidentio.acme.incident
  templates = [template.first, template.second]
  no_match  = template.rest
}
route "strict" {
  source    = incidentio.acme.incident
  templates = [template.first, template.second]
}
route "closed" {
  source    = incidentio.acme.incident
  create    = false
  private   = true
  templates = [template.plain]
}
route "kept" {
  source    = incidentio.acme.incident
  templates = [template.kept]
}
template "first" {
  target = servicenow.itsm.incident
  when   = "incident.severity.rank < 3"
  once { state = 1 }
  outbound { short_description = "{{ incident.name }} <&>" }
}
template "second" {
  target = servicenow.itsm.incident
  when   = "incident.custom_fields['Team'] == 'Core' && incident.name.size() > 3"
  once { caller_id = ref("email", "{{ incident.creator.user.email }}", null) }
  outbound {
    short_description = "{{ incident.name }}"
    close_notes       = "{{ state == 'done' ? 'x' : null }}"
  }
}
template "rest" {
  extends = template.plain
  lifecycle {
    modes    = ["standard", "test"]
    statuses = ["live", "triage"]
  }
}
template "plain" {
  target = servicenow.itsm.incident
  once {
    opened_by   = ref("user_name", "{{ incident.custom_fields['Opener'] }}")
    assigned_to = ref("email", "{{ incident.custom_fields['Owner'] }}", ref("name", "Nobody"))
  }
  outbound {
    short_description = "{{ incident.name }}"
    u_link            = "{{ link.route }}/{{ link.template }}/{{ link.id }}"
    u_map             = { "a b" = "{{ incident.name }}", list = [1, "{{ incident.mode }}"] }
  }
}
template "kept" {
  extends = template.plain
  lifecycle { on_private = "keep" }
}
template "orphan" {
  target = servicenow.itsm.incident
  outbound { short_description = "orphan {{ incident.name }}" }
}
template "for_follow_ups" {
  target = servicenow.itsm.incident
  outbound { short_description = "{{ follow_up.title }}" }
}
`

// TestDecide takes severity.rank from a record in which it is a text: the
// condition fails.
func TestDecide(t *testing.T) {
	systems := fakeSystems()
	schema, _ := systems[0].Schema("incident")
	severity := named("severity", "id", "name")
	severity.Fields["rank"] = kind(connectors.Any)
	schema.Fields["severity"] = connectors.Field{Type: severity}
	set, found := Load(t.Context(), write(t, "c.hcl", connectorBlocks, "main.hcl", routing), Options{Systems: systems, Offline: true})
	if set == nil {
		t.Fatal(textOf(found))
	}
	field := func(name string, value any) func(map[string]any) {
		return func(f map[string]any) { f[name] = value }
	}
	for _, test := range []struct {
		name, route, linked string
		change              func(map[string]any)
		private             bool
		want                string // after the first two lines
	}{
		{
			name: "first match wins, the error of a condition is kept", route: "strict",
			change: func(f map[string]any) { f["custom_fields"] = map[string]any{"Team": "Core"} },
			want: `template  second
target    servicenow.itsm.incident
action    create
  caller_id          ref(email, "lisa@incident.io")
  short_description  "Our database is sad"
skipped   first: error: incident.severity.rank < 3 (< does not work on null and an int (incident.severity.rank is null))
`,
		},
		{
			name: "the first", route: "strict", change: field("severity", map[string]any{"rank": int64(1)}),
			want: `template  first
target    servicenow.itsm.incident
action    create
  short_description  "Our database is sad <&>"
  state              1
`,
		},
		{
			name: "no match", route: "strict", change: field("severity", map[string]any{"rank": int64(7)}),
			want: `template  -
action    none
reason    no template matched
skipped   first: false: incident.severity.rank < 3 (incident.severity.rank = 7)
skipped   second: false: incident.custom_fields['Team'] == 'Core' && incident.name.size() > 3 (incident.custom_fields['Team'] = null, incident.name = "Our database is sad")
`,
		},
		{
			name: "no_match takes it, a missing reference fails its field", route: "incidents", change: field("severity", map[string]any{"rank": int64(7)}),
			want: `template  rest
target    servicenow.itsm.incident
action    create
  assigned_to        ref(name, "Nobody")
  opened_by          error: ref(user_name, …): the value is empty and there is no fallback
  short_description  "Our database is sad"
  u_link             "incidents/rest/L"
  u_map              {"a b":"Our database is sad","list":[1,"standard"]}
skipped   first: false: incident.severity.rank < 3 (incident.severity.rank = 7)
skipped   second: false: incident.custom_fields['Team'] == 'Core' && incident.name.size() > 3 (incident.custom_fields['Team'] = null, incident.name = "Our database is sad")
`,
		},
		{name: "private", route: "strict", private: true, want: "template  -\naction    none\nreason    private\n"},
		{
			name: "create is off, private is let in", route: "closed", private: true,
			want: "template  plain\ntarget    servicenow.itsm.incident\naction    none\nreason    create is off\n",
		},
		{
			name: "mode", route: "closed", change: field("mode", "test"),
			want: "template  plain\ntarget    servicenow.itsm.incident\naction    none\nreason    mode test\n",
		},
		{
			name: "status", route: "kept", change: field("incident_status", map[string]any{"category": "triage"}),
			want: "template  kept\ntarget    servicenow.itsm.incident\naction    none\nreason    status triage\n",
		},
		{
			name: "a link keeps its template", route: "strict", linked: "second",
			change: func(f map[string]any) {
				f["mode"], f["incident_status"] = "test", map[string]any{"category": "triage"}
			},
			want: "template  second\ntarget    servicenow.itsm.incident\naction    update\n  short_description  \"Our database is sad\"\n",
		},
		{
			name: "a link with a template that the route does not list", route: "strict", linked: "orphan",
			want: "template  orphan\ntarget    servicenow.itsm.incident\naction    update\n  short_description  \"orphan Our database is sad\"\n",
		},
		{
			name: "a link with a template that is gone", route: "strict", linked: "nothing",
			want: "template  -\naction    none\nreason    template nothing is gone\n",
		},
		{
			name: "a link with a template that never fitted", route: "strict", linked: "for_follow_ups",
			want: "template  -\naction    none\nreason    template for_follow_ups does not fit incidentio.acme.incident\n",
		},
		{
			name: "a link that turned private", route: "strict", linked: "second", private: true,
			want: "template  -\naction    none\nreason    private\n",
		},
		{
			name: "a link that turned private and is kept", route: "kept", linked: "kept", private: true,
			want: `template  kept
target    servicenow.itsm.incident
action    update
  short_description  "Our database is sad"
  u_link             "kept/kept/L"
  u_map              {"a b":"Our database is sad","list":[1,"standard"]}
`,
		},
		{name: "no such route", route: "nowhere", want: "template  -\naction    none\nreason    there is no route nowhere\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := incident(test.change)
			r.Private = test.private
			d := set.Decide(test.route, Input{Record: r, Linked: test.linked, LinkID: "L"})
			want := "route     " + test.route + "\nrecord    " + r.Ref.String() + "\n" + test.want
			if diff := gocmp.Diff(want, decisionText(d)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecideParent(t *testing.T) {
	set := mustLoad(t, `
route "f" {
  source    = incidentio.acme.follow_up
  templates = [template.f]
}
template "f" {
  target = servicenow.itsm.incident
  once { parent = "{{ parent.ticket.id }}" }
  outbound {
    short_description = "{{ parent.incident.name }}: {{ follow_up.title }}"
    description       = "{{ parent.ticket.number }} {{ parent.ticket.url }}"
  }
}
`)
	if r := set.Route("f"); !r.NeedsParent || !r.Templates[0].WantsParentTicket {
		t.Fatalf("needs parent: %t, wants its ticket: %t", r.NeedsParent, r.Templates[0].WantsParentTicket)
	}
	record := connectors.Record{Ref: followUps.Ref("F"), Parent: incidents.Ref("I"), Fields: map[string]any{"title": "Fix", "status": "outstanding"}}
	values := func(d Decision) map[string]any {
		all := map[string]any{}
		for _, v := range d.Values {
			if v.Err != nil {
				t.Errorf("%s: %v", v.Field, v.Err)
			}
			all[v.Field] = v.Value
		}
		return all
	}
	for _, test := range []struct {
		name   string
		parent *Parent
		want   map[string]any
		awaits bool
	}{
		{"unread", nil, map[string]any{"parent": nil, "short_description": ": Fix", "description": ""}, false},
		{"without ticket", &Parent{Record: incident(nil)}, map[string]any{"parent": nil, "short_description": "Our database is sad: Fix", "description": ""}, true},
		{
			"with ticket", &Parent{Record: incident(nil), Tickets: map[string]Ticket{"itsm": {ID: "abc", Number: "INC1"}}},
			map[string]any{"parent": "abc", "short_description": "Our database is sad: Fix", "description": "INC1"},
			false,
		},
		{
			"with a ticket elsewhere", &Parent{Record: incident(nil), Tickets: map[string]Ticket{"eng": {ID: "abc"}}},
			map[string]any{"parent": nil, "short_description": "Our database is sad: Fix", "description": ""},
			true,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := set.Decide("f", Input{Record: record, Parent: test.parent})
			if diff := gocmp.Diff(test.want, values(d)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if d.AwaitsParent != test.awaits {
				t.Errorf("awaits parent: %t", d.AwaitsParent)
			}
		})
	}
}

func TestState(t *testing.T) {
	set := mustLoad(t, `
state_table "t" {
  unmapped = "ignore"
  state "new" {
    incidentio = ["category:triage"]
    servicenow = [1]
  }
  state "open" {
    incidentio = ["category:live"]
    acme       = ["Investigating", "category:live"]
    servicenow = [2, 3]
  }
  state "held" {
    incidentio = ["Fixing"]
    servicenow = [8]
  }
}
route "r" {
  source    = incidentio.acme.incident
  templates = [template.t]
}
template "t" {
  target = servicenow.itsm.incident
  outbound { short_description = "{{ state == null ? 'none' : state }}" }
  state { table = state_table.t }
}
`)
	for _, test := range []struct{ name, category, want string }{
		{"Investigating", "live", "open"},
		{"Other", "live", "open"},
		{"Fixing", "live", "held"}, // the status's own name comes before its category
		{"Other", "triage", "new"},
		{"Other", "closed", "none"},
	} {
		d := set.Decide("r", Input{Linked: "t", Record: incident(func(f map[string]any) {
			f["incident_status"] = map[string]any{"name": test.name, "category": test.category}
		})})
		if got := d.Values[0].Value; got != test.want {
			t.Errorf("%s of %s: %v, want %s", test.name, test.category, got, test.want)
		}
	}
	sync := set.Templates["t"].State
	if sync.SourceField != "incident_status.name" || sync.TargetField != "state" || sync.Direction != Both {
		t.Errorf("state: %+v", *sync)
	}
}

// TestDigest is about Value.Expr: it changes with the mapping and with what is
// baked into it, and with nothing else.
func TestDigest(t *testing.T) {
	digest := func(locals, mapping string) string {
		set := mustLoad(t, locals+`
route "r" {
  source    = incidentio.acme.incident
  templates = [template.t]
}
template "t" {
  target = servicenow.itsm.incident
  outbound { short_description = `+mapping+` }
}
`)
		return set.Decide("r", Input{Record: incident(nil)}).Values[0].Expr
	}
	base := digest(`locals { a = "x" }`, `"{{ local.a }} ${local.a}"`)
	for _, same := range [][2]string{
		{`locals { a = "x" }`, `"{{ local.a }} ${local.a}"`},
		{"locals {\n  a = \"x\"\n  b = 1\n}", `"{{ local.a }} x"`},
	} {
		if digest(same[0], same[1]) != base {
			t.Errorf("%s with %s has another digest", same[1], same[0])
		}
	}
	for _, other := range [][2]string{
		{`locals { a = "y" }`, `"{{ local.a }} x"`},
		{`locals { a = "x" }`, `"{{ local.a }}  x"`},
		{`locals { a = "x" }`, `"{{local.a}} x"`},
	} {
		if digest(other[0], other[1]) == base {
			t.Errorf("%s with %s has the same digest", other[1], other[0])
		}
	}
}

func TestDecisionJSON(t *testing.T) {
	d := Decision{
		Route: "r", Record: incidents.Ref("1"), Template: "t", Target: incidents, Action: Create, State: "open",
		Skipped: []Skipped{
			{Template: "a", Condition: "x < 1", Err: errors.New("broken")},
			{Template: "b", Condition: "y", Operands: []Operand{{"incident.y", "false"}}},
		},
		Values: []Value{
			{Field: "at", Value: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
			{Field: "bad", Err: errors.New("no such key")},
			{Field: "null"},
			{Field: "who", Value: []any{connectors.Lookup{Key: "email", Value: "a@b", HasFallback: true}}},
			{Field: "text", Value: "<&>"},
		},
	}
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"route": "r", "record": "incidentio.acme.incident/1", "template": "t", "target": "incidentio.acme.incident",
		"action": "create", "state": "open",
		"fields": map[string]any{
			"at": "2026-01-02T03:04:05Z", "text": "<&>",
			"who": []any{map[string]any{"ref": map[string]any{"key": "email", "value": "a@b"}}},
		},
		"errors": map[string]any{"bad": "no such key"},
		"skipped": []any{
			map[string]any{"template": "a", "condition": "x < 1", "error": "broken", "operands": []any{}},
			map[string]any{"template": "b", "condition": "y", "operands": []any{map[string]any{"path": "incident.y", "value": false}}},
		},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	text := decisionText(d)
	for _, line := range []string{
		"  at    \"2026-01-02T03:04:05Z\"\n", "  bad   error: no such key\n",
		"  text  \"<&>\"\n", "  who   [ref(email, \"a@b\")]\n", "skipped   a: error: x < 1 (broken)\n",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
	if strings.Contains(text, "null") {
		t.Errorf("too much is shown:\n%s", text)
	}
}

func BenchmarkDecide(b *testing.B) {
	const templates = 30
	var hcl, names strings.Builder
	for i := range templates {
		fmt.Fprintf(&names, "template.t%d,", i)
		fmt.Fprintf(&hcl, `
template "t%d" {
  target = servicenow.itsm.incident
  when   = "incident.incident_type.name == 'T%d' || incident.custom_fields['Team'] == 'Team %d'"
  once {
    urgency   = 2
    caller_id = ref("email", "{{ incident.creator.user.email }}", null)
  }
  outbound {
    short_description = "{{ incident.name }}"
    description       = "{{ incident.summary }} {{ incident.permalink }}"
  }
}
`, i, i, i)
	}
	hcl.WriteString("route \"r\" {\n  source = incidentio.acme.incident\n  templates = [" + names.String() + "]\n}\n")
	set := mustLoad(b, hcl.String())
	record := incident(func(f map[string]any) { f["incident_type"] = map[string]any{"name": fmt.Sprintf("T%d", templates-1)} })
	b.ReportAllocs()
	for b.Loop() {
		if d := set.Decide("r", Input{Record: record}); d.Action != Create {
			b.Fatal(d.Reason)
		}
	}
}
