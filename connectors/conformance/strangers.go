package conformance

import (
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// strangers: what is answered to nobody, or by a page to log in, is a failure of
// every call. Nothing is gone, no list is empty, nothing was written, and no
// refusal of a record stands in a dead letter.
func (s System) strangers(t *testing.T) {
	for name, kind := range map[string]simulator.FaultKind{
		"credentials not taken": simulator.Anonymous, "a log-in page": simulator.LoginPage, "a redirect to log in": simulator.LoginRedirect, "a gateway's JSON": simulator.OtherJSON,
	} {
		all := calls()
		all["probe"] = call{ask: func(b *bench, _ connectors.Record, _ map[string]any) error {
			prober, ok := b.Connector.(connectors.Prober)
			if !ok {
				b.Skip("it cannot be probed")
			}
			_, err := prober.Probe(b.Context())
			return err
		}}
		for what, call := range all {
			t.Run(name+"/"+what, func(t *testing.T) {
				s.on(t, func(b *bench) {
					fields, record := b.prepared()
					b.Endpoint.Inject(simulator.Fault{Kind: kind})
					err := call.ask(b, record, fields)
					if kind != simulator.Anonymous && kind != simulator.OtherJSON && !strings.Contains(err.Error(), "log-in page") {
						b.Errorf("it is not said to be a log-in page: %v", err)
					}
					switch class := b.class(err); class {
					case connectors.ClassUnauthorised, connectors.ClassUnclear, connectors.ClassRetry:
						if kind == simulator.Anonymous && class != connectors.ClassUnauthorised {
							b.Errorf("class %s: %v", class, err)
						}
					default:
						b.Errorf("class %s: %v", class, err)
					}
				})
			})
		}
	}
}
