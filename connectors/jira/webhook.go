package jira

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// Headers of a delivery. The identifier is the same when it is sent again.
const (
	SignatureHeader  = "X-Hub-Signature"
	IdentifierHeader = "X-Atlassian-Webhook-Identifier"
)

// Receive checks and reads a webhook of an administrator. Its body holds the
// issue with texts as wiki markup and is a hint alone: the issue is read again.
// There is no time in the signature; that an issue may have changed is harmless
// to hear again.
func (c *Connector) Receive(header http.Header, body []byte, _ time.Time) (connectors.Delivery, error) {
	var hook struct {
		Event string `json:"webhookEvent"`
		Issue *struct {
			ID json.RawMessage `json:"id"`
		} `json:"issue"`
		Comment struct {
			Self string `json:"self"`
		} `json:"comment"`
	}
	id, err := c.secret.Receive(header.Get(SignatureHeader), body, &hook)
	if err != nil {
		return connectors.Delivery{}, err
	}
	delivery := connectors.Delivery{ID: cmp.Or(strings.TrimSpace(header.Get(IdentifierHeader)), id)}
	issue := ""
	switch {
	case hook.Issue != nil:
		issue = strings.Trim(string(hook.Issue.ID), `"`)
	case hook.Comment.Self != "":
		if found := issueOfComment.FindStringSubmatch(hook.Comment.Self); found != nil {
			issue = found[1]
		}
	}
	if issue == "" {
		return delivery, nil // an event of something else
	}
	ref := connectors.Collection{Type: Type, Connector: c.name, Record: issueRecord}.Ref(issue)
	if failure := checkRef("receive", ref); failure != nil {
		return connectors.Delivery{}, fmt.Errorf("%s: the issue's id is not one of Jira's", hook.Event)
	}
	delivery.Refs = []connectors.Ref{ref}
	return delivery, nil
}

var issueOfComment = regexp.MustCompile(`/issue/([0-9]+)/comment/`)
