package daemon

import (
	"fmt"
	"log/slog"
	"net/http"
	"reflect"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules"
)

// A built connector is remembered with the block it was made from.
type built struct {
	block     *rules.Connector
	connector connectors.Connector
}

// A connectorSet is the connectors of one configuration, by name.
type connectorSet map[string]built

// A connectorFactory makes connectors.
type connectorFactory struct {
	log          *slog.Logger
	observer     connectors.Observer
	userAgent    string
	roundTripper func(connector string) http.RoundTripper // nil: the transport's own
	pauses       *connectors.Pauses                       // of all generations; nil: each connector has its own
	renamed      func()                                   // as Env.Renamed
}

// build makes the connectors of a configuration. One whose block did not
// change is taken from before, with its connections and its place in the rate
// budget. Pauses that a system asked for hold for one that is made again, too.
func (f connectorFactory) build(set *rules.Set, before connectorSet) (_ connectorSet, err error) {
	next := connectorSet{}
	defer func() {
		if err != nil {
			next.closeBut(before)
		}
	}()
	for name, block := range set.Connectors {
		if old, ok := before[name]; ok && sameBlock(old.block, block) {
			next[name] = built{block: block, connector: old.connector}
			continue
		}
		if block.System.New == nil {
			return nil, fmt.Errorf("connector %s: this build has no client for %s yet", name, block.System.Type)
		}
		env := connectors.Env{
			Logger:    f.log.With("connector", name),
			Observer:  f.observer,
			UserAgent: f.userAgent,
			Pauses:    f.pauses,
			Renamed:   f.renamed,
		}
		if f.roundTripper != nil {
			env.RoundTripper = f.roundTripper(name)
		}
		c, err := block.System.New(name, block.Settings, block.Common, env)
		if err != nil {
			return nil, fmt.Errorf("connector %s: %w", name, err)
		}
		next[name] = built{block: block, connector: c}
	}
	return next, nil
}

func sameBlock(a, b *rules.Connector) bool {
	return a.System.Type == b.System.Type && a.Common == b.Common && reflect.DeepEqual(a.Settings, b.Settings)
}

// closeBut closes the connectors that are not in another set. What is under
// way with them ends with them.
func (s connectorSet) closeBut(kept connectorSet) {
	for name, b := range s {
		if c, ok := b.connector.(connectors.Closer); ok && kept[name].connector != b.connector {
			c.Close()
		}
	}
}

func (s connectorSet) connectors() map[string]connectors.Connector {
	all := make(map[string]connectors.Connector, len(s))
	for name, b := range s {
		all[name] = b.connector
	}
	return all
}

// receivers returns the connectors that take webhooks: those with a secret.
func (s connectorSet) receivers() map[string]connectors.WebhookReceiver {
	all := map[string]connectors.WebhookReceiver{}
	for name, b := range s {
		if r, ok := b.connector.(connectors.WebhookReceiver); ok && b.block.Common.WebhookSecret != "" {
			all[name] = r
		}
	}
	return all
}
