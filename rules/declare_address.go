package rules

import (
	"net"
	"net/netip"
	"strings"

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
	if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
		l.err(a.Expr.Range(), a.Name+" is not a valid address", `Write HOST:PORT, as in "127.0.0.1:8080", or ":8080" for all of the machine's addresses.`)
		return false
	}
	return true
}

// checkAdmin reports an admin address that anyone could use, or that would
// show the token to the network.
func (l *daemonBlock) checkAdmin(a *hclsyntax.Attribute, d Daemon, withToken bool) {
	if strings.HasPrefix(d.Admin, "unix://") || !l.checkAddress(a, d.Admin) {
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
