package conformance

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
)

// names: what people call a record finds it and nothing else, as Read gives it; what
// is no name of the system's is not asked for.
func (s System) names(t *testing.T) {
	s.on(t, func(b *bench) {
		finder, ok := b.Connector.(connectors.NameFinder)
		if !ok || b.Unnumbered {
			b.Skip("its records have no names")
		}
		find := func(name string, in ...connectors.Collection) []connectors.Record {
			b.Helper()
			found, err := finder.FindByName(b.Context(), name, in)
			if err != nil {
				b.Fatalf("%s: %v", name, err)
			}
			return found
		}
		want, in := b.read(), b.Record.Collection
		for _, name := range []string{want.Ref.ID, want.Number, strings.ToLower(want.Number), want.URL} {
			if diff := cmp.Diff([]connectors.Record{want}, find(name, in)); diff != "" {
				b.Errorf("%s finds (-want +got):\n%s", name, diff)
			}
		}
		other := in
		other.Connector = "another"
		for _, name := range []string{want.Ref.ID, want.Number, want.URL} {
			if found := find(name, other); len(found) > 0 {
				b.Errorf("%s finds what was not asked for: %+v", name, found)
			}
		}
		near := strings.TrimRight(want.Number, "0123456789") + "987654"
		if found := find(near, in); len(found) > 0 {
			b.Errorf("%s finds %+v", near, found)
		}
		b.Endpoint.ResetRequests()
		page := connectors.ParsePage(want.URL)
		page.Host = "elsewhere.example"
		for _, name := range []string{"", "no such thing", "../" + want.Ref.ID, want.Number + "^OR", page.String(), "https://", in.Ref(want.Ref.ID).String()} {
			if found := find(name, in); len(found) > 0 {
				b.Errorf("%q finds %+v", name, found)
			}
		}
		if asked := b.Endpoint.Requests(); len(asked) > 0 {
			b.Errorf("what is no name was asked for: %+v", asked)
		}
	})
}
