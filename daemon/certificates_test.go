package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/daemon/daemontest"

	"github.com/lockstep-sync/lockstep/rules"
)

// A testCA issues certificates for loopback.
type testCA struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string // of its own certificate
	dir  string
	last int64
}

func newTestCA(t *testing.T) *testCA {
	t.Helper()
	ca := &testCA{t: t, dir: t.TempDir(), last: 1}
	ca.key = newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &ca.key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	if ca.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	ca.pem = asPEM("CERTIFICATE", der)
	daemontest.WriteFile(t, ca.path("ca.pem"), ca.pem)
	return ca
}

func (ca *testCA) path(name string) string { return filepath.Join(ca.dir, name) }

// issue returns the next certificate, valid from an hour ago until so long
// from now, and its key.
func (ca *testCA) issue(valid time.Duration) (cert, key string) {
	ca.t.Helper()
	ca.last++
	own := newKey(ca.t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(ca.last), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(valid),
	}, ca.cert, &own.PublicKey, ca.key)
	if err != nil {
		ca.t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		ca.t.Fatal(err)
	}
	return asPEM("CERTIFICATE", der), asPEM("PRIVATE KEY", encoded)
}

// install puts a pair where the daemon looks for it, as a renewal does.
func (ca *testCA) install(cert, key string) {
	ca.t.Helper()
	daemontest.WriteFile(ca.t, ca.path("new"), key)
	daemontest.Rename(ca.t, ca.path("new"), ca.path("tls.key"))
	daemontest.WriteFile(ca.t, ca.path("new"), cert)
	daemontest.Rename(ca.t, ca.path("new"), ca.path("tls.pem"))
}

func (ca *testCA) block() string {
	return fmt.Sprintf("\n  tls {\n    cert = %q\n    key  = %q\n  }\n", ca.path("tls.pem"), ca.path("tls.key"))
}

// client trusts the CA and opens a connection for every request.
func (ca *testCA) client() *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
}

