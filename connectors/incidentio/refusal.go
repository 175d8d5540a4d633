package incidentio

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

// refusal reads {type, status, request_id, errors: [{code, message, source}]}.
func refusal(answer *transport.Answer, failure *connectors.Error) {
	var body struct {
		Type      string `json:"type"`
		RequestID string `json:"request_id"`
		Errors    []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Source  struct {
				Field   string `json:"field"`
				Pointer string `json:"pointer"`
			} `json:"source"`
		} `json:"errors"`
	}
	if json.Unmarshal(answer.Body, &body) != nil {
		return
	}
	if body.RequestID != "" {
		failure.RequestID = body.RequestID
	}
	// Others' problems have a type, too; incident.io's name their errors.
	own := len(body.Errors) > 0 || answer.Status != http.StatusNotFound && answer.Status != http.StatusForbidden
	if body.Type != "" && answer.Status/100 != 2 && own {
		failure.Code = body.Type
	}
	var said []string
	for _, e := range body.Errors {
		field := e.Source.Field
		if field == "" {
			field = e.Source.Pointer
		}
		text := e.Message
		if text == "" {
			text = e.Code
		}
		if field != "" {
			if failure.Field == "" {
				failure.Field = fieldNamed(field)
			}
			text = fmt.Sprintf("%s (%s)", text, field)
		}
		if text != "" {
			said = append(said, text)
		}
	}
	if len(said) > 0 {
		failure.Message = strings.Join(said, "; ")
	}
}

// fieldNamed is the record's name for a field of a request, where the two
// differ: requests name things by id. What is said of an element of a list is
// said of custom_fields[2], which only who sent the list can name.
func fieldNamed(field string) string {
	field = strings.Trim(field, "/")
	for _, envelope := range []string{"incident.", "incident/"} {
		field = strings.TrimPrefix(field, envelope)
	}
	rest := ""
	if cut := strings.IndexAny(field, "./["); cut > 0 {
		field, rest = field[:cut], field[cut+1:]
	}
	if end := strings.IndexAny(rest, "./[]"); end >= 0 {
		rest = rest[:end]
	}
	element := ""
	if n, err := strconv.Atoi(rest); err == nil && n >= 0 {
		element = "[" + strconv.Itoa(n) + "]"
	}
	switch field {
	case "severity_id":
		return "severity"
	case "incident_type_id":
		return "incident_type"
	case "incident_status_id":
		return statePath
	case "custom_field_entries":
		return customFieldsField + element
	case "incident_role_assignments":
		return rolesField + element
	case "incident_timestamp_values":
		return timestampsField + element
	case "assignee_id":
		return "assignee"
	case "assignee_team_id":
		return "assignee_team"
	case "follow_up_priority_option_id":
		return "priority"
	}
	return field
}

// fieldOfChange says which field of a change a refusal is about: sent are, by map, the
// fields whose entries were sent, in their order.
func fieldOfChange(field string, sent map[string][]string) string {
	name, rest, indexed := strings.Cut(field, "[")
	fields, isMap := sent[name]
	if !isMap {
		return field
	}
	if n, err := strconv.Atoi(strings.TrimSuffix(rest, "]")); indexed && err == nil && n < len(fields) {
		return fields[n]
	}
	for _, other := range fields {
		if other != fields[0] {
			return "" // one of several
		}
	}
	return fields[0]
}
