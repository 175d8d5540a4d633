package jiratest

import (
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// A Webhook is one that an administrator has made. Redeliver sends the last one
// again, as the product does after an answer that is not a success.
type Webhook = simulator.Webhook

// SetWebhook changes where webhooks go.
func (s *Server) SetWebhook(w Webhook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.webhook = w
}

// announce sends a webhook; s.mu is held. Its texts are wiki markup.
func (s *Server) announce(is *issue, event, who string, items []any, m *comment) {
	if s.webhook.URL == "" {
		return
	}
	body := object{"timestamp": s.now().UnixMilli(), "webhookEvent": event, "issue": s.wikiBean(is), "user": s.shownUser(s.user(who))}
	if items != nil {
		body["changelog"] = object{"id": s.nextID(), "items": items}
	}
	if m != nil {
		delete(body, "user")
		o := s.shownComment(is, m, false)
		o["self"] = fmt.Sprintf("%s/rest/api/2/issue/%s/comment/%s", s.opts.URL, is.id, m.id)
		o["body"] = wiki(m.body)
		body["comment"] = o
	}
	s.deliver(encode(body), fmt.Sprintf("00000000-0000-4000-8000-%012d", s.sequence*1000+len(is.indexed)+len(is.comments)))
}

func (s *Server) wikiBean(is *issue) object {
	fields := maps.Clone(is.fields)
	for id, v := range fields {
		if o, ok := v.(object); ok && o["type"] == "doc" {
			fields[id] = wiki(v)
		}
	}
	return object{"id": is.id, "key": is.key, "self": s.opts.URL + "/rest/api/2/issue/" + is.id, "fields": fields}
}

func (s *Server) deliver(body []byte, identifier string) {
	header := http.Header{
		"Content-Type": {"application/json; charset=utf-8"}, "User-Agent": {"Atlassian Webhook HTTP Client"},
		"X-Atlassian-Webhook-Identifier": {identifier}, "X-Atlassian-Webhook-Flow": {"Primary"},
	}
	if s.webhook.Secret != "" {
		header.Set("X-Hub-Signature", Sign(s.webhook.Secret, body))
	}
	s.last, s.lastBody = header, body
	s.send(header, body)
}

// send sends a webhook; s.mu is held.
func (s *Server) send(header http.Header, body []byte) {
	hook := s.webhook
	s.sending.Go(func() { hook.Post(header, body) })
}

// Redeliver sends the last webhook again, under the same identifier.
func (s *Server) Redeliver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		return
	}
	again := s.last.Clone()
	again.Set("X-Atlassian-Webhook-Retry", "1")
	s.send(again, s.lastBody)
}

// Sign is the signature of a webhook's body.
func Sign(secret string, body []byte) string { return simulator.Sign(secret, body) }

// wiki is a document in the markup of Jira's older interfaces, roughly.
func wiki(v any) string {
	o, _ := v.(object)
	var parts []string
	content, _ := o["content"].([]any)
	for _, child := range content {
		parts = append(parts, wiki(child))
	}
	inner := strings.Join(parts, "")
	attrs, _ := o["attrs"].(object)
	switch o["type"] {
	case "doc":
		return strings.Join(parts, "\n\n")
	case "heading":
		return fmt.Sprintf("h%v. %s", attrs["level"], inner)
	case "bulletList", "orderedList":
		return strings.Join(parts, "\n")
	case "listItem":
		return "* " + inner
	case "codeBlock":
		return "{code}" + inner + "{code}"
	case "hardBreak":
		return "\n"
	case "text":
		text, _ := o["text"].(string)
		marks, _ := o["marks"].([]any)
		for _, m := range marks {
			if mark, _ := m.(object); mark["type"] == "strong" {
				text = "*" + text + "*"
			}
		}
		return text
	}
	return inner
}
