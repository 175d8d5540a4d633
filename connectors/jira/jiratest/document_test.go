package jiratest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
)

func TestValidDocumentRefuses(t *testing.T) {
	doc := func(content string) string { return `{"type":"doc","version":1,"content":[` + content + `]}` }
	for _, test := range []struct{ body, want string }{
		{`"text"`, "no object"},
		{`{"type":"paragraph"}`, "not doc"},
		{`{"type":"doc","content":[]}`, "version"},
		{`{"type":"doc","version":1}`, "content is missing"},
		{doc(`{"type":"text","text":"a"}`), `a "text" has no place`},
		{doc(`{"type":"listItem"}`), `a "listItem" has no place`},
		{doc(`{"type":"heading","content":[]}`), `"level" is missing`},
		{doc(`{"type":"heading","attrs":{"level":7}}`), "does not take this value"},
		{doc(`{"type":"paragraph","content":[{"type":"text","text":""}]}`), "text is empty"},
		{doc(`{"type":"paragraph","content":[{"type":"paragraph"}]}`), "has no place"},
		{doc(`{"type":"paragraph","colour":"red"}`), `no member "colour"`},
		{doc(`{"type":"paragraph","attrs":{"colour":"red"}}`), `no attribute "colour"`},
		{doc(`{"type":"bulletList","content":[]}`), "fewer than 1"},
		{doc(`{"type":"bulletList","content":[{"type":"paragraph"}]}`), "has no place"},
		{doc(`{"type":"bulletList","content":[{"type":"listItem","content":[{"type":"heading","attrs":{"level":1}}]}]}`), "has no place"},
		{doc(`{"type":"bulletList","content":[{"type":"listItem","content":[{"type":"bulletList","content":[]}]}]}`), "has no place"},
		{doc(`{"type":"blockquote","content":[{"type":"rule"}]}`), "has no place"},
		{doc(`{"type":"rule","content":[]}`), "holds no content"},
		{doc(`{"type":"codeBlock","content":[{"type":"text","text":"a","marks":[{"type":"strong"}]}]}`), "no place"},
		{doc(`{"type":"paragraph","content":[{"type":"text","text":"a","marks":[{"type":"bold"}]}]}`), "no place"},
		{doc(`{"type":"paragraph","content":[{"type":"text","text":"a","marks":[{"type":"code"},{"type":"em"}]}]}`), "cannot be em"},
		{doc(`{"type":"paragraph","content":[{"type":"text","text":"a","marks":[{"type":"em"},{"type":"em"}]}]}`), "twice"},
		{doc(`{"type":"paragraph","content":[{"type":"text","text":"a","marks":[{"type":"link"}]}]}`), `needs "href"`},
		{doc(`{"type":"paragraph","content":[{"type":"mention"}]}`), `"id" is missing`},
		{doc(`{"type":"table","content":[{"type":"tableRow","content":[{"type":"tableCell","content":[]}]}]}`), "fewer than 1"},
		{doc(`{"type":"hologram"}`), "has no place"},
	} {
		var value any
		if err := json.Unmarshal([]byte(test.body), &value); err != nil {
			t.Fatal(err)
		}
		if err := jiratest.ValidDocument(value); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.body, err, test.want)
		}
	}
}
