package rules

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// The systems of these tests have the types and the record types of the real
// ones, with a few fields each.

func kind(k connectors.Kind) connectors.Type { return connectors.Type{Kind: k} }

func named(name string, members ...string) connectors.Type {
	fields := map[string]connectors.Type{}
	for _, m := range members {
		fields[m] = kind(connectors.String)
	}
	return connectors.ObjectOf(name, fields)
}

func written(w connectors.Write, t connectors.Type) connectors.Field {
	return connectors.Field{Type: t, Write: w}
}

func byName(w connectors.Write, t connectors.Type) connectors.Field {
	text := kind(connectors.String)
	return connectors.Field{Type: t, WriteType: &text, Write: w}
}

func choices(f connectors.Field, values ...any) connectors.Field {
	for _, v := range values {
		f.Choices = append(f.Choices, connectors.Choice{Value: v, Label: fmt.Sprint(v)})
	}
	return f
}

func lookups(f connectors.Field, keys ...string) connectors.Field {
	f.Lookups = keys
	return f
}

func decodeFake(c connectors.Collection, body []byte) (connectors.Record, error) {
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		return connectors.Record{}, err
	}
	return connectors.Record{Ref: c.Ref("1"), Fields: fields}, nil
}

func system(kind string, settings func() any, records []string, schemas map[string]*connectors.Schema) connectors.System {
	return connectors.System{
		Type:         kind,
		Defaults:     connectors.Common{PollInterval: time.Minute, Settle: time.Minute, RateLimit: 100},
		WriteTimeout: 45 * time.Second,
		Records:      records,
		Settings:     settings,
		Schema: func(record string) (*connectors.Schema, bool) {
			s, ok := schemas[record]
			return s, ok
		},
		Decode: decodeFake,
	}
}

type incidentioSettings struct {
	APIKey connectors.Secret `hcl:"api_key"`
	APIURL string            `hcl:"api_url,optional"`
}

type servicenowSettings struct {
	URL      string             `hcl:"url"`
	Username *string            `hcl:"username,optional"`
	Password *connectors.Secret `hcl:"password,optional"`
	OAuth    *oauthSettings     `hcl:"oauth,block"`
}

type oauthSettings struct {
	ClientID     string            `hcl:"client_id"`
	ClientSecret connectors.Secret `hcl:"client_secret"`
}

type jiraSettings struct {
	URL      string            `hcl:"url"`
	Email    string            `hcl:"email"`
	APIToken connectors.Secret `hcl:"api_token"`
}

func fakeSystems() []connectors.System {
	servicenow := system("servicenow", func() any { return &servicenowSettings{} }, []string{"incident", "problem"},
		map[string]*connectors.Schema{"incident": ticketSchema(), "problem": problemSchema()})
	servicenow.Check = func(settings any) []connectors.SettingError {
		s := settings.(*servicenowSettings)
		if s.Username == nil && s.OAuth == nil {
			return []connectors.SettingError{{Summary: "no credentials", Detail: "Write username and password, or an oauth block."}}
		}
		if s.Username != nil && s.Password == nil {
			return []connectors.SettingError{{Attribute: "username", Summary: "username without password", Detail: "Write both."}}
		}
		return nil
	}
	jira := system("jira", func() any { return &jiraSettings{} }, []string{"issue"},
		map[string]*connectors.Schema{"issue": issueSchema()})
	jira.Defaults.IndexLag = 10 * time.Minute
	return []connectors.System{
		system("incidentio", func() any { return &incidentioSettings{} }, []string{"incident", "follow_up"},
			map[string]*connectors.Schema{"incident": incidentSchema(), "follow_up": followUpSchema()}),
		servicenow, jira,
	}
}

func incidentSchema() *connectors.Schema {
	text, markdown := kind(connectors.String), kind(connectors.Text)
	user := named("user", "id", "name", "email")
	return &connectors.Schema{
		Record: "incident",
		Fields: map[string]connectors.Field{
			"name": written(connectors.Always, text), "summary": written(connectors.Always, markdown),
			"call_url":      written(connectors.Always, text),
			"severity":      byName(connectors.Always, named("severity", "id", "name")),
			"incident_type": byName(connectors.AtCreation, named("incident_type", "id", "name")),
			"mode":          choices(written(connectors.AtCreation, text), "standard", "retrospective", "test", "tutorial"),
			"reference":     written(connectors.ReadOnly, text), "permalink": written(connectors.ReadOnly, text),
			"created_at":      written(connectors.ReadOnly, kind(connectors.Time)),
			"incident_status": written(connectors.ReadOnly, named("incident_status", "name", "category")),
			"creator":         written(connectors.ReadOnly, connectors.ObjectOf("actor", map[string]connectors.Type{"user": user})),
			"custom_fields":   written(connectors.Always, connectors.MapOf(kind(connectors.Any))),
			"roles": lookups(connectors.Field{
				Type: connectors.MapOf(user), Write: connectors.Always,
				WriteType: &connectors.Type{Kind: connectors.Map, Elem: &connectors.Type{Kind: connectors.Reference}},
			}, "email"),
			"timestamps": written(connectors.Always, connectors.MapOf(kind(connectors.Time))),
		},
		State: &connectors.StateField{
			Field: "incident_status.name", Category: "incident_status.category",
			Known: []string{
				"category:triage", "category:live", "category:learning", "category:paused",
				"category:closed", "category:declined", "category:canceled", "category:merged",
			},
		},
		Mode: "mode", CommentKinds: []string{"timeline", "update"}, Attachments: "link",
	}
}

