package rules

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// IsLocalAddress reports whether HOST:PORT is reachable from this machine
// alone. Names other than localhost count as remote: what they mean is decided
// elsewhere, and later.
func IsLocalAddress(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && isLocalHost(host)
}

func isLocalHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// checkAddress reports an address that is not HOST:PORT.
func (l *daemonBlock) checkAddress(a *hclsyntax.Attribute, address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" || !isHost(host) {
		l.err(a.Expr.Range(), a.Name+" is not a valid address", `Write HOST:PORT, as in "127.0.0.1:8080", or ":8080" for all of the machine's addresses.`)
		return false
	}
	return l.checkPort(a, port)
}

// checkPort reports a port that there is not. A name is one of the machine's services.
func (l *daemonBlock) checkPort(a *hclsyntax.Attribute, port string) bool {
	n, err := strconv.Atoi(port)
	switch {
	case err != nil && (port == "" || strings.ContainsFunc(port, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' })),
		err == nil && (n < 0 || n > 65535):
		l.err(a.Expr.Range(), a.Name+" has no valid port", "A port is a number from 1 to 65535; 0 takes one that is free.")
		return false
	}
	return true
}

// isHost reports whether a text may be a host's name or address. What looks like an
// address of four numbers is one.
func isHost(host string) bool {
	if host == "" || net.ParseIP(strings.SplitN(host, "%", 2)[0]) != nil {
		return true
	}
	numbers := !strings.ContainsFunc(host, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if numbers && strings.Count(host, ".") == 3 {
		return false
	}
	return !strings.ContainsFunc(host, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '.' && r != '-' && r != '_'
	})
}

// checkServers reports addresses of a cluster at which no server can be.
func (l *daemonBlock) checkServers(a *hclsyntax.Attribute, list string) {
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		u, err := url.Parse(one)
		if err != nil || u.Hostname() == "" || !isHost(u.Hostname()) || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
			l.err(a.Expr.Range(), a.Name+" is not the address of a NATS server", `Write it as in "nats://nats-1.example:4222"; several are joined with commas.`)
			return
		}
		if port := u.Port(); port != "" && !l.checkPort(a, port) {
			return
		}
	}
}

// notEmpty reports an attribute that is written and empty, but for what env() tells an
// offline command.
func (l *daemonBlock) notEmpty(a *hclsyntax.Attribute) {
	if a == nil || isNull(a.Expr) {
		return
	}
	if s := l.read.str(a); s.Empty() && !s.Sensitive() {
		l.err(a.Expr.Range(), a.Name+" is empty", "Write its value, or leave it out.")
	}
}

// checkAdmin reports an admin address that anyone could use, or that would
// show the token to the network.
func (l *daemonBlock) checkAdmin(a *hclsyntax.Attribute, d Daemon, withToken bool) {
	if path, isSocket := strings.CutPrefix(d.Admin, "unix://"); isSocket {
		if path == "" {
			l.err(a.Expr.Range(), "admin names no socket", `Write its path: admin = "unix:///run/lockstep/admin.sock".`)
		}
		return
	}
	if !l.checkAddress(a, d.Admin) {
		return
	}
	if !withToken {
		l.err(a.SrcRange, "an admin address that the network reaches needs admin_token",
			`Write admin_token = env("LOCKSTEP_ADMIN_TOKEN"), or use a socket: admin = "unix:///run/lockstep/admin.sock".`)
	}
	if d.TLS == nil && !IsLocalAddress(d.Admin) {
		l.err(a.SrcRange, "an admin address that is neither a socket nor loopback needs tls",
			`Add tls { cert = "FILE", key = "FILE" } to the daemon block, or use a socket, or a loopback address: admin = "127.0.0.1:8081".`)
	}
}
