package incidentio

import "github.com/lockstep-sync/lockstep/connectors"

// The kinds of comment.
const (
	timelineKind = "timeline"
	updateKind   = "update"
)

// statePath is the field that a state table writes of an incident.
const statePath = "incident_status.name"

// The fields that are maps, by the list of a request that holds their entries.
const (
	customFieldsField = "custom_fields"
	rolesField        = "roles"
	timestampsField   = "timestamps"
)

// categories of a status, in the order of an incident's life.
// Of the vendor's API description, "By status category".
func categories() []string {
	return []string{"triage", "live", "learning", "paused", "closed", "declined", "canceled", "merged"}
}

func kind(k connectors.Kind) connectors.Type { return connectors.Type{Kind: k} }

// one is the type of a text that is one of a few.
func one(values ...string) connectors.Type {
	return connectors.Type{Kind: connectors.String, OneOf: values}
}

func readOnly(t connectors.Type, description string) connectors.Field {
	return connectors.Field{Type: t, Description: description}
}

// by is the field with its write rule.
func by(w connectors.Write, f connectors.Field) connectors.Field {
	f.Write = w
	return f
}

// required is the field without which no record is created.
func required(f connectors.Field) connectors.Field {
	f.Required = true
	return f
}

// writes is the field with the type of what is written to it.
func writes(t connectors.Type, f connectors.Field) connectors.Field {
	f.WriteType = &t
	return f
}

// people is the field with the properties by which users are looked up.
func people(f connectors.Field) connectors.Field {
	f.Lookups = []string{"email", "slack_user_id"}
	return f
}

func oneOf(f connectors.Field, values ...string) connectors.Field {
	for _, v := range values {
		f.Choices = append(f.Choices, connectors.Choice{Value: v, Label: v})
	}
	return f
}

// types are the object types that both record types use.
type types struct {
	text, markdown, integer, double, boolean, moment connectors.Type

	user, actor, externalIssue connectors.Type
}

func newTypes() types {
	t := types{
		text:     kind(connectors.String),
		markdown: kind(connectors.Text),
		integer:  kind(connectors.Int),
		double:   kind(connectors.Double),
		boolean:  kind(connectors.Bool),
		moment:   kind(connectors.Time),
	}
	t.user = connectors.ObjectOf("user", map[string]connectors.Type{
		"id": t.text, "name": t.text, "email": t.text, "role": one("viewer", "responder", "administrator", "owner", "unset"), "slack_user_id": t.text,
	})
	t.actor = connectors.ObjectOf("actor", map[string]connectors.Type{
		"user":     t.user,
		"api_key":  connectors.ObjectOf("api_key", map[string]connectors.Type{"id": t.text, "name": t.text}),
		"workflow": connectors.ObjectOf("workflow", map[string]connectors.Type{"id": t.text, "name": t.text}),
		"alert":    connectors.ObjectOf("alert", map[string]connectors.Type{"id": t.text, "title": t.text}),
	})
	t.externalIssue = connectors.ObjectOf("external_issue_reference", map[string]connectors.Type{
		"issue_name": t.text, "issue_permalink": t.text, "provider": t.text,
	})
	return t
}

// incidentSchema lists every field of IncidentV2 and the three maps that
// flatten its nested lists.
func incidentSchema() *connectors.Schema {
	t := newTypes()
	return &connectors.Schema{
		Record: incidentRecord,
		Fields: incidentFields(t),
		State: &connectors.StateField{
			Field:    "incident_status.name",
			Category: "incident_status.category",
			Known:    categoryValues(),
		},
		Mode:         "mode",
		CommentKinds: []string{timelineKind, updateKind},
		Attachments:  "link",
	}
}

func categoryValues() []string {
	values := categories()
	for i, c := range values {
		values[i] = categoryPrefix + c
	}
	return values
}

// categoryPrefix begins a column value that stands for all states of a category.
const categoryPrefix = "category:"

