package jira

import "strings"

// A new type of field: name it here, write and compare it in values.go, read it
// in decode.go (a custom field: custom.go), and let jiratest hold it.

// A fieldType is how a field is written. System fields have it in systemFieldTypes, the
// site's custom fields in its list of fields.
type fieldType struct {
	Type   string `json:"type"`
	Items  string `json:"items"`
	Custom string `json:"custom"`
}

const textareaType = ":textarea"

// isDocument reports whether the field holds rich text.
func (t fieldType) isDocument() bool {
	return t.Type == documentType || t.Type == "string" && strings.HasSuffix(t.Custom, textareaType)
}

const documentType = "document"

// systemFieldTypes are of the system fields that can be written.
func systemFieldTypes() map[string]fieldType {
	return map[string]fieldType{
		"project": {Type: "project"}, "issuetype": {Type: "issuetype"}, "summary": {Type: "string"},
		"description": {Type: documentType}, "environment": {Type: documentType},
		"priority": {Type: "priority"}, "labels": {Type: "array", Items: "string"}, "components": {Type: "array", Items: "component"},
		"fixVersions": {Type: "array", Items: "version"}, "versions": {Type: "array", Items: "version"}, "duedate": {Type: "date"},
		"assignee": {Type: "user"}, "reporter": {Type: "user"}, "parent": {Type: "issuelink"}, "security": {Type: "securitylevel"},
		"resolution": {Type: "resolution"}, "timetracking": {Type: "timetracking"},
	}
}

// typeOf is the type of a field as far as it is known without asking.
func (c *Connector) typeOf(field string) fieldType {
	if t, ok := systemFieldTypes()[field]; ok {
		return t
	}
	all, _ := c.known.fields.Peek("")
	if found := matching(all, strings.TrimPrefix(field, customFieldsField+"/")); len(found) == 1 {
		return found[0].Schema
	}
	return fieldType{}
}
