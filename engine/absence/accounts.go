package absence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// accountPrefix begins the keys under which it is kept which account a
// connector's links are of.
const accountPrefix = "account/"

// accountVersion is the version of the document that this build writes.
const accountVersion = 1

// An account is whose records a connector's links are of.
type account struct {
	V       int       `json:"v"`
	Account string    `json:"account"`
	Since   time.Time `json:"since"`
}

// CheckAccount has a connector's credentials say whose they are before anything
// else is asked of it. With those of another account none of the linked records
// would be found, and that one's records would get tickets. It fails with
// ClassUnauthorised where the account is another than the one that the links are of
// and none of the linked records can be read with it: an organisation may be
// renamed. With no linked record the new account is the connector's.
func (w *Watch) CheckAccount(ctx context.Context, g *breaker.Breaker, state store.Bucket) error {
	is, err := g.Identify(ctx)
	if err != nil || is.Account == "" {
		return err
	}
	key := accountPrefix + g.Name
	entry, err := state.Get(ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("account of connector %s: %w", g.Name, err)
	}
	var was account
	if err == nil && json.Unmarshal(entry.Value, &was) == nil && was.V == accountVersion && was.Account == is.Account {
		return nil
	}
	if was.Account != "" {
		same, err := w.reads(ctx, g)
		if err != nil {
			return err
		}
		if !same {
			return &connectors.Error{
				Class: connectors.ClassUnauthorised, Op: "probe", Record: g.Name, Code: "other_account", Own: true,
				Message: fmt.Sprintf("the credentials are of %s, and the links of this connector are of %s, of which they find no record; use credentials of that account, or give the new one a connector of its own", is.Account, was.Account),
			}
		}
	}
	value, err := json.Marshal(account{V: accountVersion, Account: is.Account, Since: w.clock.Now().UTC()})
	if err == nil {
		_, err = state.Put(ctx, key, value)
	}
	if err != nil {
		return fmt.Errorf("account of connector %s: %w", g.Name, err)
	}
	return nil
}

// reads reports whether any of some linked records of a connector can be read, or
// there is none.
func (w *Watch) reads(ctx context.Context, g *breaker.Breaker) (bool, error) {
	some, err := w.linked(ctx, g.Name, func(ref connectors.Ref) bool { return ref.Connector == g.Name })
	if err != nil {
		return false, err
	}
	for _, witness := range some {
		_, err := g.Connector.Read(ctx, witness.ref)
		if err != nil && !connectors.IsClass(err, connectors.ClassGone) {
			return false, err
		}
		if err == nil {
			return true, nil
		}
	}
	return len(some) == 0, nil
}
