package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
)

func TestPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8": true, "93.184.216.34": true, "2606:4700::1111": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "127.8.8.8": false, "::1": false, "::": false, "0.0.0.0": false, "0.1.2.3": false,
		"10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "fd00:ec2::254": false,
		"169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "168.63.129.16": false,
		"100.100.100.200": false, "192.0.0.192": false, "198.18.0.1": false, "224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false, "ff02::1": false,
		"::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b:1::1": false,
		"2002:7f00:1::": false, "2001:0:7f00:1::": false, "2001:db8::1": false, "203.0.113.9": false, "100::1": false,
	} {
		if got := public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is public: %t", address, got)
		}
	}
}

// TestWhatIsTheSystemsOwn: scheme, host and port make an address, whatever is
// left out of it or written otherwise.
func TestWhatIsTheSystemsOwn(t *testing.T) {
	for address, want := range map[string]bool{
		"https://acme.example/x": true, "https://ACME.example:443/y?z": true, "https://user@acme.example/": true,
		"http://acme.example/x": false, "http://acme.example:443/x": false, "https://acme.example:8443/x": false,
		"https://acme.example.evil.example/x": false, "https://evil.example/acme.example": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := newAway("https://acme.example", http.DefaultTransport, true).isSystem(u); got != want {
			t.Errorf("%s is the system's own: %t", address, got)
		}
		if newAway("://", http.DefaultTransport, true).isSystem(u) {
			t.Errorf("%s is the system's own where the system has no address", address)
		}
	}
}

// TestFollowStaysOutside: content is not fetched from an address that is neither
// public nor the configured system's own, however it is written and wherever on
// the way it comes up.
func TestFollowStaysOutside(t *testing.T) {
	var reached atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Add(1)
		_, _ = io.WriteString(w, "a secret of this network")
	}))
	defer inside.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(inside.URL, "http://"))
	check(t, err)

	var location atomic.Value
	system := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/file":
			if r.Header.Get("Authorization") != "" {
				t.Error("credentials were sent along")
			}
			_, _ = io.WriteString(w, "content")
		case "/again":
			http.Redirect(w, r, inside.URL, http.StatusFound)
		default:
			w.Header().Set("Location", location.Load().(string))
			w.WriteHeader(http.StatusSeeOther)
		}
	}))
	defer system.Close()
	_, systemPort, err := net.SplitHostPort(strings.TrimPrefix(system.URL, "http://"))
	check(t, err)

	c := New(Options{Connector: "eng", BaseURL: system.URL, Authorize: func(_ context.Context, r *http.Request) error {
		r.SetBasicAuth("u", "p")
		return nil
	}})
	for name, test := range map[string]struct {
		to string
		ok bool
	}{
		"an address":                       {inside.URL, false},
		"a name that resolves to it":       {"http://localhost:" + port, false},
		"an IPv4 address within IPv6":      {"http://[::ffff:127.0.0.1]:" + port, false},
		"a number":                         {"http://2130706433:" + port, false},
		"none":                             {"http://0.0.0.0:" + port, false},
		"a machine's metadata":             {"http://169.254.169.254/latest/meta-data/", false},
		"over a redirect on the way":       {system.URL + "/again", false},
		"the system's own":                 {system.URL + "/file", true},
		"the system's own, relative":       {"/file", true},
		"the system's own by another name": {"http://localhost:" + systemPort + "/file", true},
		"with credentials in the address":  {"http://a:b@127.0.0.1:" + systemPort + "/file", true},
	} {
		t.Run(name, func(t *testing.T) {
			location.Store(test.to)
			content, _, err := c.Open(t.Context(), Request{Op: "file", Method: http.MethodGet, Path: "/content", Follow: true})
			if err == nil {
				text, _ := io.ReadAll(content)
				content.Close()
				if !test.ok || string(text) != "content" {
					t.Errorf("fetched %q", text)
				}
				return
			}
			if e := failure(t, err); test.ok || e.Class != connectors.ClassRejected && name != "a number" {
				t.Errorf("%s: %v", e.Class, e)
			}
		})
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("what stands in this network was asked %d times", n)
	}
}

// TestARebindingName: what a name resolved to before says nothing; the address
// that is dialled is looked at.
func TestARebindingName(t *testing.T) {
	base, err := url.Parse("https://jira.example")
	check(t, err)
	a := newAway(base.String(), http.DefaultTransport, false)
	for address, want := range map[string]bool{"127.0.0.1:443": false, "[fe80::1%lo]:443": false, "10.1.2.3:443": false, "93.184.216.34:443": true, "not an address": false} {
		if err := a.control(t.Context(), "tcp", address, nil); (err == nil) != want || err != nil && !errors.Is(err, errNotPublic) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