func incidentFields(t types) map[string]connectors.Field {
	anything := kind(connectors.Any)
	ref := kind(connectors.Reference)
	person := connectors.ObjectOf("person", map[string]connectors.Type{"id": t.text, "name": t.text, "email": t.text})
	return map[string]connectors.Field{
		"id":         readOnly(t.text, "Unique identifier"),
		"reference":  readOnly(t.text, "What people call it, as INC-123"),
		"permalink":  readOnly(t.text, "Address of the incident's page"),
		"created_at": readOnly(t.moment, "When it was created"),
		"updated_at": readOnly(t.moment, "When it was last updated"),
		"creator":    readOnly(t.actor, "Who created it: one of user, api_key, workflow, alert"),

		"name":     required(by(connectors.Always, readOnly(t.text, "What is happening, in a line"))),
		"summary":  by(connectors.Always, readOnly(t.markdown, "What is happening, in full")),
		"call_url": by(connectors.AfterCreation, readOnly(t.text, "Address of the incident's call")),

		"severity": by(connectors.Always, writes(t.text, readOnly(severityType(t), "Severity; written by its name"))),
		"incident_type": by(connectors.AtCreation, writes(t.text, readOnly(incidentTypeType(t),
			"Incident type; written by its name"))),
		"mode": oneOf(by(connectors.AtCreation, readOnly(t.text, "Whether it is real")),
			"standard", "retrospective", "test", "tutorial"),
		"visibility": oneOf(by(connectors.AtCreation, readOnly(t.text,
			"Who may see it; without it, everybody, unless what it is declared for is private")), "public", "private"),
		"incident_status": readOnly(statusType(t),
			"Status and its category; written by a state table"),

		"custom_fields": by(connectors.Always, readOnly(connectors.MapOf(anything),
			"Custom fields by name: select, text, link and catalog fields are strings, multi-selects lists, numeric ones doubles")),
		"roles": people(by(connectors.Always, writes(connectors.MapOf(ref), readOnly(connectors.MapOf(person),
			"Who has which role, by the role's name")))),
		"timestamps": by(connectors.Always, readOnly(connectors.MapOf(t.moment),
			"The incident's timestamps by name")),
		"custom_field_entries":      readOnly(connectors.ListOf(customFieldEntryType(t)), "Custom fields as the API lists them"),
		"incident_role_assignments": readOnly(connectors.ListOf(roleAssignmentType(t)), "Roles as the API lists them"),
		"incident_timestamp_values": readOnly(connectors.ListOf(timestampValueType(t)), "Timestamps as the API lists them"),

		"duration_metrics":         readOnly(connectors.ListOf(durationMetricType(t)), "Durations, as measured so far"),
		"external_issue_reference": readOnly(t.externalIssue, "The issue it was exported to"),
		"has_debrief":              readOnly(t.boolean, "Whether a debrief is attached"),
		"last_activity_at":         readOnly(t.moment, "When something last happened in it"),
		"postmortem_document_ids":  readOnly(connectors.ListOf(t.text), "Its post-mortem documents"),
		"postmortem_document_url":  readOnly(t.text, "Address of its post-mortem document"),
		"slack_channel_id":         readOnly(t.text, "Its Slack channel"),
		"slack_channel_name":       readOnly(t.text, "Name of its Slack channel"),
		"slack_channel_url":        readOnly(t.text, "Address of its Slack channel"),
		"slack_team_id":            readOnly(t.text, "Its Slack workspace"),
		"ms_teams_channel_url":     readOnly(t.text, "Address of its Microsoft Teams channel"),
		"team_ids":                 readOnly(connectors.ListOf(t.text), "Teams that it belongs to"),
		"workload_minutes_late":    readOnly(t.double, "Minutes worked in late hours"),
		"workload_minutes_sleeping": readOnly(t.double,
			"Minutes worked in sleeping hours"),
		"workload_minutes_total":   readOnly(t.double, "Minutes worked in total"),
		"workload_minutes_working": readOnly(t.double, "Minutes worked in working hours"),
	}
}

func severityType(t types) connectors.Type {
	return connectors.ObjectOf("severity", map[string]connectors.Type{
		"id": t.text, "name": t.text, "description": t.markdown, "rank": t.integer,
		"created_at": t.moment, "updated_at": t.moment,
	})
}

func statusType(t types) connectors.Type {
	return connectors.ObjectOf("incident_status", map[string]connectors.Type{
		"id": t.text, "name": t.text, "description": t.markdown, "category": one(categories()...), "rank": t.integer,
		"created_at": t.moment, "updated_at": t.moment,
	})
}

func incidentTypeType(t types) connectors.Type {
	return connectors.ObjectOf("incident_type", map[string]connectors.Type{
		"id": t.text, "name": t.text, "description": t.text, "is_default": t.boolean,
		"create_in_triage": one("always", "optional"), "private_incidents_only": t.boolean,
		"created_at": t.moment, "updated_at": t.moment,
	})
}

