package jetstream

import (
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/lockstep-sync/lockstep/connectors"
)

func TestToken(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "="},
		{"01FDAG4SAP5TYPT98WGR2N7W91", "01FDAG4SAP5TYPT98WGR2N7W91"},
		{"follow_up-2", "follow_up-2"},
		{"a.b", "a=2Eb"},
		{"*", "=2A"},
		{">", "=3E"},
		{"=", "=3D"},
		{"=2E", "=3D2E"},
		{"a b/c", "a=20b=2Fc"},
		{"é", "=C3=A9"},
		{"\x00\xff", "=00=FF"},
		{strings.Repeat("x", 160), strings.Repeat("x", 160)},
		{strings.Repeat("x", 161), "=-fdb7f3c40645e79ca4c5d1638753243ccb283f5dd126ceb21de5fa7d40953c65"},
		{strings.Repeat(".", 53), strings.Repeat("=2E", 53)},
	} {
		got := token(c.text)
		if got != c.want {
			t.Errorf("token(%q) = %q, want %q", c.text, got, c.want)
		}
		text, ok := untoken(got)
		if told := !strings.HasPrefix(got, "=-"); ok != told || ok && text != c.text {
			t.Errorf("untoken(%q) = %q, %t", got, text, ok)
		}
	}
}

func TestUntokenRefuses(t *testing.T) {
	for _, tok := range []string{"", "a.b", "a=", "a=2", "=2e", "=ZZ", "=41", "=-", "==", "é", strings.Repeat("x", 161)} {
		if text, ok := untoken(tok); ok {
			t.Errorf("untoken(%q) = %q", tok, text)
		}
	}
}

var oneToken = regexp.MustCompile(`^[-_=A-Za-z0-9]+$`)

func FuzzToken(f *testing.F) {
	for _, s := range []string{"", "a", "a.b", "=2E", "=-", "\xff", "😀 *>", strings.Repeat("x", 161), strings.Repeat("é", 40)} {
		f.Add(s, s+"x")
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		tok := token(one)
		if !oneToken.MatchString(tok) || len(tok) > maxToken {
			t.Fatalf("token(%q) = %q", one, tok)
		}
		if text, ok := untoken(tok); ok && text != one {
			t.Fatalf("token(%q) is read back as %q", one, text)
		} else if !ok && len(one) <= maxToken/3 {
			t.Fatalf("token(%q) cannot be read back", one)
		}
		if one != other && tok == token(other) {
			t.Fatalf("%q and %q are both %q", one, other, tok)
		}
		key, value, err := unpack(tok, pack(one, []byte(other)))
		if err != nil || key != one || string(value) != other {
			t.Fatalf("unpack: %q, %q, %v", key, value, err)
		}
	})
}

func FuzzUntoken(f *testing.F) {
	f.Add("=2E", []byte("value"))
	f.Add("=-fdb7f3c40645e79ca4c5d1638753243ccb283f5dd126ceb21de5fa7d40953c65", []byte("\xa1\x01x"))
	f.Add("=-00", []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, tok string, data []byte) {
		if text, ok := untoken(tok); ok && token(text) != tok {
			t.Fatalf("%q is read as %q, whose token is %q", tok, text, token(text))
		}
		if key, _, err := unpack(tok, data); err == nil && token(key) != tok {
			t.Fatalf("the key under %q is read as %q", tok, key)
		}
	})
}

func FuzzSubjects(f *testing.F) {
	f.Add("incidentio", "acme", "incident", "01FDAG4SAP5TYPT98WGR2N7W91")
	f.Add("", ".", "*", ">")
	f.Add(strings.Repeat("é", 200), strings.Repeat(".", 200), strings.Repeat("x", 10_000), strings.Repeat(">", 10_000))
	f.Fuzz(func(t *testing.T, system, name, record, id string) {
		topology, err := newTopology("", 0)
		if err != nil {
			t.Fatal(err)
		}
		ref := connectors.Collection{Type: system, Connector: name, Record: record}.Ref(id)
		for _, subject := range []string{topology.hint(ref), topology.journal(ref), topology.retry(id)} {
			if !server.IsValidPublishSubject(subject) || len(subject) > 1024 {
				t.Errorf("%q is not a subject", subject)
			}
		}
		if strings.Count(topology.hint(ref), ".") != 5 {
			t.Errorf("%q has not six tokens", topology.hint(ref))
		}
	})
}
