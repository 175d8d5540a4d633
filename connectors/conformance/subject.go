package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// A System is a connector type to be held to the contract.
type System struct {
	// Start makes a fresh simulated system and a connector to it, in memory and
	// without a rate of its own. It is called within a bubble of simulated time.
	Start func(t *testing.T, logger *slog.Logger) Subject
	// Secrets are what must be seen in no error and no log.
	Secrets []string
	// ReadTries is how often the transport sends a read whose answer is lost.
	ReadTries int
}

// A Subject is one connector and its simulated system.
type Subject struct {
	Connector connectors.Connector
	Endpoint  *simulator.Endpoint

	// Record is there already, and has Text, the name of a text field that may
	// be written.
	Record connectors.Ref
	Text   string
	// Create are the rendered values with which a record of Record's collection
	// can be created; nil where the connector is no Target.
	Create map[string]any

	// Unnumbered is true where people call such records by no number.
	Unnumbered bool
	// Forgets is true where the system keeps no history of such records.
	Forgets bool

	// Comment lists the kinds that copies can have; nil: the system takes no comments.
	Comment []string
	// Say adds a comment to Record as a person; nil: the system has no comments.
	Say func(text string)
	// Edit changes Record's text as a person.
	Edit func(text string)

	// Ahead adds a record to Record's collection that was changed last at the time,
	// by its own word; nil where no record can bear a wrong one.
	Ahead func(at time.Time)

	// Settle is how long a request whose answer was not received may still take
	// effect, and Index how far the search lags behind.
	Settle, Index time.Duration
}

// A bench runs one case on one subject and watches for secrets.
type bench struct {
	*testing.T
	Subject
	secrets []string
	log     *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// on runs a case in a bubble.
func (s System) on(t *testing.T, run func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := &lockedBuffer{}
		b := &bench{T: t, log: log, secrets: s.Secrets}
		b.Subject = s.Start(t, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
		b.Endpoint.ResetRequests()
		run(b)
		b.clean("the log", log.String())
	})
}

func (b *bench) clean(what, text string) {
	b.Helper()
	for _, secret := range b.secrets {
		if strings.Contains(text, secret) {
			b.Errorf("a secret stands in %s: %s", what, text)
		}
	}
}

// class is the class of an error, which must be a connector's own.
func (b *bench) class(err error) connectors.Class {
	b.Helper()
	var said *connectors.Error
	if !errors.As(err, &said) {
		b.Fatalf("%v is no error of a connector", err)
	}
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%+v", *said)} {
		b.clean("an error", text)
	}
	return said.Class
}

// wrote counts the requests that write.
func (b *bench) wrote() (n int) {
	for _, r := range b.Endpoint.Requests() {
		if r.Method != http.MethodGet && r.Status != 0 && !strings.Contains(r.Path, "oauth") && !strings.Contains(r.Path, "/search") {
			n++
		}
	}
	return n
}

func (b *bench) writer() connectors.Writer {
	w, ok := b.Connector.(connectors.Writer)
	if !ok {
		b.Skip("it writes nothing")
	}
	return w
}

// resolved are rendered values as the system holds them.
func (b *bench) resolved(rendered map[string]any) map[string]any {
	b.Helper()
	fields, failed, err := b.writer().Resolve(b.Context(), b.Record.Record, rendered)
	if err != nil || len(failed) > 0 {
		b.Fatalf("resolve: %v, %v", err, failed)
	}
	return fields
}

func (b *bench) read() connectors.Record {
	b.Helper()
	record, err := b.Connector.Read(b.Context(), b.Record)
	if err != nil {
		b.Fatal(err)
	}
	return record
}

// rest waits until nothing that was sent can take effect any more.
func (b *bench) rest() { time.Sleep(b.Settle + b.Index + time.Second) }
