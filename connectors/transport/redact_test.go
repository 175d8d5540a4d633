package transport

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lockstep-sync/lockstep/connectors"
)

const secret = `p@ss/wörd+"<&>%2F\x`

func TestSecretsStayOut(t *testing.T) {
	marshalled, err := json.Marshal(secret)
	check(t, err)
	basic := base64.StdEncoding.EncodeToString([]byte("incidentio.sync:" + secret))
	for name, text := range map[string]string{
		"plain":           secret,
		"query":           url.QueryEscape(secret),
		"path":            url.PathEscape(secret),
		"lower case":      strings.ToLower(url.QueryEscape("/+\"")) + url.QueryEscape(secret),
		"JSON":            string(marshalled),
		"JSON, unescaped": `p@ss/wörd+\"<&>%2F\\x`,
		"base64":          base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 of URLs":  base64.URLEncoding.EncodeToString([]byte(secret)),
		"basic":           basic,
		"basic, shifted":  base64.StdEncoding.EncodeToString([]byte("x:" + secret + ":y")),
		"basic, again":    base64.StdEncoding.EncodeToString([]byte("xy:" + secret + "and more")),
		"a longer secret": secret + "-and-the-other-half",
		"at the cut":      strings.Repeat("x", 280) + secret,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSystem(t, answer(400, "before "+text+" after", "X-Request-Id", secret))
				c := s.client(t, func(o *Options) {
					o.Secrets = func() []connectors.Secret { return []connectors.Secret{"", secret, secret + "-and-the-other-half"} }
				})
				e := failed(t, c, write)
				told := e.Error()
				if !strings.Contains(told, "(sensitive)") || !strings.Contains(told, "before") {
					t.Errorf("nothing was hidden, or too much: %s", told)
				}
				for _, leak := range []string{secret, text, "p@ss", "p%40ss", "other-half", basic[24:40], base64.StdEncoding.EncodeToString([]byte(secret))[:12]} {
					if strings.Contains(told, leak) {
						t.Errorf("%q leaks in: %s", leak, told)
					}
				}
			})
		})
	}
}

func TestSecretsOfOthers(t *testing.T) {
	hide := func(o *Options) {
		o.Secrets = func() []connectors.Secret { return []connectors.Secret{"hunter2hunter2"} }
		o.Refusal = func(_ *Answer, e *connectors.Error) {
			e.Message, e.Field, e.Code = "hunter2hunter2 is wrong", "f-hunter2hunter2", "hunter2hunter2"
		}
	}
	synctest.Test(t, func(t *testing.T) {
		c := newSystem(t, answer(200, "not JSON")).client(t, hide)
		var into any
		r := write
		r.Into = &into
		if e := failed(t, c, r); strings.Contains(e.Error()+e.Code, "hunter2") {
			t.Errorf("leaks: %v, %s", e, e.Code)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := newSystem(t, answer(422, "")).client(t, hide)
		if e := failed(t, c, write); strings.Contains(e.Error()+e.Code, "hunter2") {
			t.Errorf("leaks: %v, %s", e, e.Code)
		}
	})
	cause := errors.New("cannot reach hunter2hunter2")
	c := New(Options{
		BaseURL: "http://system.example/?key=hunter2hunter2",
		Secrets: func() []connectors.Secret { return []connectors.Secret{"hunter2hunter2"} },
		Env:     connectors.Env{RoundTripper: roundTrip(func(*http.Request) (*http.Response, error) { return nil, cause })},
	})
	e := failed(t, c, write)
	if strings.Contains(e.Error(), "hunter2") || strings.Contains(e.Unwrap().Error(), "hunter2") {
		t.Errorf("leaks: %v", e)
	}
	if !errors.Is(e, cause) {
		t.Errorf("the cause of %v is lost", e)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func FuzzRedact(f *testing.F) {
	f.Add(secret, "a", "b")
	f.Add("hunter2", "", "hunter2")
	f.Add("aaaaaaaaaa", "aaa", "a")
	f.Add("(sensitive)", "x", "y")
	f.Fuzz(func(t *testing.T, plain, before, after string) {
		if len(plain) < 8 || strings.Contains(hidden, plain) || strings.Contains(plain, "sensitive") {
			return // one this short may stand in any text, the replacement's included
		}
		c := New(Options{Secrets: func() []connectors.Secret { return []connectors.Secret{connectors.Secret(plain)} }})
		for _, text := range []string{plain, url.QueryEscape(plain), base64.StdEncoding.EncodeToString([]byte(plain))} {
			if got := c.redact(before + text + after); strings.Contains(got, plain) && !strings.Contains(before+hidden+after, plain) {
				t.Errorf("%q leaks in %q", plain, got)
			}
		}
	})
}

// TestShortSecrets: a secret that is a part of ordinary words is hidden where it
// stands alone, and the words stay.
func TestShortSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"the password pass is refused, pass": "the password (sensitive) is refused, (sensitive)",
		"user:pass@host":                     "user:(sensitive)@host",
		"passenger bypass päss passé":        "passenger bypass päss passé",
		"pass_word pass-word":                "pass_word (sensitive)-word",
		"":                                   "",
	} {
		c := &Client{opts: Options{Secrets: func() []connectors.Secret { return []connectors.Secret{"pass"} }}}
		if got := c.redact(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
