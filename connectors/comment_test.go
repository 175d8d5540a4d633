package connectors_test

import (
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
)

func TestHeading(t *testing.T) {
	long := strings.Repeat("ä ", 150)
	for _, test := range []struct{ author, origin, want string }{
		{"Ann Lee", "INC-1 work note", "Ann Lee (INC-1 work note)"},
		{" Ann\r\nLee ", "INC-1\twork note", "Ann Lee (INC-1 work note)"},
		{"Ann Lee", "", "Ann Lee"},
		{"", "INC-1 work note", "INC-1 work note"},
		{"", " ", "Comment"},
		{long, "INC-1", strings.Repeat("ä ", 95) + "ä… (INC-1)"},
		{"Ann", long, "Ann (" + strings.Repeat("ä ", 49) + "ä…)"},
		{long, "", strings.Repeat("ä ", 99) + "ä…"},
	} {
		if got := (connectors.NewComment{Author: test.author, Origin: test.origin}).Heading(); got != test.want {
			t.Errorf("%q, %q: got %q, want %q", test.author, test.origin, got, test.want)
		}
	}
}
