package daemon

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/engine/breaker"
)

// TestRefusedWebhooksAreTold: a secret that was replaced at the sender shows in the
// status, and what anybody can send beside good ones does not.
func TestRefusedWebhooksAreTold(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, test := range map[string]struct {
		webhooks string // "+" accepted, "-" a bad signature, "x" a bad body, "h" an hour passes
		ok       bool
		setting  string
	}{
		"none":                        {"", true, ""},
		"a few":                       {"---------", true, ""},
		"all":                         {"------------------------------", false, "SECRET"},
		"all, for what is in them":    {"xxxxxxxxxx", false, ""},
		"among good ones":             {"+----------", true, ""},
		"all since a good one":        {"+" + strings.Repeat("-", 30), false, "SECRET"},
		"since an hour ago":           {"+h----------", false, "SECRET"},
		"until the secret was put in": {"------------------------------+", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var h webhookHealth
			at := now
			for _, one := range test.webhooks {
				switch one {
				case '+':
					h.accepted("acme", at)
				case '-':
					h.refuse("acme", "signature", at)
				case 'x':
					h.refuse("acme", "body", at)
				case 'h':
					at = at.Add(time.Hour)
				}
			}
			s := breaker.ConnectorStatus{Name: "acme", OK: true}
			h.addTo(&s, "SECRET")
			if s.OK != test.ok || s.Setting != test.setting || s.Refused || (len(s.Calls) == 0) != test.ok {
				t.Errorf("%+v", s)
			}
			if other := (breaker.ConnectorStatus{Name: "itsm", OK: true}); other.OK {
				h.addTo(&other, "")
				if !other.OK {
					t.Errorf("another connector's: %+v", other)
				}
			}
		})
	}
}
