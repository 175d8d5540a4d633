package links

import (
	"encoding/json"
	"testing"
)

// TestACloneIsApart: what is changed in a copy does not show in the link that
// was read, which the changes are compared with.
func TestACloneIsApart(t *testing.T) {
	link := &Link{
		Fields:  map[string]Agreement{"out:f": {From: "a"}},
		Refused: []Refusal{{What: "out:f", Pair: "p"}, {What: "out:g"}},
		Items:   map[string]*Items{"in": {}},
	}
	before, err := json.Marshal(link)
	if err != nil {
		t.Fatal(err)
	}
	c := link.Clone()
	c.Fields["out:f"] = Agreement{From: "b"}
	c.Fields["out:h"] = Agreement{}
	c.Refused[0].Pair = "q"
	c.Items["out"] = &Items{}
	delete(c.Items, "in")
	if !c.ClearRefusal("out:g") || c.ClearRefusal("out:g") {
		t.Error("a refusal is cleared once")
	}
	after, err := json.Marshal(link)
	if err != nil {
		t.Fatal(err)
	}
	if string(after) != string(before) {
		t.Errorf("was %s, is %s", before, after)
	}
	if (&Link{}).Clone().Fields == nil {
		t.Error("agreements cannot be added to a copy")
	}
}
