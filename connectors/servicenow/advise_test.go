package servicenow_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

func uses() []connectors.Use {
	return []connectors.Use{
		{Record: "incident", Field: "u_there"},
		{Record: "incident", Field: "u_missing", Values: []any{"x"}},
		{Record: "incident", Field: "u_missing"},
		{Record: "incident", Field: "short_description", Values: []any{"any text"}},
		{Record: "incident", Field: "state", Values: []any{int64(2), "6", int64(9)}},
		{Record: "incident", Field: "urgency", Values: []any{"2 - Medium", "Urgent"}},
		{Record: "incident", Field: "close_code", Values: []any{"Solution provided", "Fixed", ""}},
		{Record: "incident", Field: "contact_type", Values: []any{"pigeon"}},
		{Record: "u_board", Field: "u_text"},
		{Record: "u_board", Field: "short_description"},
		{Record: "u_board", Field: "u_nothing"},
	}
}

func TestAdvise(t *testing.T) {
	server, c := instance(t)
	server.AddColumn("incident", servicenowtest.Column{Name: "u_there"})
	server.AddTable("u_board", "task", "BRD", servicenowtest.Column{Name: "u_text"})
	advice, err := c.Advise(t.Context(), uses())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range advice {
		text := a.Use.Record + "." + a.Use.Field
		if a.Value != nil {
			text += "=" + toText(a.Value)
		}
		got = append(got, text)
		if a.Message == "" {
			t.Errorf("%s: nothing is said", text)
		}
		if text == "incident.close_code=Fixed" && !strings.Contains(a.Message, "Workaround provided") {
			t.Errorf("the list is not offered: %s", a.Message)
		}
	}
	want := "incident.u_missing incident.state=9 incident.urgency=Urgent incident.close_code=Fixed incident.contact_type=pigeon u_board.u_nothing"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

// One value of one field is worth asking for.
func TestAdviseOnOneValue(t *testing.T) {
	_, c := instance(t)
	advice, err := c.Advise(t.Context(), []connectors.Use{{Record: "incident", Field: "close_code", Values: []any{"Fixed"}}})
	if err != nil || len(advice) != 1 || advice[0].Value != "Fixed" {
		t.Errorf("%+v, %v", advice, err)
	}
}

// TestAdviseOnASubcategory: a choice that belongs to another category than any that
// is written is said so.
func TestAdviseOnASubcategory(t *testing.T) {
	_, c := instance(t)
	for name, test := range map[string]struct {
		category, subcategory []any
		want                  string
	}{
		"its own":           {[]any{"software"}, []any{"os", "email"}, ""},
		"another's":         {[]any{"software"}, []any{"antivirus"}, "it belongs to the category inquiry, and what is written there is software"},
		"one of several":    {[]any{"software", "inquiry"}, []any{"antivirus"}, ""},
		"no category":       {nil, []any{"antivirus"}, ""},
		"no such choice":    {[]any{"software"}, []any{"toaster"}, "it is not in the instance's choice list of incident.subcategory"},
		"of two categories": {[]any{"hardware"}, []any{"email"}, "it belongs to the category inquiry or software, and what is written there is hardware"},
	} {
		advice, err := c.Advise(t.Context(), []connectors.Use{
			{Record: "incident", Field: "category", Values: test.category}, {Record: "incident", Field: "subcategory", Values: test.subcategory},
		})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, a := range advice {
			got += a.Message
		}
		if (got == "") != (test.want == "") || !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func toText(v any) string {
	if n, ok := v.(int64); ok {
		return string(rune('0' + n))
	}
	return v.(string)
}

func TestAdviseOnWhatMayNotBeRead(t *testing.T) {
	for name, change := range map[string]func(*servicenowtest.Options, *servicenowtest.Server){
		"rows are hidden": func(o *servicenowtest.Options, _ *servicenowtest.Server) { o.Roles = []string{"itil"} },
		"reads are refused": func(_ *servicenowtest.Options, s *servicenowtest.Server) {
			for _, table := range []string{"sys_choice", "sys_dictionary", "sys_db_object"} {
				s.DenyReads(table, true)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			change(&o, servicenowtest.New(o))
			server := servicenowtest.New(o)
			change(&o, server)
			advice, err := connect(t, server.RoundTripper(), basic()).Advise(t.Context(), uses())
			if err != nil || len(advice) != 0 {
				t.Errorf("%v, %v", advice, err)
			}
		})
	}
}

func TestAdviseDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		server.Inject(simulator.Fault{Kind: simulator.Refuse})
		_, err := c.Advise(t.Context(), uses())
		wantClass(t, err, connectors.ClassRetry)
	})
}
