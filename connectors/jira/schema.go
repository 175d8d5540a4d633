package jira

import "github.com/lockstep-sync/lockstep/connectors"

// Limits of fields. Of the API's own refusals.
const (
	maxText    = 32767
	maxSummary = 255
)

func kind(k connectors.Kind) connectors.Type { return connectors.Type{Kind: k} }

func readOnly(t connectors.Type, description string) connectors.Field {
	return connectors.Field{Type: t, Description: description}
}

func writable(t connectors.Type, description string) connectors.Field {
	return connectors.Field{Type: t, Description: description, Write: connectors.Always}
}

func required(f connectors.Field) connectors.Field {
	f.Required, f.Mandatory = true, true
	return f
}

func onMove(f connectors.Field) connectors.Field {
	f.OnMove = true
	return f
}

func limited(f connectors.Field, characters int) connectors.Field {
	f.MaxLength = characters
	return f
}

// issueSchema lists the system fields of an issue, each as people see it: a
// project by its key, a user by account id, everything else by name.
func issueSchema() *connectors.Schema {
	var (
		text      = kind(connectors.String)
		markdown  = kind(connectors.Text)
		integer   = kind(connectors.Int)
		moment    = kind(connectors.Time)
		user      = kind(connectors.Reference)
		names     = connectors.ListOf(text)
		anything  = kind(connectors.Any)
		seconds   = func(what string) connectors.Field { return readOnly(integer, what+", in seconds") }
		of        = connectors.ObjectOf
		lookedUp  = func(f connectors.Field) connectors.Field { f.Lookups = []string{"email"}; return f }
		named     = func(f connectors.Field) connectors.Field { f.InstanceChoices = true; return f }
		creatable = func(f connectors.Field) connectors.Field { f.Write = connectors.AtCreation; return f }
	)
	attachment := of("attachment", map[string]connectors.Type{
		"id": text, "filename": text, "mimeType": text, "size": integer, "created": moment, "author": user,
	})
	link := of("issue_link", map[string]connectors.Type{"type": text, "direction": text, "issue": text})
	tracking := of("timetracking", map[string]connectors.Type{
		"originalEstimate": text, "remainingEstimate": text, "timeSpent": text,
		"originalEstimateSeconds": integer, "remainingEstimateSeconds": integer, "timeSpentSeconds": integer,
	})
	return &connectors.Schema{
		Record: issueRecord,
		Fields: map[string]connectors.Field{
			"project":     named(creatable(required(writable(text, "Key of the project, as ENG")))),
			"issuetype":   named(required(writable(text, "Name of the issue type, as Bug"))),
			"summary":     limited(required(writable(text, "What it is about, in a line")), maxSummary),
			"description": limited(writable(markdown, "What it is about, in full"), maxText),
			"environment": limited(writable(markdown, "Where it happens"), maxText),
			"priority":    named(writable(text, "Name of the priority, as High")),
			"labels":      writable(names, "Labels; they hold no spaces"),
			"components":  named(writable(names, "Names of the components")),
			"fixVersions": named(writable(names, "Names of the versions in which it is fixed")),
			"versions":    named(writable(names, "Names of the versions that have it")),
			"duedate":     writable(text, "Day by which it is due, as 2006-01-02"),
			"assignee":    lookedUp(writable(user, "Account id of who works on it")),
			"reporter":    lookedUp(writable(user, "Account id of who reported it")),
			"parent":      writable(kind(connectors.Reference), "Key of the parent issue, as ENG-1"),
			"security":    named(writable(text, "Name of the security level")),
			"resolution":  named(onMove(writable(text, "Name of the resolution; travels with the transition that asks for it"))),
			"timetracking": writable(tracking,
				"Estimates and time spent, as 3h 20m"),
			"custom_fields": named(writable(connectors.MapOf(anything), "Custom fields by name")),

			"status":                   readOnly(text, "Name of the status; written by a state table"),
			"statusCategory":           readOnly(text, "Name of the status's category"),
			"statuscategorychangedate": readOnly(moment, "When the status's category last changed"),
			"created":                  readOnly(moment, "When it was created"),
			"updated":                  readOnly(moment, "When it was last updated"),
			"resolutiondate":           readOnly(moment, "When it was resolved"),
			"lastViewed":               readOnly(moment, "When the integration last viewed it"),
			"creator":                  readOnly(user, "Account id of who created it"),
			"subtasks":                 readOnly(names, "Keys of the subtasks"),
			"issuelinks":               readOnly(connectors.ListOf(link), "Links to other issues"),
			"attachment":               readOnly(connectors.ListOf(attachment), "Attachments"),
			"votes":                    readOnly(integer, "Number of votes"),
			"watches":                  readOnly(integer, "Number of watchers"),
			"workratio":                readOnly(integer, "Time spent against the estimate, in percent"),

			"timeoriginalestimate":          seconds("Original estimate"),
			"timeestimate":                  seconds("Remaining estimate"),
			"timespent":                     seconds("Time spent"),
			"aggregatetimeoriginalestimate": seconds("Original estimate with subtasks"),
			"aggregatetimeestimate":         seconds("Remaining estimate with subtasks"),
			"aggregatetimespent":            seconds("Time spent with subtasks"),
		},
		Given:        given(),
		Unlisted:     connectors.RejectUnknown,
		FreePrefixes: []string{customPrefix},
		State:        &connectors.StateField{Field: "status"},
		CommentKinds: []string{kindComment, kindInternal, kindRestricted}, RestrictedKinds: []string{kindRestricted},
		Audience:    "security",
		Attachments: "bytes",
	}
}

// customPrefix begins the API's name of a custom field.
const customPrefix = "customfield_"