func followUpSchema() *connectors.Schema {
	text := kind(connectors.String)
	return &connectors.Schema{
		Record: "follow_up",
		Fields: map[string]connectors.Field{
			"title": written(connectors.Always, text), "description": written(connectors.Always, kind(connectors.Text)),
			"status": choices(written(connectors.ReadOnly, text), "outstanding", "completed", "not_doing"),
			"labels": written(connectors.Always, connectors.ListOf(text)),
		},
		State:        &connectors.StateField{Field: "status", Known: []string{"outstanding", "completed", "not_doing"}},
		Parent:       "incident",
		CommentKinds: []string{"timeline", "update"}, Attachments: "link",
	}
}

func ticketSchema() *connectors.Schema {
	text := kind(connectors.String)
	state := choices(written(connectors.Always, kind(connectors.Int)), int64(1), int64(2), int64(3), int64(6), int64(7), int64(8))
	state.InstanceChoices = true
	category := written(connectors.Always, text)
	category.InstanceChoices = true
	required := written(connectors.Always, text)
	required.Required = true
	reserved := written(connectors.Always, text)
	reserved.Reserved = "it holds the key by which lockstep finds the ticket again"
	levels := func() connectors.Field {
		f := written(connectors.Always, kind(connectors.Int))
		for i, label := range []string{"High", "Medium", "Low"} {
			f.Choices = append(f.Choices, connectors.Choice{Value: int64(i + 1), Label: label})
		}
		return f
	}
	person := func() connectors.Field {
		return lookups(written(connectors.Always, kind(connectors.Reference)), "email", "user_name", "name")
	}
	return &connectors.Schema{
		Record: "incident",
		Fields: map[string]connectors.Field{
			"number": written(connectors.ReadOnly, text), "sys_id": written(connectors.ReadOnly, text),
			"short_description": required, "description": written(connectors.Always, kind(connectors.Text)),
			"state": state, "urgency": levels(), "impact": levels(), "category": category,
			"close_code": category, "close_notes": written(connectors.Always, kind(connectors.Text)),
			"opened_by": person(), "caller_id": person(), "assigned_to": person(),
			"assignment_group": lookups(written(connectors.Always, kind(connectors.Reference)), "name"),
			"parent":           lookups(written(connectors.Always, kind(connectors.Reference)), "number"),
			"watch_list": lookups(written(connectors.Always,
				connectors.ListOf(kind(connectors.Reference))), "email"),
			"active":         written(connectors.Always, kind(connectors.Bool)),
			"opened_at":      written(connectors.Always, kind(connectors.Time)),
			"correlation_id": reserved,
		},
		Unlisted: connectors.SuspectUnknown, FreePrefixes: []string{"u_", "x_"},
		State:        &connectors.StateField{Field: "state", Int: true, Known: []string{"1", "2", "3", "6", "7", "8"}},
		CommentKinds: []string{"work_notes", "comments"}, Attachments: "bytes",
	}
}

func problemSchema() *connectors.Schema {
	return &connectors.Schema{
		Record: "problem", Fields: map[string]connectors.Field{"number": written(connectors.ReadOnly, kind(connectors.String))},
		Unlisted: connectors.AllowUnknown,
	}
}

func issueSchema() *connectors.Schema {
	text := kind(connectors.String)
	required := func(w connectors.Write) connectors.Field {
		f := written(w, text)
		f.Required = true
		return f
	}
	return &connectors.Schema{
		Record: "issue",
		Fields: map[string]connectors.Field{
			"project": required(connectors.AtCreation), "issuetype": required(connectors.Always),
			"summary": required(connectors.Always), "description": written(connectors.Always, kind(connectors.Text)),
			"status": written(connectors.ReadOnly, text), "priority": written(connectors.Always, text),
			"labels":        written(connectors.Always, connectors.ListOf(text)),
			"assignee":      lookups(written(connectors.Always, kind(connectors.Reference)), "email"),
			"custom_fields": written(connectors.Always, connectors.MapOf(kind(connectors.Any))),
		},
		FreePrefixes: []string{"customfield_"},
		State:        &connectors.StateField{Field: "status"},
		CommentKinds: []string{"comment", "internal"}, Attachments: "bytes",
	}
}
