package incidentiotest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The attachments API: links, no bytes.

// installed are the resource types that work without an integration.
func installed() []string { return []string{"arbitrary_url"} }

// resourceTypes are all that the API knows.
func resourceTypes() []string {
	return []string{
		"pager_duty_incident", "opsgenie_alert", "datadog_monitor_alert", "github_pull_request", "gitlab_merge_request",
		"sentry_issue", "jira_issue", "jsm_alert", "atlassian_statuspage_incident", "zendesk_ticket", "google_calendar_event",
		"outlook_calendar_event", "slack_file", "salesforce_case", "arbitrary_url", "scrubbed", "statuspage_incident",
	}
}

func (s *Server) listAttachments(c *call) (answer, *problem) {
	incident, external, kind := c.query.Get("incident_id"), c.query.Get("external_id"), c.query.Get("resource_type")
	if incident == "" && (external == "" || kind == "") {
		return answer{}, invalid("incident_id", "is_required", "You must provide either an incident ID or a resource type and external ID")
	}
	found := valuesOf(s.attachments, func(a *Attachment) bool {
		if _, p := s.seen(c, a.IncidentID); p != nil {
			return false
		}
		return (incident == "" || a.IncidentID == incident) &&
			(external == "" || a.Resource.ExternalID == external) && (kind == "" || a.Resource.ResourceType == kind)
	})
	if found == nil {
		found = []Attachment{}
	}
	return reply(http.StatusOK, map[string]any{"incident_attachments": found}), nil
}

func (s *Server) createAttachment(c *call) (answer, *problem) {
	var payload struct {
		IncidentID string `json:"incident_id"`
		Resource   *struct {
			ResourceType string `json:"resource_type"`
			ExternalID   string `json:"external_id"`
			URL          string `json:"url"`
			Title        string `json:"title"`
			Emoji        string `json:"emoji"`
		} `json:"resource"`
	}
	if p := decodeBody(c, &payload); p != nil {
		return answer{}, p
	}
	resource := payload.Resource
	if resource == nil {
		return answer{}, invalid("resource", "is_required", "resource is missing from body")
	}
	if payload.IncidentID == "" {
		return answer{}, invalid("incident_id", "is_required", "incident_id is missing from body")
	}
	i, p := s.seen(c, payload.IncidentID)
	if p != nil {
		return answer{}, p
	}
	arbitrary := resource.ResourceType == "arbitrary_url"
	switch u, err := url.Parse(resource.URL); {
	case !slices.Contains(resourceTypes(), resource.ResourceType):
		return answer{}, invalid("resource.resource_type", "invalid_value", "resource_type %q is not known", resource.ResourceType)
	case (resource.URL == "") == (resource.ExternalID == ""):
		return answer{}, invalid("resource", "invalid_value", "You must provide either external_id or url, but not both")
	case !arbitrary && (resource.Title != "" || resource.Emoji != ""):
		return answer{}, invalid("resource.title", "invalid_value", "title and emoji are only supported for arbitrary_url")
	case strings.Contains(resource.Emoji, ":"):
		return answer{}, invalid("resource.emoji", "invalid_value", "emoji is a shortcode without colons")
	case arbitrary && (err != nil || u.Host == ""):
		return answer{}, invalid("resource.url", "invalid_value", "url must be an address")
	case !slices.Contains(installed(), resource.ResourceType):
		return answer{}, invalid("resource.resource_type", "integration_missing", "The integration is not installed")
	}
	a := &Attachment{ID: s.newID(), IncidentID: i.ID, Resource: Resource{
		ExternalID: resource.URL, Permalink: resource.URL, ResourceType: resource.ResourceType, Title: resource.Title,
	}}
	if a.Resource.Title == "" {
		a.Resource.Title = resource.URL
	}
	s.commit(func(at Moment) {
		s.attachments = append(s.attachments, a)
		s.log(i.ID, "incident_attachment_added", "Added an attachment", at, nil)
		s.bump(i, at)
	})
	return reply(http.StatusCreated, map[string]any{"incident_attachment": *a}), nil
}

func (s *Server) deleteAttachment(c *call) (answer, *problem) {
	at := slices.IndexFunc(s.attachments, func(a *Attachment) bool { return a.ID == c.id })
	if at < 0 {
		return answer{}, notFound()
	}
	a := s.attachments[at]
	if _, p := s.seen(c, a.IncidentID); p != nil {
		return answer{}, p
	}
	s.attachments = slices.Delete(s.attachments, at, at+1)
	s.log(a.IncidentID, "incident_attachment_removed", "Removed an attachment", s.stamp(), nil)
	return reply(http.StatusNoContent, nil), nil
}
