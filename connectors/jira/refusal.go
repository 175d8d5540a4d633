package jira

import (
	"cmp"
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
	said, own := parseSaid(answer)
	words := said.Messages
	failure.Fields = said.Errors
	for _, field := range slices.Sorted(maps.Keys(said.Errors)) {
		if failure.Field == "" {
			failure.Field = field
		}
		words = append(words, field+": "+said.Errors[field])
	}
	if said.Message != "" {
		words = append(words, said.Message)
	}
	if !own && said.Network != "" { // of a site's allow list, which knows no issue
		words, failure.Own = append(words, said.Network), true
	}
	if len(words) > 0 {
		failure.Message = strings.Join(words, "; ")
	}
	switch answer.Status {
	case http.StatusNotFound:
		if !own {
			return // not Jira's, or not about a record
		}
		failure.Code = "not_found"
		if failure.Op == "create" { // a project, not an issue, is missing
			failure.Class = connectors.ClassRejected
		}
	case http.StatusForbidden:
		if own {
			failure.Code = "forbidden"
		}
	case http.StatusGone:
		failure.Message += "; Jira has removed this endpoint"
	}
}

// accountHeader names the account to which Jira answers. Where it does not take
// the credentials it answers as to nobody, who sees no issues, and calls that
// success: 404 for an issue, an empty list for a search.
const accountHeader = "X-AAccountId"

// stranger says why an answer does not prove that it was given to the account.
func stranger(answer *transport.Answer) (why, setting string) {
	switch answer.Header.Get("X-Seraph-Loginreason") {
	case "AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED":
		return "Jira did not take the API token, and answered as to nobody; it may have expired or been revoked", "api_token"
	}
	if answer.Header.Get(accountHeader) != "" {
		return "", ""
	}
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return "", "" // nobody need be known for these
	case http.StatusForbidden, http.StatusNotFound:
		if _, own := parseSaid(answer); !own {
			return "", "" // by its form alone it is no word on a record
		}
	}
	if class := answer.Status / 100; class != 2 && class != 4 && !leads(answer) {
		return "", ""
	}
	return "the answer does not name the account that it was given to (" + accountHeader + "); it may be a log-in page, a proxy that takes the header off, or another site", ""
}

// leads reports whether an answer leads to where a content is: only the account
// is told that.
func leads(answer *transport.Answer) bool { return answer.Status == http.StatusSeeOther }

// A saying is what Jira says in a refusal.
type saying struct {
	Messages []string          `json:"errorMessages"`
	Errors   map[string]string `json:"errors"`
	Message  string            `json:"message"`
	Network  string            `json:"errorMessage"`
}

// parseSaid reads a refusal; own is true where it has the form in which Jira
// speaks of records.
func parseSaid(answer *transport.Answer) (said saying, own bool) {
	if json.Unmarshal(answer.Body, &said) != nil {
		return saying{}, false
	}
	return said, said.Messages != nil || said.Errors != nil
}

// asWritten gives the fields at fault the names under which they were written.
func asWritten(err error, names map[string]string) error {
	failure, ok := err.(*connectors.Error) //nolint:errorlint // only the transport's own is renamed
	if !ok || failure.Field == "" {
		return err
	}
	name := func(field string) string {
		if field == "parentId" { // the name that Jira has for it in refusals
			return "parent"
		}
		return cmp.Or(names[field], field)
	}
	e := *failure
	e.Field, e.Fields = name(failure.Field), map[string]string{}
	for field, said := range failure.Fields {
		e.Fields[name(field)] = said
	}
	return &e
}
