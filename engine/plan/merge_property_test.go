package plan

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// trimmedSame is a system that does not tell a text from its trimmed form.
func trimmedSame(m Mapping, have any) bool {
	trim := func(v any) any {
		if s, ok := v.(string); ok {
			return strings.TrimSpace(s)
		}
		return v
	}
	return trim(m.Send) == trim(have)
}

// pipe is one outbound field kept in step by the merge: a source that people
// edit, a ticket that people edit, and a system that stores text in its own
// form.
type pipe struct {
	source, ticket any
	agreed         map[string]links.Agreement
	expr           string
	conflict       rules.Conflict
	store          func(any) any
}

func (p *pipe) reconcile() (sent int) {
	out := Merge(Input{
		Mappings: []Mapping{{Name: "out:f", Field: "f", Expr: p.expr, Want: p.source, Send: p.source, Ready: true}},
		Agreed:   p.agreed,
		Refused:  func(string, string) bool { return false },
		Have:     func(Mapping) any { return p.ticket },
		Conflict: p.conflict,
		Same:     trimmedSame,
		Digest:   testDigest,
	})
	p.agreed = out.Agreed
	for _, w := range out.Writes {
		p.ticket = p.store(w.Value)
		p.agreed["out:f"] = links.Agreement{From: testDigest.Of(w.Mapping.Want), Have: testDigest.Of(p.ticket), Expr: p.expr}
		sent++
	}
	return sent
}

// TestMergeProperties: whatever people do, twice is once, an echo ends at
// once, a later edit of the source arrives, and what a person typed into the
// ticket stays until the source changes.
func TestMergeProperties(t *testing.T) {
	values := rapid.SampledFrom([]any{nil, "", "a", "a ", "b", "c\n", "d"})
	forms := []func(any) any{
		func(v any) any { return v },
		func(v any) any {
			if s, ok := v.(string); ok {
				if s = strings.TrimSpace(s); s != "" {
					return s
				}
				return nil
			}
			return v
		},
		func(v any) any {
			if s, ok := v.(string); ok && s != "" {
				return "<p>" + s + "</p>"
			}
			return v
		},
	}
	rapid.Check(t, func(t *rapid.T) {
		p := &pipe{
			agreed: map[string]links.Agreement{}, expr: "e1",
			conflict: rapid.SampledFrom([]rules.Conflict{rules.SourceWins, rules.TargetWins, rules.LatestWins}).Draw(t, "conflict"),
			store:    rapid.SampledFrom(forms).Draw(t, "form"),
		}
		p.source = values.Draw(t, "source")
		if p.source != nil {
			p.ticket = p.store(p.source) // as created
			p.agreed["out:f"] = links.Agreement{From: testDigest.Of(p.source), Have: testDigest.Of(p.ticket), Expr: p.expr}
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			typed := false
			switch rapid.IntRange(0, 3).Draw(t, "who") {
			case 0:
				p.source = values.Draw(t, "new source")
			case 1:
				p.ticket, typed = values.Draw(t, "typed"), true
			case 2: // a reload
				p.expr = rapid.SampledFrom([]string{"e1", "e2", "e3"}).Draw(t, "expr")
			case 3: // a hint for nothing
			}
			quiet := p.ticket
			before, from := p.ticket, p.agreed["out:f"].From
			p.reconcile()
			if typed && from == testDigest.Of(p.source) && p.ticket != before {
				t.Fatalf("a person typed %q and it became %q although the source did not change", before, p.ticket)
			}
			if p.source == nil && p.ticket != quiet {
				t.Fatalf("null wrote %q over %q", p.ticket, quiet)
			}
			if n := p.reconcile(); n != 0 {
				t.Fatalf("the second reconcile wrote %d times; the ticket holds %q", n, p.ticket)
			}
		}
		// A last edit of the source, to something new, with nobody at the ticket.
		p.source = "the last word"
		p.reconcile()
		if want := p.store("the last word"); p.conflict != rules.TargetWins && p.ticket != want {
			t.Fatalf("the source said %q, the ticket holds %q", p.source, p.ticket)
		}
	})
}
