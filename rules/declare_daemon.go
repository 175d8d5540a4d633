package rules

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A daemonBlock reads the daemon block.
type daemonBlock struct {
	*findings
	read   *decoder
	files  map[string]*sourceFile
	hidden []hcl.Range // no message shows these
}

// decodeDaemon reads the daemon block, of which there is at most one.
func (l *daemonBlock) decodeDaemon(all []*hclsyntax.Block) Daemon {
	var d Daemon
	for _, b := range all[min(1, len(all)):] {
		l.duplicate(b.TypeRange, all[0].DefRange(), "daemon block", "Put both into one block.")
	}
	if len(all) == 0 {
		return d
	}
	b := all[0]
	in := l.read.content(b.Body, b.DefRange(), "daemon block",
		[]string{"listen", "admin", "admin_token", "data_dir"}, []string{"nats", "encryption", "tls"})
	l.read.onlyOnce(in, "nats", "encryption", "tls")
	d.Listen = l.read.str(in.attr("listen")).Reveal()
	d.Admin = l.read.str(in.attr("admin")).Reveal()
	d.AdminToken = connectors.Secret(l.read.str(in.attr("admin_token")).Reveal())
	d.DataDir = l.read.str(in.attr("data_dir")).Reveal()
	for _, name := range []string{"listen", "admin", "admin_token", "data_dir"} {
		l.notEmpty(in.attr(name))
	}
	if a := in.attr("listen"); a != nil && d.Listen != "" {
		l.checkAddress(a, d.Listen)
	}
	if tls := in.block("tls"); tls != nil {
		d.TLS = l.decodeTLS(tls)
	}
	if a := in.attr("admin"); a != nil && d.Admin != "" {
		l.checkAdmin(a, d, in.attr("admin_token") != nil)
	}
	if nats := in.block("nats"); nats != nil {
		d.NATS = l.decodeNATS(nats)
	}
	if encryption := in.block("encryption"); encryption != nil {
		ein := l.read.content(encryption.Body, encryption.DefRange(), "encryption block", []string{"key"}, nil, "key")
		d.EncryptionKey = connectors.Secret(l.read.str(ein.attr("key")).Reveal())
		if d.NATS != nil {
			l.err(encryption.DefRange(), "encryption is for the embedded server's files",
				"With nats { url } the cluster keeps the files. Encrypt them there, and leave this block out.")
		}
	}
	return d
}

// decodeTLS reads the tls block. Its files are the daemon's to read.
func (l *daemonBlock) decodeTLS(b *hclsyntax.Block) *TLS {
	in := l.read.content(b.Body, b.DefRange(), "tls block", []string{"cert", "key"}, nil, "cert", "key")
	return &TLS{Cert: l.file(in.attr("cert")), Key: l.file(in.attr("key"))}
}

func (l *daemonBlock) decodeNATS(b *hclsyntax.Block) *NATS {
	in := l.read.content(b.Body, b.DefRange(), "nats block",
		[]string{"url", "creds", "ca", "cert", "key", "replicas", "prefix"}, nil, "url")
	n := &NATS{
		URL:    l.read.str(in.attr("url")).Reveal(),
		Creds:  l.read.str(in.attr("creds")).Reveal(),
		CA:     l.read.str(in.attr("ca")).Reveal(),
		Cert:   l.read.str(in.attr("cert")).Reveal(),
		Key:    l.read.str(in.attr("key")).Reveal(),
		Prefix: l.read.str(in.attr("prefix")).Reveal(),
	}
	l.notEmpty(in.attr("url"))
	if a := in.attr("url"); a != nil && n.URL != "" {
		l.checkServers(a, n.URL)
	}
	if (in.attr("cert") == nil) != (in.attr("key") == nil) {
		l.err(b.DefRange(), "cert and key go together", "A client certificate needs both: cert is its file and key its private key's.")
	}
	// JetStream keeps at most five copies of a stream.
	const mostReplicas = 5
	if replicas, ok := l.read.integer(in.attr("replicas"), mostReplicas, "A cluster of three servers takes 3."); ok {
		n.Replicas = replicas
	}
	if a := in.attr("prefix"); a != nil && strings.ContainsAny(n.Prefix, ".*> \t\r\n/\\") {
		l.err(a.Expr.Range(), "the prefix cannot be part of a stream's name", "Use letters, digits, _ and -.")
	}
	return n
}

// file returns the path that an attribute names.
func (l *daemonBlock) file(a *hclsyntax.Attribute) File {
	if a == nil {
		return File{}
	}
	var here findings
	here.err(a.Expr.Range(), "", "")
	return File{Path: l.read.str(a).Reveal(), at: here.diagnostics(l.files, l.hidden)[0]}
}
