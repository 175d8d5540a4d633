package daemon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"reflect"
	"sync"
	"syscall"
	"time"

	"github.com/lockstep-sync/lockstep/daemon/watch"
	"github.com/lockstep-sync/lockstep/rules"
)

// renewEvery is how often the files of certificates are looked at.
const renewEvery = 10 * time.Second

// maxCertificateFile bounds a file of certificates or of a key.
const maxCertificateFile = 1 << 20

// certificates serves the pair of files that the tls block names. It takes
// over what renews them; until the new pair is whole the old one is served.
type certificates struct {
	files rules.TLS
	log   *slog.Logger
	now   func() time.Time
	read  func(rules.TLS) (*tls.Certificate, *rules.Diagnostic)

	glance glance // at the files
	looked string // their fingerprint when they were read last

	mu      sync.Mutex
	pair    *tls.Certificate
	refused rules.Diagnostics // what is wrong with them; nil: pair is theirs
}

// newCertificates reads the pair that the daemon begins with. One that cannot
// be served is a mistake in the configuration.
func newCertificates(files rules.TLS, log *slog.Logger) (*certificates, rules.Diagnostics) {
	c := &certificates{files: files, log: log, now: time.Now, read: readPair}
	if c.refresh(); c.pair == nil {
		return nil, c.refused
	}
	return c, nil
}

// config returns for the servers that show the certificate.
func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current(), nil },
	}
}

// current returns the pair to serve now.
func (c *certificates) current() *tls.Certificate {
	pair, _ := c.state()
	return pair
}

// state reads the files if they have changed. While the file system does not
// answer, what was known before holds.
func (c *certificates) state() (*tls.Certificate, rules.Diagnostics) {
	ctx, cancel := context.WithTimeout(context.Background(), glanceTimeout)
	defer cancel()
	c.glance.ask(ctx, func() bool { c.refresh(); return true })
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pair, c.refused
}

// refresh reads the files if they have changed since they were last read, or
// could not be served then: what was in the way need not have been in them.
// There is one at a time.
func (c *certificates) refresh() {
	// Looked at before they are read: what changes meanwhile is read again.
	now := watch.Stamps(c.files.Cert.Path, c.files.Key.Path)
	if now == c.looked && c.refused == nil {
		return
	}
	c.looked = now
	pair, wrong := c.read(c.files)
	c.mu.Lock()
	defer c.mu.Unlock()
	if wrong != nil {
		if c.pair != nil && !reflect.DeepEqual(c.refused, rules.Diagnostics{*wrong}) {
			c.log.Error("certificate not renewed: the old one is served", "until", c.pair.Leaf.NotAfter.UTC(), "error", wrong.Summary)
		}
		c.refused = rules.Diagnostics{*wrong}
		return
	}
	if c.pair != nil {
		c.log.Info("certificate renewed", "until", pair.Leaf.NotAfter.UTC())
	}
	c.pair, c.refused = pair, nil
}

// warnings returns what an operator should know about the certificate.
func (c *certificates) warnings() rules.Diagnostics {
	pair, refused := c.state()
	leaf := pair.Leaf
	var all rules.Diagnostics
	for _, wrong := range refused {
		wrong.Severity = rules.SeverityWarning
		wrong.Detail += fmt.Sprintf(" The old certificate, valid until %s, is served.", leaf.NotAfter.UTC().Format(time.DateTime))
		all = append(all, wrong)
	}
	// A renewal comes well before the last tenth, whatever the lifetime.
	const renew = "Renew it: the new files are picked up without a restart."
	switch left := leaf.NotAfter.Sub(c.now()); {
	case left < 0:
		all = append(all, c.files.Cert.Doubtful("the certificate expired on "+leaf.NotAfter.UTC().Format(time.DateTime), renew))
	case left < leaf.NotAfter.Sub(leaf.NotBefore)/10:
		all = append(all, c.files.Cert.Doubtful("the certificate expires on "+leaf.NotAfter.UTC().Format(time.DateTime), renew))
	}
	return all
}

// watch keeps the log true while nobody connects and nobody asks.
func (c *certificates) watch(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.current()
		}
	}
}

// readPair reads a certificate, with those that vouch for it, and its key.
func readPair(files rules.TLS) (*tls.Certificate, *rules.Diagnostic) {
	wrong := func(at rules.File, summary, detail string) (*tls.Certificate, *rules.Diagnostic) {
		d := at.Wrong(summary, detail)
		return nil, &d
	}
	cert, err := readSmallFile(files.Cert.Path)
	if err != nil {
		return wrong(files.Cert, "cannot read the certificate: "+err.Error(), "Write the path of a PEM file: the certificate first, then those that vouch for it. It is relative to the directory in which lockstep was started.")
	}
	key, err := readSmallFile(files.Key.Path)
	if err != nil {
		return wrong(files.Key, "cannot read the private key: "+err.Error(), "Write the path of a PEM file. It is relative to the directory in which lockstep was started.")
	}
	if err := checkCertificate(cert); err != nil {
		return wrong(files.Cert, "invalid certificate: "+err.Error(), "It takes a PEM file that begins with the server's own certificate.")
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		// No library's text: it may quote what it read.
		return wrong(files.Key, "the private key is not the certificate's", "It takes a PEM file with the private key, without a passphrase, that "+files.Cert.Path+" was issued for.")
	}
	return &pair, nil
}

func checkCertificate(text []byte) error {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return errors.New("there is no CERTIFICATE in it")
		}
		if block.Type == "CERTIFICATE" {
			_, err := x509.ParseCertificate(block.Bytes)
			return err
		}
	}
}

// readSmallFile reads a regular file; it waits for no other end of a pipe.
func readSmallFile(path string) ([]byte, error) {
	if path == "" {
		return nil, errors.New("the path is empty")
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, bareFileError(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, bareFileError(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxCertificateFile+1))
	if err != nil {
		return nil, bareFileError(err)
	}
	if len(text) > maxCertificateFile {
		return nil, errors.New("larger than 1 MiB")
	}
	return text, nil
}

// bareFileError takes the operation and the path off: the place that names
// the file is shown beside it.
func bareFileError(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
