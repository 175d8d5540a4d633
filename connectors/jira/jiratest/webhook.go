package jiratest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
)

// A Webhook is one that an administrator has made. It is sent once, in no
// order; Redeliver sends the last one again, as the product does after an
// answer that is no success.
type Webhook struct {
	URL    string // "" sends nothing
	Secret string
	Client *http.Client // nil is http.DefaultClient
}

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
	hook := s.webhook
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, hook.URL, nil)
	if err != nil {
		return
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", "Atlassian Webhook HTTP Client")
	request.Header.Set("X-Atlassian-Webhook-Identifier", identifier)
	request.Header.Set("X-Atlassian-Webhook-Flow", "Primary")
	if hook.Secret != "" {
		request.Header.Set("X-Hub-Signature", Sign(hook.Secret, body))
	}
	s.last, s.lastBody = request, body
	s.send(hook, request, body)
}

func (s *Server) send(hook Webhook, r *http.Request, body []byte) {
	client := hook.Client
	if client == nil {
		client = http.DefaultClient
	}
	r = r.Clone(context.Background())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	s.sending.Go(func() {
		if response, err := client.Do(r); err == nil {
			response.Body.Close()
		}
	})
}

// Redeliver sends the last webhook again, under the same identifier.
func (s *Server) Redeliver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		return
	}
	again := s.last.Clone(context.Background())
	again.Header.Set("X-Atlassian-Webhook-Retry", "1")
	s.send(s.webhook, again, s.lastBody)
}

// Sign is the signature of a webhook's body.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

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
