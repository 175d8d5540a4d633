package incidentiotest

import "time"

// The resources as the API writes them, of the vendor's OpenAPI file. Times are
// RFC 3339 in UTC with microseconds.

// A Moment is a time as the API writes it.
type Moment struct{ time.Time }

const momentLayout = "2006-01-02T15:04:05.000000Z"

// MarshalJSON writes microseconds.
func (m Moment) MarshalJSON() ([]byte, error) {
	return []byte(`"` + m.UTC().Format(momentLayout) + `"`), nil
}

// UnmarshalJSON reads RFC 3339.
func (m *Moment) UnmarshalJSON(text []byte) error { return m.Time.UnmarshalJSON(text) }

// An Actor is who did something: one of its members is set.
type Actor struct {
	User     *User       `json:"user,omitempty"`
	APIKey   *APIKeyName `json:"api_key,omitempty"`
	Workflow *APIKeyName `json:"workflow,omitempty"`
}

// An APIKeyName names an API key or a workflow.
type APIKeyName struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// A User is a person.
type User struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Email       string `json:"email,omitempty"`
	Role        string `json:"role"`
	SlackUserID string `json:"slack_user_id,omitempty"`
}

// A Severity ranks incidents; a lower rank is less severe.
type Severity struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Rank        int    `json:"rank"`
	CreatedAt   Moment `json:"created_at"`
	UpdatedAt   Moment `json:"updated_at"`
}

// A Status is a step of an incident's life.
type Status struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Category    string `json:"category"`
	Rank        int    `json:"rank"`
	CreatedAt   Moment `json:"created_at"`
	UpdatedAt   Moment `json:"updated_at"`
}

// A Type is an incident type.
type Type struct {
	ID                   string `json:"id"`
	Name                 string `json:"name"`
	Description          string `json:"description"`
	IsDefault            bool   `json:"is_default"`
	PrivateIncidentsOnly bool   `json:"private_incidents_only"`
	CreateInTriage       string `json:"create_in_triage"`
	CreatedAt            Moment `json:"created_at"`
	UpdatedAt            Moment `json:"updated_at"`
}

// A CustomField is a field that the account defined.
type CustomField struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	FieldType   string `json:"field_type"`
	// CatalogTypeID is set where the options are entries of the Catalog.
	CatalogTypeID string         `json:"catalog_type_id,omitempty"`
	Catalog       []CatalogEntry `json:"-"`
	CreatedAt     Moment         `json:"created_at"`
	UpdatedAt     Moment         `json:"updated_at"`
}

// An Option is one choice of a select field.
type Option struct {
	ID            string `json:"id"`
	CustomFieldID string `json:"custom_field_id"`
	Value         string `json:"value"`
	SortKey       int    `json:"sort_key"`
}