func customFieldEntryType(t types) connectors.Type {
	option := connectors.ObjectOf("custom_field_option", map[string]connectors.Type{
		"id": t.text, "custom_field_id": t.text, "value": t.text, "sort_key": t.integer,
	})
	return connectors.ObjectOf("custom_field_entry", map[string]connectors.Type{
		"custom_field": connectors.ObjectOf("custom_field", map[string]connectors.Type{
			"id": t.text, "name": t.text, "description": t.text, "field_type": one("single_select", "multi_select", "text", "link", "numeric"),
			"options": connectors.ListOf(option),
		}),
		"values": connectors.ListOf(connectors.ObjectOf("custom_field_value", map[string]connectors.Type{
			"value_text": t.text, "value_link": t.text, "value_numeric": t.text, "value_option": option,
			"value_catalog_entry": connectors.ObjectOf("catalog_entry", map[string]connectors.Type{
				"id": t.text, "name": t.text, "external_id": t.text, "aliases": connectors.ListOf(t.text),
			}),
		})),
	})
}

func roleAssignmentType(t types) connectors.Type {
	return connectors.ObjectOf("role_assignment", map[string]connectors.Type{
		"assignee": t.user,
		"role": connectors.ObjectOf("incident_role", map[string]connectors.Type{
			"id": t.text, "name": t.text, "description": t.text, "instructions": t.text, "shortform": t.text,
			"role_type": one("lead", "reporter", "custom"), "required": t.boolean, "created_at": t.moment, "updated_at": t.moment,
		}),
	})
}

func timestampValueType(t types) connectors.Type {
	return connectors.ObjectOf("timestamp_value", map[string]connectors.Type{
		"incident_timestamp": connectors.ObjectOf("incident_timestamp", map[string]connectors.Type{
			"id": t.text, "name": t.text, "rank": t.integer,
		}),
		"value": connectors.ObjectOf("incident_timestamp_value", map[string]connectors.Type{"value": t.moment}),
	})
}

func durationMetricType(t types) connectors.Type {
	return connectors.ObjectOf("duration_metric_value", map[string]connectors.Type{
		"duration_metric": connectors.ObjectOf("duration_metric", map[string]connectors.Type{"id": t.text, "name": t.text}),
		"status":          t.text,
		"value_seconds":   t.integer,
	})
}

// followUpStatuses are the states of a follow-up.
func followUpStatuses() []string { return []string{"outstanding", "completed", "not_doing"} }

// followUpSchema lists every field of FollowUpV3.
func followUpSchema() *connectors.Schema {
	t := newTypes()
	ref := kind(connectors.Reference)
	option := func(name string) connectors.Type {
		return connectors.ObjectOf(name, map[string]connectors.Type{
			"id": t.text, "name": t.text, "description": t.text, "rank": t.integer,
		})
	}
	team := connectors.ObjectOf("team", map[string]connectors.Type{"id": t.text, "name": t.text})
	return &connectors.Schema{
		Record: followUpRecord,
		Fields: map[string]connectors.Field{
			"id":           readOnly(t.text, "Unique identifier"),
			"incident_id":  required(by(connectors.AtCreation, readOnly(t.text, "The incident it belongs to"))),
			"created_at":   readOnly(t.moment, "When it was created"),
			"updated_at":   readOnly(t.moment, "When it was last updated"),
			"completed_at": readOnly(t.moment, "When it was completed"),
			"creator":      readOnly(t.actor, "Who created it: one of user, api_key, workflow, alert"),
			"status":       oneOf(readOnly(t.text, "outstanding, completed or not_doing; written by a state table"), append(followUpStatuses(), "deleted")...),
			"category":     readOnly(option("category"), "Its category"),
			"external_issue_reference": readOnly(t.externalIssue,
				"The issue it is connected to"),

			"title":       required(by(connectors.Always, readOnly(t.text, "What is to be done, in a line"))),
			"description": by(connectors.Always, readOnly(t.markdown, "What is to be done, in full")),
			"assignee": people(by(connectors.Always, writes(ref, readOnly(t.user,
				"Who is to do it")))),
			"assignee_team": by(connectors.Always, writes(t.text, readOnly(team,
				"Team that is to do it; written by its name"))),
			"priority": by(connectors.Always, writes(t.text, readOnly(option("priority"),
				"Priority; written by its name"))),
			"labels": by(connectors.Always, readOnly(connectors.ListOf(t.text), "Its labels")),
		},
		State: &connectors.StateField{
			Field:  "status",
			Known:  followUpStatuses(),
			Begins: "outstanding",
		},
		Parent:       incidentRecord,
		CommentKinds: []string{timelineKind, updateKind},
		Attachments:  "link",
	}
}
