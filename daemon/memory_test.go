package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A memorySystem is a connector type whose systems are maps in this process:
// the whole daemon runs on it, without HTTP.
type memorySystem struct {
	mu      sync.Mutex
	records map[string]connectors.Record // by ref
	made    map[string]int               // connectors made, by name
	down    bool
}

type memorySettings struct {
	URL string `hcl:"url"`
}

func newMemorySystem() *memorySystem {
	return &memorySystem{records: map[string]connectors.Record{}, made: map[string]int{}}
}

func (s *memorySystem) system(name string) connectors.System {
	text := connectors.Field{Type: connectors.Type{Kind: connectors.String}, Write: connectors.Always}
	schema := &connectors.Schema{Record: "incident", Fields: map[string]connectors.Field{"name": text, "title": text}}
	return connectors.System{
		Type:     name,
		Defaults: connectors.Common{PollInterval: time.Hour, Settle: time.Second},
		Records:  []string{"incident"},
		Settings: func() any { return &memorySettings{} },
		Check:    func(any) []connectors.SettingError { return nil },
		Schema: func(record string) (*connectors.Schema, bool) {
			return schema, record == "incident"
		},
		Decode: func(connectors.Collection, []byte) (connectors.Record, error) {
			return connectors.Record{}, errors.New("not here")
		},
		New: func(name string, _ any, common connectors.Common, _ connectors.Env) (connectors.Connector, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.made[name]++
			return &memoryConnector{system: s, name: name, secret: common.WebhookSecret}, nil
		},
	}
}

// put changes a record as a person does, and makes it if it is not there.
func (s *memorySystem) put(ref connectors.Ref, private bool, fields map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store(ref, connectors.Record{Private: private}, fields)
}

func (s *memorySystem) store(ref connectors.Ref, r connectors.Record, fields map[string]any) connectors.Record {
	if before, ok := s.records[ref.String()]; ok {
		before.Private = r.Private
		r = before
	}
	version, _ := strconv.Atoi(r.Version)
	r.Ref, r.Number, r.Version, r.UpdatedAt = ref, "N"+ref.ID, strconv.Itoa(version+1), time.Now().UTC()
	next := map[string]any{}
	maps.Copy(next, r.Fields)
	maps.Copy(next, fields)
	r.Fields = next
	s.records[ref.String()] = r
	return r
}

// titles returns those of all tickets.
func (s *memorySystem) titles() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, r := range s.records {
		if r.Key != "" {
			all = append(all, fmt.Sprint(r.Fields["title"]))
		}
	}
	return all
}

type memoryConnector struct {
	system *memorySystem
	name   string
	secret connectors.Secret
}

// Receive takes "SECRET ID DELIVERY".
func (c *memoryConnector) Receive(_ http.Header, body []byte, _ time.Time) (connectors.Delivery, error) {
	parts := strings.Fields(string(body))
	if len(parts) == 0 || parts[0] != c.secret.Reveal() {
		return connectors.Delivery{}, connectors.ErrSignature
	}
	if len(parts) != 3 {
		return connectors.Delivery{}, errors.New("not an event")
	}
	collection := connectors.Collection{Type: "memory", Connector: c.name, Record: "incident"}
	return connectors.Delivery{ID: parts[2], Refs: []connectors.Ref{collection.Ref(parts[1])}}, nil
}

func (c *memoryConnector) Throttled() time.Time { return time.Time{} }

func (c *memoryConnector) Read(_ context.Context, ref connectors.Ref) (connectors.Record, error) {
	c.system.mu.Lock()
	defer c.system.mu.Unlock()
	if c.system.down {
		return connectors.Record{}, &connectors.Error{Class: connectors.ClassRetry, Op: "read", Message: "not sent"}
	}
	r, ok := c.system.records[ref.String()]
	if !ok {
		return connectors.Record{}, &connectors.Error{Class: connectors.ClassGone, Op: "read", Record: ref.String()}
	}
	return r, nil
}

func (c *memoryConnector) Resolve(_ context.Context, _ string, fields map[string]any) (map[string]any, map[string]*connectors.Error, error) {
	return fields, nil, nil
}

func (c *memoryConnector) Same(_, _ string, want, have any) bool {
	return reflect.DeepEqual(want, have)
}

func (c *memoryConnector) FindByKey(_ context.Context, _ connectors.Collection, key string) ([]connectors.Record, error) {
	c.system.mu.Lock()
	defer c.system.mu.Unlock()
	var found []connectors.Record
	for _, r := range c.system.records {
		if r.Key == key {
			found = append(found, r)
		}
	}
	return found, nil
}

func (c *memoryConnector) Create(_ context.Context, d connectors.Draft) (connectors.Record, error) {
	c.system.mu.Lock()
	defer c.system.mu.Unlock()
	ref := d.Collection.Ref("T" + strconv.Itoa(len(c.system.records)))
	return c.system.store(ref, connectors.Record{Key: d.Key, Stamp: d.Stamp}, d.Fields), nil
}

func (c *memoryConnector) Update(_ context.Context, change connectors.Change) (connectors.Record, error) {
	c.system.mu.Lock()
	defer c.system.mu.Unlock()
	r := c.system.records[change.Ref.String()]
	r.Stamp = change.Stamp
	c.system.records[change.Ref.String()] = r
	return c.system.store(change.Ref, r, change.Fields), nil
}