// FieldInfo is a custom field as it is in an incident.
type FieldInfo struct {
	ID          string         `json:"id"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	FieldType   string         `json:"field_type"`
	Options     []Option       `json:"options"`
	Catalog     []CatalogEntry `json:"-"`
}

// A FieldEntry is a custom field of an incident with its values.
type FieldEntry struct {
	CustomField FieldInfo    `json:"custom_field"`
	Values      []FieldValue `json:"values"`
}

// A FieldValue is one value of a custom field.
type FieldValue struct {
	Option  *Option       `json:"value_option,omitempty"`
	Entry   *CatalogEntry `json:"value_catalog_entry,omitempty"`
	Text    string        `json:"value_text,omitempty"`
	Link    string        `json:"value_link,omitempty"`
	Numeric string        `json:"value_numeric,omitempty"`
}

// A Role is a role that people have in an incident.
type Role struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Description  string `json:"description"`
	Instructions string `json:"instructions"`
	Shortform    string `json:"shortform"`
	RoleType     string `json:"role_type"`
	CreatedAt    Moment `json:"created_at"`
	UpdatedAt    Moment `json:"updated_at"`
}

// A RoleAssignment is who has a role.
type RoleAssignment struct {
	Assignee *User `json:"assignee,omitempty"`
	Role     Role  `json:"role"`
}

// A Timestamp is a moment of an incident's life that has a name.
type Timestamp struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Rank int    `json:"rank"`
}

// A TimestampValue is a timestamp of an incident.
type TimestampValue struct {
	Timestamp Timestamp    `json:"incident_timestamp"`
	Value     *MomentValue `json:"value,omitempty"`
}

// A MomentValue wraps a time, as the API does.
type MomentValue struct {
	Value Moment `json:"value"`
}

// An Incident is an incident.
type Incident struct {
	ID                      string           `json:"id"`
	Reference               string           `json:"reference"`
	Name                    string           `json:"name"`
	Summary                 string           `json:"summary,omitempty"`
	CallURL                 string           `json:"call_url,omitempty"`
	Permalink               string           `json:"permalink"`
	Mode                    string           `json:"mode"`
	Visibility              string           `json:"visibility"`
	Severity                *Severity        `json:"severity,omitempty"`
	IncidentStatus          Status           `json:"incident_status"`
	IncidentType            *Type            `json:"incident_type,omitempty"`
	Creator                 Actor            `json:"creator"`
	CustomFieldEntries      []FieldEntry     `json:"custom_field_entries"`
	IncidentRoleAssignments []RoleAssignment `json:"incident_role_assignments"`
	IncidentTimestampValues []TimestampValue `json:"incident_timestamp_values"`
	HasDebrief              bool             `json:"has_debrief"`
	SlackChannelID          string           `json:"slack_channel_id"`
	SlackChannelName        string           `json:"slack_channel_name,omitempty"`
	SlackTeamID             string           `json:"slack_team_id"`
	CreatedAt               Moment           `json:"created_at"`
	UpdatedAt               Moment           `json:"updated_at"`
}

// A Priority is the priority of a follow-up.
type Priority struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Rank        int    `json:"rank"`
}

// A Team is a team.
type Team struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// An ExternalIssue is an issue in another tracker.
type ExternalIssue struct {
	Provider  string `json:"provider"`
	Name      string `json:"issue_name"`
	Permalink string `json:"issue_permalink"`
}

// A FollowUp is a piece of work that an incident leaves.
type FollowUp struct {
	ID                     string         `json:"id"`
	IncidentID             string         `json:"incident_id"`
	Title                  string         `json:"title"`
	Description            string         `json:"description,omitempty"`
	Status                 string         `json:"status"`
	Assignee               *User          `json:"assignee,omitempty"`
	AssigneeTeam           *Team          `json:"assignee_team,omitempty"`
	Priority               *Priority      `json:"priority,omitempty"`
	Category               *Priority      `json:"category,omitempty"`
	Labels                 []string       `json:"labels"`
	ExternalIssueReference *ExternalIssue `json:"external_issue_reference,omitempty"`
	Creator                Actor          `json:"creator"`
	CompletedAt            *Moment        `json:"completed_at,omitempty"`
	CreatedAt              Moment         `json:"created_at"`
	UpdatedAt              Moment         `json:"updated_at"`
}

// An Update is an incident update.
type Update struct {
	ID                string    `json:"id"`
	IncidentID        string    `json:"incident_id"`
	Message           string    `json:"message,omitempty"`
	NewIncidentStatus Status    `json:"new_incident_status"`
	NewSeverity       *Severity `json:"new_severity,omitempty"`
	Updater           Actor     `json:"updater"`
	CreatedAt         Moment    `json:"created_at"`
}

// A TimelineItem is an item of an incident's curated timeline.
type TimelineItem struct {
	ID         string `json:"id"`
	IncidentID string `json:"incident_id"`
	// ActivityLogID is set where the item was promoted from the activity log.
	ActivityLogID string `json:"activity_log_id,omitempty"`
	Title         string `json:"title"`
	Description   string `json:"description,omitempty"`
	Timestamp     Moment `json:"timestamp"`
	Creator       Actor  `json:"creator"`
	CreatedAt     Moment `json:"created_at"`
	UpdatedAt     Moment `json:"updated_at"`
}

// An Attachment is a link from an incident to something elsewhere.
type Attachment struct {
	ID         string   `json:"id"`
	IncidentID string   `json:"incident_id"`
	Resource   Resource `json:"resource"`
}

// A Resource is what an attachment points at.
type Resource struct {
	ExternalID   string `json:"external_id"`
	Permalink    string `json:"permalink"`
	ResourceType string `json:"resource_type"`
	Title        string `json:"title"`
}

// An Activity is an entry of an incident's activity log. Content has one
// member, named after Type, or is missing: not every type has any.
type Activity struct {
	ID         string         `json:"id"`
	IncidentID string         `json:"incident_id"`
	Type       string         `json:"type"`
	Title      string         `json:"title"`
	OccurredAt Moment         `json:"occurred_at"`
	CreatedAt  Moment         `json:"created_at"`
	Content    map[string]any `json:"content,omitempty"`
}