// serial returns that of the certificate a listener shows.
func (ca *testCA) serial(address string) int64 {
	ca.t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	conn, err := tls.Dial("tcp", strings.TrimPrefix(address, "https://"), &tls.Config{RootCAs: pool})
	if err != nil {
		ca.t.Error(err)
		return 0
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func asPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func newTLSRig(t *testing.T, ca *testCA) *rig {
	t.Helper()
	return newRig(t, memoryConfig+"\ndaemon {\n  admin       = \"127.0.0.1:0\"\n  admin_token = \"s3cret-admin\"\n"+ca.block()+"}\n")
}

func TestBothListenersSpeakTLS(t *testing.T) {
	ca := newTestCA(t)
	ca.install(ca.issue(100 * time.Hour))
	r := newTLSRig(t, ca)
	r.start()

	response, err := ca.client().Get("https://" + r.address.Public + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK || string(body) != "ready\n" || response.ProtoMajor != 1 {
		t.Errorf("readyz over %s: %d %s", response.Proto, response.StatusCode, body)
	}
	if plain, err := http.Get("http://" + r.address.Public + "/readyz"); err != nil || plain.StatusCode != http.StatusBadRequest {
		t.Errorf("without TLS: %v, %v", plain, err)
	}
	old := &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, InsecureSkipVerify: true}
	if conn, err := tls.Dial("tcp", r.address.Public, old); err == nil {
		conn.Close()
		t.Error("TLS 1.1 was agreed on")
	}

	if !strings.HasPrefix(r.address.Admin, "https://127.0.0.1:") {
		t.Fatalf("admin at %s", r.address.Admin)
	}
	stranger := admin.NewClient(r.address.Admin, "s3cret-admin")
	var unknown x509.UnknownAuthorityError
	if _, _, err := stranger.Status(t.Context()); !errors.As(err, &unknown) {
		t.Errorf("a CA that nobody named: %v", err)
	}
	bare := strings.TrimPrefix(r.address.Admin, "https://")
	if _, _, err := admin.NewClient(bare, "s3cret-admin").Status(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "expects TLS: write "+r.address.Admin) {
		t.Errorf("a loopback address without https: %v", err)
	}
	r.client = admin.NewClient(r.address.Admin, "s3cret-admin")
	r.client.TrustCA(ca.path("ca.pem"))
	if s := r.status(); !s.Ready || len(s.Config.Diagnostics) != 0 {
		t.Errorf("status %+v", s)
	}
	named := admin.NewClient("https://localhost"+bare[strings.LastIndex(bare, ":"):], "s3cret-admin")
	named.TrustCA(ca.path("ca.pem"))
	if _, _, err := named.Status(t.Context()); err != nil {
		t.Errorf("by its name: %v", err)
	}
}

// A socket stays plain: its file's mode says who may use it.
func TestTLSLeavesASocketPlain(t *testing.T) {
	ca := newTestCA(t)
	ca.install(ca.issue(100 * time.Hour))
	r := newRig(t, memoryConfig+"\ndaemon {"+ca.block()+"}\n")
	r.start()
	if !r.status().Ready {
		t.Error("not ready")
	}
	if ca.serial(r.address.Public) != 2 {
		t.Error("the public address shows another certificate")
	}
}

func TestRenewedCertificates(t *testing.T) {
	ca := newTestCA(t)
	ca.install(ca.issue(100 * time.Hour))
	r := newTLSRig(t, ca)
	r.start()
	r.client = admin.NewClient(r.address.Admin, "s3cret-admin")
	r.client.TrustCA(ca.path("ca.pem"))
	shown := func(when string, want int64) {
		t.Helper()
		for name, address := range map[string]string{"public": r.address.Public, "admin": r.address.Admin} {
			if got := ca.serial(address); got != want {
				t.Errorf("%s: the %s address shows certificate %d, want %d", when, name, got, want)
			}
		}
	}
	said := func(when string, want ...string) {
		t.Helper()
		s := r.status()
		if !s.Config.OK || len(s.Config.Diagnostics) != len(want) {
			t.Errorf("%s: config %+v, want %q", when, s.Config, want)
			return
		}
		for i, d := range s.Config.Diagnostics {
			if d.Severity != "warning" || d.File != r.file || !strings.HasPrefix(d.Summary, want[i]) {
				t.Errorf("%s: %+v, want %q", when, d, want[i])
			}
		}
	}

	shown("at first", 2)
	ca.install(ca.issue(100 * time.Hour))
	shown("renewed", 3)
	said("renewed")

	// The halves of a renewal come one after the other.
	cert, key := ca.issue(100 * time.Hour)
	daemontest.WriteFile(t, ca.path("tls.pem"), cert)
	shown("half renewed", 3)
	said("half renewed", "the private key is not the certificate's")
	shown("still", 3)
	if n := strings.Count(r.log.String(), "certificate not renewed"); n != 1 {
		t.Errorf("logged %d times that it is not renewed", n)
	}
	daemontest.WriteFile(t, ca.path("tls.key"), key)
	shown("renewed as a whole", 4)
	said("renewed as a whole")

	daemontest.WriteFile(t, ca.path("tls.pem"), cert[:len(cert)/2])
	shown("cut off", 4)
	said("cut off", "invalid certificate: ")
	if err := os.Remove(ca.path("tls.key")); err != nil {
		t.Fatal(err)
	}
	daemontest.WriteFile(t, ca.path("tls.pem"), cert)
	shown("gone", 4)
	said("gone", "cannot read the private key: no such file")

	ca.install(ca.issue(5 * time.Minute))
	shown("about to expire", 5)
	said("about to expire", "the certificate expires on ")
	if strings.Contains(r.log.String(), "PRIVATE") || strings.Contains(r.log.String(), key[40:80]) {
		t.Error("the key is in the log")
	}
}

// An expired certificate is served, so that a client can say what is wrong
// with it; the status says it as well.
func TestExpiredCertificate(t *testing.T) {
	ca := newTestCA(t)
	ca.install(ca.issue(-time.Minute))
	c, found := newCertificates(rules.TLS{Cert: rules.File{Path: ca.path("tls.pem")}, Key: rules.File{Path: ca.path("tls.key")}}, quiet)
	if c == nil {
		t.Fatal(found)
	}
	if found := c.warnings(); len(found) != 1 || !strings.HasPrefix(found[0].Summary, "the certificate expired on ") {
		t.Errorf("warnings %v", found)
	}
}

// What keeps the files from being read may pass without a change of them.
func TestCertificatesAreReadAgain(t *testing.T) {
	ca := newTestCA(t)
	ca.install(ca.issue(100 * time.Hour))
	files := rules.TLS{Cert: rules.File{Path: ca.path("tls.pem")}, Key: rules.File{Path: ca.path("tls.key")}}
	c, found := newCertificates(files, quiet)
	if c == nil {
		t.Fatal(found)
	}
	reads, fails := 0, true
	c.read = func(files rules.TLS) (*tls.Certificate, *rules.Diagnostic) {
		if reads++; fails {
			wrong := files.Key.Wrong("too many open files", "")
			return nil, &wrong
		}
		return readPair(files)
	}
	ca.install(ca.issue(100 * time.Hour))
	if found := c.warnings(); len(found) != 1 || found[0].Summary != "too many open files" || reads != 1 {
		t.Errorf("unreadable: %v after %d reads", found, reads)
	}
	fails = false
	if pair := c.current(); pair.Leaf.SerialNumber.Int64() != 3 || reads != 2 {
		t.Errorf("readable again: certificate %d after %d reads", pair.Leaf.SerialNumber, reads)
	}
	if c.current(); c.warnings() != nil || reads != 2 {
		t.Errorf("read %d times without a change", reads)
	}
}

func TestRunRefusesACertificate(t *testing.T) {
	ca := newTestCA(t)
	cert, key := ca.issue(100 * time.Hour)
	_, other := ca.issue(100 * time.Hour)
	broken := strings.Replace(cert, "MII", "AAA", 1)
	if broken == cert {
		t.Fatal("the certificate is not broken")
	}
	tests := []struct {
		name, cert, key string
		line            int // within the tls block
		summary         string
	}{
		{"no certificate", "", key, 2, "cannot read the certificate: no such file or directory"},
		{"no key", cert, "", 3, "cannot read the private key: no such file or directory"},
		{"another's key", cert, other, 3, "the private key is not the certificate's"},
		{"swapped", key, cert, 2, "invalid certificate: there is no CERTIFICATE in it"},
		{"no PEM", "hello", key, 2, "invalid certificate: there is no CERTIFICATE in it"},
		{"a broken certificate", broken, key, 2, "invalid certificate: x509: malformed"},
		{"an invalid key", cert, "hello", 3, "the private key is not the certificate's"},
		{"too large", cert + strings.Repeat("\n", 1<<20), key, 2, "cannot read the certificate: larger than 1 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			os.Remove(ca.path("tls.pem"))
			os.Remove(ca.path("tls.key"))
			if tt.cert != "" {
				daemontest.WriteFile(t, ca.path("tls.pem"), tt.cert)
			}
			if tt.key != "" {
				daemontest.WriteFile(t, ca.path("tls.key"), tt.key)
			}
			refusedAt(t, newTLSRig(t, ca), tt.line, tt.summary)
		})
	}
	t.Run("a pipe", func(t *testing.T) {
		os.Remove(ca.path("tls.pem"))
		if err := syscall.Mkfifo(ca.path("tls.pem"), 0o600); err != nil {
			t.Fatal(err)
		}
		refusedAt(t, newTLSRig(t, ca), 2, "cannot read the certificate: not a regular file")
	})
}

// refusedAt expects that the daemon does not start, with one error on that
// line of its tls block.
func refusedAt(t *testing.T, r *rig, line int, summary string) {
	t.Helper()
	text, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(text), "tls {")
	var bad *ConfigError
	if err := r.run(); !errors.As(err, &bad) || len(bad.Diagnostics) != 1 {
		t.Fatalf("error %v", err)
	}
	d := bad.Diagnostics[0]
	if d.File != r.file || d.Line != strings.Count(before, "\n")+line || d.Column != 12 || !strings.HasPrefix(d.Summary, summary) || d.Width == 0 {
		t.Errorf("diagnostic %+v, want %q on line %d of the block", d, summary, line)
	}
}

