package jira

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

// refusal reads what Jira says in an answer that is not 2xx, or in one that is
// not whole: {"errorMessages": […], "errors": {FIELD: TEXT}}.
func refusal(answer *transport.Answer, failure *connectors.Error) {
	if answer.Status/100 == 2 {
		return
	}
	if reason := answer.Header.Get(reasonHeader); answer.Status == http.StatusTooManyRequests && reason != "" {
		failure.Code = reason
	}
	var said struct {
		Messages []string          `json:"errorMessages"`
		Errors   map[string]string `json:"errors"`
		Message  string            `json:"message"`
	}
	if json.Unmarshal(answer.Body, &said) == nil {
		words := said.Messages
		for _, field := range slices.Sorted(maps.Keys(said.Errors)) {
			if failure.Field == "" {
				failure.Field = field
			}
			words = append(words, field+": "+said.Errors[field])
		}
		if said.Message != "" {
			words = append(words, said.Message)
		}
		failure.Message = strings.Join(words, "; ")
	}
	switch answer.Status {
	case http.StatusNotFound:
		if said.Messages == nil && said.Errors == nil {
			return // not Jira's, or not about a record
		}
		failure.Code = "not_found"
		if failure.Op == "create" { // a project, not an issue, is missing
			failure.Class = connectors.ClassRejected
		}
	case http.StatusForbidden:
		failure.Code = "forbidden"
	case http.StatusGone:
		failure.Message += "; Jira has removed this endpoint"
	}
}

// stranger says that Jira did not take the credentials: it then answers as to
// nobody, who sees no issues, and calls that success.
func stranger(h http.Header) string {
	switch h.Get("X-Seraph-Loginreason") {
	case "AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED":
		return "Jira did not take the API token, and answered as to nobody; it may have expired or been revoked"
	}
	return ""
}

// asWritten gives the field at fault the name under which it was written.
func asWritten(err error, names map[string]string) error {
	failure, ok := err.(*connectors.Error) //nolint:errorlint // only the transport's own is renamed
	if ok && failure.Field == "parentId" { // the name that Jira has for it in refusals
		e := *failure
		e.Field = "parent"
		return &e
	}
	if !ok || names[failure.Field] == "" || names[failure.Field] == failure.Field {
		return err
	}
	e := *failure
	e.Field = names[failure.Field]
	return &e
}
