package embed

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

func TestDial(t *testing.T) {
	s := listen(t, &server.Options{Username: "bot", Password: "secret"})
	address := s.Addr().String()
	nc, err := Dial(t.Context(), DialOptions{URL: "nats://127.0.0.1:1, nats://bot:secret@" + address})
	check(t, err)
	defer nc.Close()
	check(t, nc.Flush())
	if nc.Opts.MaxReconnect != -1 {
		t.Errorf("reconnects %d times", nc.Opts.MaxReconnect)
	}
	for _, c := range []struct {
		name, url, want string
	}{
		{"refused", "nats://bot:secret@127.0.0.1:1", "nats: nats://127.0.0.1:1: nats: no servers available for connection"},
		{"password", "nats://bot:secret2@" + address, "nats: nats://" + address + ": nats: Authorization Violation"},
		{"no scheme", "secret@127.0.0.1:1", "nats: nats://127.0.0.1:1: nats: no servers available for connection"},
		{"not an address", "nats://bot:secret@127.0.0.1:port", "nats: nats://127.0.0.1:port: not a valid address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Dial(t.Context(), DialOptions{URL: c.url})
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestDialFiles(t *testing.T) {
	s := listen(t, &server.Options{})
	for _, c := range []struct {
		name string
		opts DialOptions
		want string
	}{
		{"creds", DialOptions{Creds: "missing.creds"}, "missing.creds"},
		{"ca", DialOptions{CA: "missing.pem"}, "missing.pem"},
		{"cert", DialOptions{Cert: "missing.pem", Key: "missing.key"}, "missing.pem"},
		{"cert alone", DialOptions{Cert: "missing.pem"}, "cert and key go together"},
		{"key alone", DialOptions{Key: "missing.pem"}, "cert and key go together"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opts.URL = s.ClientURL()
			_, err := Dial(t.Context(), c.opts)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestDialTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := selfSigned(t, dir)
	pair, err := tls.LoadX509KeyPair(cert, key)
	check(t, err)
	pool := x509.NewCertPool()
	text, err := os.ReadFile(cert)
	check(t, err)
	pool.AppendCertsFromPEM(text)
	s := listen(t, &server.Options{TLS: true, TLSVerify: true, TLSTimeout: 5, TLSConfig: &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12,
	}})
	url := "tls://" + s.Addr().String()
	nc, err := Dial(t.Context(), DialOptions{URL: url, CA: cert, Cert: cert, Key: key})
	check(t, err)
	nc.Close()
	if _, err := Dial(t.Context(), DialOptions{URL: url, Cert: cert, Key: key}); err == nil {
		t.Error("a server that nobody vouches for is trusted")
	}
	if _, err := Dial(t.Context(), DialOptions{URL: url, CA: cert}); err == nil {
		t.Error("no certificate was asked for")
	}
}

func TestDialStops(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	check(t, err)
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = Dial(ctx, DialOptions{URL: "nats://" + silent.Addr().String()})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func listen(t *testing.T, opts *server.Options) *server.Server {
	t.Helper()
	opts.Host, opts.Port, opts.NoSigs, opts.NoLog = "127.0.0.1", -1, true, true
	s, err := server.NewServer(opts)
	check(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s
}

func selfSigned(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	check(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	check(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	check(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	check(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), 0o600))
	return cert, key
}
