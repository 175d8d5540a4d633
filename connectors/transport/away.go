package transport

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Content may be said to be anywhere, and whoever writes that into a system
// shall not have lockstep's machine look around in the network that it stands
// in: an address that a vendor's answer names is only asked where it is public,
// or the configured system's own. It is looked at when the connection is made,
// so that a name which is resolved each time changes nothing.

// errNotPublic is an address that is not asked.
var errNotPublic = errors.New("its address is not public, and not the configured system's own")

// reserved are the ranges that are no one's on the internet, beside those that
// netip knows.
func reserved() []netip.Prefix {
	var all []netip.Prefix
	for _, s := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"168.63.129.16/32",                                     // Azure's host, which every machine there reaches
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", // these carry or stand for other addresses
	} {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

// public reports whether an address is one of the internet. Of IPv6 that is
// what is assigned to be; what carries an IPv4 address is not.
func public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Is6() && !netip.MustParsePrefix("2000::/3").Contains(ip) {
		return false
	}
	for _, prefix := range reserved() {
		if prefix.Contains(ip) {
			return false
		}
	}
	return true
}

// An away fetches what stands at an address that an answer named.
type away struct {
	base   *url.URL // of the configured system
	own    http.RoundTripper
	direct http.RoundTripper // makes no connection to what is neither public nor the system's
}

// newAway uses own for the system's own address and where a proxy makes the
// connections, and a transport of its own elsewhere. What is given from outside
// serves all.
func newAway(base string, own http.RoundTripper, given bool) *away {
	a := &away{own: own, direct: own}
	a.base, _ = url.Parse(base) // nil: nothing is the system's own
	if given {
		return a
	}
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second, ControlContext: a.control}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy, t.DialContext = nil, dialer.DialContext
	a.direct = t
	return a
}

// RoundTrip implements http.RoundTripper.
func (a *away) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.isSystem(r.URL) {
		return a.own.RoundTrip(r)
	}
	if ip, err := netip.ParseAddr(r.URL.Hostname()); err == nil && !a.may(r.Context(), netip.AddrPortFrom(ip, portOf(r.URL))) {
		return nil, errNotPublic
	}
	// A proxy looks names up itself, and decides where they may lead.
	if proxy, err := http.ProxyFromEnvironment(r); err == nil && proxy != nil {
		return a.own.RoundTrip(r)
	}
	return a.direct.RoundTrip(r)
}

// CloseIdleConnections closes what is not in use.
func (a *away) CloseIdleConnections() {
	for _, t := range []http.RoundTripper{a.own, a.direct} {
		if c, ok := t.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	}
}

// isSystem reports whether an address is within the configured system's.
func (a *away) isSystem(u *url.URL) bool {
	return a.base != nil && u.Scheme == a.base.Scheme && strings.EqualFold(u.Hostname(), a.base.Hostname()) && portOf(u) == portOf(a.base)
}

// control looks at an address once its name is resolved, before a connection
// is made.
func (a *away) control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !a.may(ctx, to) {
		return errNotPublic
	}
	return nil
}

// may reports whether an address may be asked: it is public, or where the
// configured system itself listens.
func (a *away) may(ctx context.Context, to netip.AddrPort) bool {
	if public(to.Addr()) {
		return true
	}
	if a.base == nil || to.Port() != portOf(a.base) {
		return false
	}
	own, err := net.DefaultResolver.LookupNetIP(ctx, "ip", a.base.Hostname())
	if err != nil {
		return false
	}
	for _, ip := range own {
		if ip.Unmap() == to.Addr().Unmap() {
			return true
		}
	}
	return false
}

func portOf(u *url.URL) uint16 {
	if port, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return uint16(port)
	}
	if u.Scheme == "http" {
		return 80
	}
	return 443
}
