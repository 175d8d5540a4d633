package guarded_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/rules/guarded"
)

func TestNothingPrintsASecret(t *testing.T) {
	s := guarded.New("hush", true)
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x", "%d", "%T%v"} {
		for _, v := range []any{s, &s, []any{s}, struct{ S guarded.String }{s}, struct{ s guarded.String }{s}, []struct{ s *guarded.String }{{&s}}, map[string]guarded.String{"a": s}} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, "hush") || strings.Contains(got, fmt.Sprintf("%x", "hush")) {
				t.Errorf("%s prints %s", verb, got)
			}
		}
	}
	if got, err := json.Marshal(s); err != nil || string(got) != `"(sensitive)"` {
		t.Errorf("%s, %v", got, err)
	}
	if s.Quote() != "(sensitive)" || s.String() != "(sensitive)" || s.Reveal() != "hush" {
		t.Error("it shows the secret, or not even Reveal does")
	}
	if open := guarded.New("open", false); fmt.Sprintf("%q %s", open, open) != `"open" open` || open.Quote() != `"open"` {
		t.Errorf("%q", open)
	}
}
