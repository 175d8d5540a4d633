package incidentio

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

const (
	opLinks = "links"
	opLink  = "link"
)

// tracker is the API's name for the tracker of a type of connector; "": it
// knows none. Of Jira it has two, and jira_server is not for Jira Cloud.
func tracker(system string) string {
	switch system {
	case "jira":
		return "jira"
	case "servicenow":
		return "service_now"
	}
	return ""
}

// TakesLink says that an incident shows any page, a follow-up its ticket alone, in a
// tracker that the API knows.
func (c *Connector) TakesLink(record string, link connectors.WebLink) bool {
	switch record {
	case incidentRecord:
		return true
	case followUpRecord:
		return link.Ticket && tracker(link.System) != ""
	}
	return false
}

// WebLinks lists the addresses of an incident's attachments, or of the issue
// that a follow-up is connected to.
func (c *Connector) WebLinks(ctx context.Context, record connectors.Record) ([]string, error) {
	switch record.Ref.Record {
	case incidentRecord:
		return c.attachments(ctx, record.Ref)
	case followUpRecord:
		now, err := c.readFollowUpAlone(ctx, record.Ref)
		if err != nil {
			return nil, err
		}
		if address := values.TextAt(now.Fields, "external_issue_reference", "issue_permalink"); address != "" {
			return []string{address}, nil
		}
		return nil, nil
	}
	return nil, noRecordType(opLinks, record.Ref.String())
}

func (c *Connector) attachments(ctx context.Context, ref connectors.Ref) ([]string, error) {
	list := listing{
		op: opLinks, record: ref.String(), path: "/v1/incident_attachments", member: "incident_attachments",
		query: url.Values{"incident_id": {ref.ID}},
	}
	var all []string
	for element, err := range c.list(ctx, list) {
		if err != nil {
			return nil, err
		}
		var attachment struct {
			Resource struct {
				Permalink  string `json:"permalink"`
				ExternalID string `json:"external_id"`
			} `json:"resource"`
		}
		if json.Unmarshal(element, &attachment) != nil {
			return nil, c.unlisted(list, "an element has no resource")
		}
		if address := cmp.Or(attachment.Resource.Permalink, attachment.Resource.ExternalID); address != "" {
			all = append(all, address)
		}
	}
	return all, nil
}

// AddWebLink attaches a page to an incident, or connects a follow-up to its
// ticket, which the API refuses where it is connected already. Neither takes an
// idempotency key: WebLinks tells what came of a lost answer.
func (c *Connector) AddWebLink(ctx context.Context, record connectors.Record, link connectors.WebLink) error {
	ref := record.Ref
	request, answer := transport.Request{Op: opLink, Record: ref.String(), Method: http.MethodPost}, transport.Envelope{Member: "incident_attachment"}
	request.Into = &answer
	address, err := url.Parse(link.URL)
	switch {
	case !c.TakesLink(ref.Record, link):
		return connectors.Rejected(opLink, ref.String(), "", codeType, "it cannot show this page")
	case err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http":
		return connectors.Rejected(opLink, ref.String(), "", codeType, "the page has no address")
	case ref.Record == followUpRecord:
		if err := addressable(ref, opLink); err != nil {
			return err
		}
		answer.Member = followUpRecord
		request.Path = "/v2/follow_ups/" + url.PathEscape(ref.ID) + "/actions/connect_external_issue"
		request.JSON = map[string]any{"provider": tracker(link.System), "url": link.URL}
	default:
		resource := map[string]any{"resource_type": "arbitrary_url", "url": link.URL, "emoji": emoji(link)}
		if title := strings.Join(strings.Fields(link.Title), " "); title != "" {
			resource["title"] = title
		}
		request.Path = "/v1/incident_attachments"
		request.JSON = map[string]any{"incident_id": ref.ID, "resource": resource}
	}
	_, err = c.client.Do(ctx, request)
	return err
}

// emoji is the shortcode of the sign that a page is shown with.
func emoji(link connectors.WebLink) string {
	if link.Ticket {
		return "ticket"
	}
	return "paperclip"
}
