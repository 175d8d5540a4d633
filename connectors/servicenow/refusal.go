package servicenow

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/oauth"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

const (
	noRecord  = "No Record found"
	cancelled = "Transaction cancelled"
)

// apiFailure is the error object of an answer. OAuth's endpoint answers with
// text in its place.
type apiFailure struct {
	Message string
	Detail  string
	object  bool // it was one
}

// UnmarshalJSON reads {"message", "detail"}, or text.
func (f *apiFailure) UnmarshalJSON(b []byte) error {
	var whole struct {
		Message string `json:"message"`
		Detail  string `json:"detail"`
	}
	if err := json.Unmarshal(b, &whole); err == nil {
		f.Message, f.Detail, f.object = whole.Message, whole.Detail, true
		return nil
	}
	return json.Unmarshal(b, &f.Message)
}

// words are the message and the detail in one line.
func (f apiFailure) words() string {
	message := strings.Join(strings.Fields(f.Message), " ")
	detail := strings.Join(strings.Fields(f.Detail), " ")
	switch {
	case detail == "" || detail == message:
		return message
	case message == "":
		return detail
	default:
		return message + ": " + detail
	}
}

// refusal reads what ServiceNow says in an answer that is not 2xx, or in one
// that is not whole.
func refusal(answer *transport.Answer, failure *connectors.Error) {
	if answer.Status/100 == 2 {
		if bytes.Contains(answer.Body, []byte(cancelled)) {
			failure.Own = true
			failure.Message = "ServiceNow cut its answer off: " + cancelled + ": maximum execution time exceeded"
		}
		return
	}
	var said struct {
		Error       *apiFailure `json:"error"`
		Description string      `json:"error_description"`
	}
	if json.Unmarshal(answer.Body, &said) == nil && said.Error != nil {
		if said.Description != "" {
			said.Error.Detail = said.Description
		}
		failure.Message = said.Error.words()
	}
	if failure.Op == oauth.Op {
		refusedToken(answer, failure)
		return
	}
	own := said.Error != nil && said.Error.object
	switch answer.Status {
	case http.StatusForbidden:
		if own {
			refusedByPermission(failure)
		}
	case http.StatusNotFound:
		if !own {
			return
		}
		failure.Code = "not_found"
		if failure.Op == "create" { // a table, not a record, is missing
			failure.Class, failure.Code = connectors.ClassRejected, "invalid_table"
		}
	case http.StatusBadRequest:
		if strings.Contains(failure.Message, "Invalid table") {
			failure.Class, failure.Code = connectors.ClassRejected, "invalid_table"
		}
	}
}

// refusedToken is an answer of the token endpoint. Whatever it says but "try
// later" means that the credentials do not work; the body may hold tokens and
// is not quoted.
func refusedToken(answer *transport.Answer, failure *connectors.Error) {
	if failure.Message == "" {
		failure.Message = "no token: " + http.StatusText(answer.Status)
	}
	if answer.Status/100 == 4 && answer.Status != http.StatusTooManyRequests && answer.Status != http.StatusRequestTimeout {
		failure.Class = connectors.ClassUnauthorised
		if answer.Status == http.StatusNotFound {
			failure.Message = "the instance has no /oauth_token.do; is its OAuth plugin active?"
		}
	}
}

// refusedByPermission is a 403: data policy, business rule or access control.
func refusedByPermission(failure *connectors.Error) {
	m := failure.Message
	failure.Code = "forbidden"
	switch {
	case strings.Contains(m, "Data Policy Exception"):
		failure.Code = "data_policy"
		for _, name := range mandatory(m) {
			if failure.Field = columnsOfLabels[strings.ToLower(name)]; failure.Field != "" {
				return
			}
		}
	case strings.Contains(m, "Business Rule"):
		failure.Code = "business_rule"
	case strings.Contains(m, "ACL Exception"):
		failure.Code = "acl"
		failure.Message += "; the integration user lacks a role for this write"
	case strings.Contains(m, "unscoped api"):
		failure.Class = connectors.ClassUnauthorised
		failure.Message += "; the OAuth application needs the scope useraccount"
	}
}

// nameTable says of a table that may not be read which it is, and what to do.
func nameTable(err error, path string) {
	failure, ok := errors.AsType[*connectors.Error](err)
	if !ok || failure.Class != connectors.ClassForbidden {
		return
	}
	table := attachmentTable
	if rest, found := strings.CutPrefix(path, tableAPI); found {
		table, _, _ = strings.Cut(rest, "/")
	}
	failure.Message = "the integration user may not read the table " + table + "; give it " + roleFor(table) + ". ServiceNow says: " + failure.Message
}

// roleFor is what lets a user read a table.
func roleFor(table string) string {
	switch table {
	case "sys_choice":
		return "the role personalize_choices"
	case "sys_dictionary", "sys_db_object":
		return "the role personalize_dictionary"
	case journalTable, "sys_user", "sys_user_group":
		return "a role that has a read ACL on it"
	default:
		return "the role itil, or one that has a read ACL on it"
	}
}

// mandatory are the labels that a data policy asks for.
func mandatory(message string) []string {
	_, after, found := strings.Cut(message, "mandatory:")
	if !found {
		return nil
	}
	labels := strings.Split(after, ",")
	for i := range labels {
		labels[i] = strings.Trim(labels[i], " .\t\n")
	}
	return labels
}

// explainMandatory says what a data policy means for what was sent: a field
// that was sent and is called missing held a value that is not in its choice
// list, for such a value counts as none.
func explainMandatory(failure *connectors.Error, sent map[string]string) {
	if failure.Code != "data_policy" {
		return
	}
	missing := false
	for _, label := range mandatory(failure.Message) {
		column := columnsOfLabels[strings.ToLower(label)]
		switch {
		case column == "":
		case sent[column] != "":
			failure.Field = column
			failure.Message += "; " + column + " was sent, so its value is not in this instance's choice list (sys_choice), which counts as empty"
			return
		default:
			missing = true
		}
	}
	if missing {
		failure.Message += "; set these fields in the template's once or outbound block, they travel with the state"
	}
}
