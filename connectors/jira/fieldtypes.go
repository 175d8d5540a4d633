package jira

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/markdown/adf"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// A fieldType is how a field is written. System fields have it in systemFieldTypes, the
// site's custom fields in its list of fields.
type fieldType struct {
	Type   string `json:"type"`
	Items  string `json:"items"`
	Custom string `json:"custom"`
}

// isDocument reports whether the field holds rich text.
func (t fieldType) isDocument() bool {
	return t.Type == documentType || t.Type == "string" && strings.HasSuffix(t.Custom, ":textarea")
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
	last := c.known.fields.Last("")
	if last == nil {
		return fieldType{}
	}
	if found := matching(last.All, strings.TrimPrefix(field, customFieldsField+"/")); len(found) == 1 {
		return found[0].Schema
	}
	return fieldType{}
}

// A fieldKind is how the values of some fields are read, written and compared, in
// one form. A new kind is one more row of fieldKinds, and jiratest has to hold it.
type fieldKind struct {
	fits func(t fieldType) bool

	// convert turns a rendered value, which is not empty, into what the field will
	// show; "" clears it.
	convert func(t fieldType, limit int, v any) (any, error)
	// wire is what the field shows as the API takes it; nil: as it is.
	wire func(t fieldType, v any) any
	// same compares two values, neither of which is empty; nil: sameText.
	same func(t fieldType, limit int, want, have any) bool

	// A custom field is read without its type, by the shape of the objects in it;
	// nil: label knows them.
	shape func(object map[string]any) bool
	shown func(object map[string]any) any
	// pick is what a field shows that holds several of them; nil: all.
	pick func(objects []map[string]any) any
}

// fieldKinds are the kinds; the first that fits a field is its. The last fits all.
func fieldKinds() []fieldKind {
	return slices.Concat(productKinds(), textKinds(), namedKinds(), []fieldKind{
		{fits: ofType("array"), convert: convertList, wire: wireList, same: sameSet},
		{fits: ofType("option-with-child"), convert: convertCascade, wire: wireCascade, same: sameCascade},
		{fits: ofType("timetracking"), convert: convertEstimates, same: sameEstimates},
		{fits: func(fieldType) bool { return true }, convert: convertLine},
	})
}

// productKinds are custom fields that Jira's own products and apps write in ways of
// their own. They are known by the fields' types, or what their objects have.
func productKinds() []fieldKind {
	has := func(names ...string) func(map[string]any) bool {
		return func(object map[string]any) bool {
			return !slices.ContainsFunc(names, func(name string) bool { return object[name] == nil })
		}
	}
	id := func(object map[string]any) any { return values.OrNil(textOf(object["id"])) }
	return []fieldKind{
		{ // written as the number of one, read as all in which the issue ever was
			fits: custom(":gh-sprint"), convert: convertNumber, shape: has("id", "state", "boardId"),
			shown: func(object map[string]any) any { return plain(object["id"], 0) }, pick: currentSprint,
		},
		{ // written as a list of numbers, read as objects
			fits: custom(":sd-customer-organizations"), convert: convertList, same: sameSet, shape: isOrganization, shown: id,
			wire: eachOf(func(v any) any { n, _ := convertNumber(fieldType{}, 0, v); return n }),
		},
		{ // objects of Assets
			fits: custom(":cmdb-object-cftype"), convert: convertList, same: sameSet, shape: has("workspaceId", "objectId", "id"), shown: id,
			wire: eachOf(func(v any) any { return map[string]any{"id": v} }),
		},
		{ // written as an id, read as an object
			fits: custom(":atlassian-team"), convert: convertLine, same: sameExactly, shape: has("id", "title", "isShared"), shown: id,
		},
		{ // written as PORTAL/TYPE, read as an object that names neither
			fits: custom(":vp-origin"), convert: convertLine, same: sameRequestType, shape: has("requestType"),
			shown: func(object map[string]any) any { return values.OrNil(values.TextAt(object, "requestType", "name")) },
		},
	}
}

// textKinds are texts, numbers and times.
func textKinds() []fieldKind {
	return []fieldKind{
		{
			fits: fieldType.isDocument, same: sameDocument,
			convert: ofText(func(s string) (any, error) { return adf.Cut(s, maxText), nil }),
			wire:    func(_ fieldType, v any) any { s, _ := v.(string); return adf.FromMarkdown(s) },
		},
		{fits: ofType("number"), convert: convertNumber},
		{fits: ofType("date"), convert: convertTime(errDay, func(at time.Time) any { return at.Format(time.DateOnly) })},
		{fits: ofType("datetime"), convert: convertTime(values.ErrTime, func(at time.Time) any { return at.UTC().Format(momentLayout) })},
		{fits: ofType("string"), convert: convertLine, same: sameExactly},
		{fits: ofType("any", ""), convert: convertAny, same: sameUntyped},
	}
}

// namedKinds are objects that go by one of their members.
func namedKinds() []fieldKind {
	by := func(member string, types ...string) fieldKind {
		return fieldKind{fits: ofType(types...), convert: convertLine, wire: func(_ fieldType, v any) any { return map[string]any{member: v} }}
	}
	user := by("accountId", "user")
	user.convert, user.same = convertAccount, sameExactly
	return []fieldKind{
		by("key", "project"), user, by("value", "option"),
		by("name", "issuetype", "priority", "component", "version", "securitylevel", "resolution", "group"),
		{fits: ofType("issuelink"), convert: convertLine, wire: wireIssue},
	}
}

func ofType(types ...string) func(fieldType) bool {
	return func(t fieldType) bool { return slices.Contains(types, t.Type) }
}

// custom fits a type of custom field, by what comes behind its app's name.
func custom(kind string) func(fieldType) bool {
	return func(t fieldType) bool { return strings.HasSuffix(t.Custom, kind) }
}

func kindOf(t fieldType) fieldKind {
	all := fieldKinds()
	return all[slices.IndexFunc(all, func(k fieldKind) bool { return k.fits(t) })]
}

// convert turns a rendered value into what the field will show; "" clears it.
// Texts of values must not stand in errors: the record may be private.
func convert(t fieldType, limit int, v any) (any, error) {
	if s, ok := v.(string); ok && strings.TrimSpace(s) == "" {
		return "", nil
	}
	return kindOf(t).convert(t, limit, v)
}

// wire is a resolved value as the API takes it.
func wire(t fieldType, v any) any {
	k := kindOf(t)
	switch at, isTime := v.(time.Time); {
	case v == "" && t.Type == "array" && !custom(":gh-sprint")(t):
		return []any{}
	case v == "":
		return nil
	case k.wire != nil:
		return k.wire(t, v)
	case isTime:
		return at.UTC().Format(momentLayout)
	}
	return v
}

// same compares two values of a field as Jira sees them.
func same(t fieldType, limit int, want, have any) bool {
	if values.Empty(want) || values.Empty(have) {
		return values.Empty(want) && values.Empty(have)
	}
	if k := kindOf(t); k.same != nil {
		return k.same(t, limit, want, have)
	}
	return sameText(limit, want, have, strings.EqualFold) // names
}

// filled is a body without its empty values: a new issue has nothing to be
// cleared, and a null or an empty list there is refused or hides the default.
func filled(body map[string]any) map[string]any {
	kept := map[string]any{}
	for id, v := range body {
		if !values.Empty(v) {
			kept[id] = v
		}
	}
	return kept
}

// isWholeNumber reports whether a number has no fraction that counts.
func isWholeNumber(n float64) bool { return n == math.Trunc(n) && math.Abs(n) < 1<<53 }