// The command line decides last, and a name is what the resolver makes of it.
func TestRunRefusesARemoteAdminAddress(t *testing.T) {
	block := "\ndaemon {\n  admin_token = \"s3cret-admin\"\n}\n"
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "admin.internal:0"} {
		r := newRig(t, memoryConfig+block)
		r.options.Admin = address
		want := "admin " + address + ": an address that is neither a socket nor loopback needs tls"
		if err := r.run(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v", address, err)
		}
	}
	if err := localOnly("tcp4", "192.0.2.1:8081", nil); !errors.Is(err, errRemoteAdmin) {
		t.Errorf("a name that resolves to another machine's address: %v", err)
	}
	r := newRig(t, memoryConfig+block)
	r.options.Admin = "localhost:0"
	r.start()
	r.end()

	ca := newTestCA(t)
	ca.install(ca.issue(100 * time.Hour))
	r = newRig(t, memoryConfig+"\ndaemon {\n  admin_token = \"s3cret-admin\"\n"+ca.block()+"}\n")
	r.options.Admin = "0.0.0.0:0"
	r.start()
	port := r.address.Admin[strings.LastIndex(r.address.Admin, ":"):]
	r.client = admin.NewClient("https://127.0.0.1"+port, "s3cret-admin")
	r.client.TrustCA(ca.path("ca.pem"))
	if !r.status().Ready {
		t.Error("not ready")
	}
}
