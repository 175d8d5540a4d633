package incidentio

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/cache"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
	"github.com/lockstep-sync/lockstep/connectors/standardwebhooks"
	"github.com/lockstep-sync/lockstep/connectors/transport"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// A Connector reads and writes one incident.io account with one key.
type Connector struct {
	name        string
	schemas     map[string]*connectors.Schema
	client      *transport.Client
	signingKey  []byte
	directories *cache.Lists[named]
	users       *cache.Cache[userKey, resolve.Found]
	own         own
	// timelinesAPoll is how many timelines one poll may read.
	timelinesAPoll int
	hidden         hidden
	keys           map[string]*keyIndex // by record type
}

// The parts of the contract that a Connector meets.
var (
	_ connectors.NameFinder        = (*Connector)(nil)
	_ connectors.Target            = (*Connector)(nil)
	_ connectors.OnceCreator       = (*Connector)(nil)
	_ connectors.UnkeyedFinder     = (*Connector)(nil)
	_ connectors.TransitionChecker = (*Connector)(nil)
	_ connectors.Poller            = (*Connector)(nil)
	_ connectors.WebhookReceiver   = (*Connector)(nil)
	_ connectors.Prober            = (*Connector)(nil)
	_ connectors.Hider             = (*Connector)(nil)
	_ connectors.Advisor           = (*Connector)(nil)
	_ connectors.Commenter         = (*Connector)(nil)
	_ connectors.WebLinker         = (*Connector)(nil)
	_ connectors.ItemPoller        = (*Connector)(nil)
	_ connectors.HistoryReader     = (*Connector)(nil)
)

func newConnector(name string, s *Settings, common connectors.Common, env connectors.Env, schemas map[string]*connectors.Schema) (*Connector, error) {
	if s.APIKey.Reveal() == "" {
		return nil, errors.New("api_key is empty")
	}
	if strings.ContainsAny(s.APIKey.Reveal(), "\r\n") {
		return nil, errors.New("api_key holds a line break")
	}
	key, err := standardwebhooks.Key(common.WebhookSecret)
	if err != nil {
		return nil, err
	}
	baseURL := s.APIURL
	if baseURL == "" {
		baseURL = DefaultURL
	}
	secrets := []connectors.Secret{s.APIKey, common.WebhookSecret}
	return &Connector{
		name:        name,
		schemas:     schemas,
		signingKey:  key,
		directories: cache.NewLists[named](env.Renamed),
		users:       cache.New[userKey](resolve.Found.Missing),

		timelinesAPoll: timelinesAPoll(common),
		hidden:         hidden{told: cache.New[string, bool](nil)},
		keys:           map[string]*keyIndex{incidentRecord: {}, followUpRecord: {}},
		client: transport.New(transport.Options{
			Connector:     name,
			BaseURL:       baseURL,
			RatePerMinute: common.RateLimit,
			Env:           env,
			Authorize: func(_ context.Context, r *http.Request) error {
				r.Header.Set("Authorization", "Bearer "+s.APIKey.Reveal())
				return nil
			},
			Secrets: func() []connectors.Secret { return secrets },
			Refusal: refusal, Address: "api_url", Credentials: "api_key",
		}),
	}, nil
}

// Throttled returns until when incident.io has asked not to be called.
func (c *Connector) Throttled() time.Time { return c.client.PausedUntil() }

// Close closes the connections, each when its request is done.
func (c *Connector) Close() { c.client.Close() }

func (c *Connector) collection(record string) connectors.Collection {
	return connectors.Collection{Type: Type, Connector: c.name, Record: record}
}

// Probe asks who the key is. Its account is the address of the organisation's
// dashboard: the API names the organisation in no other way.
func (c *Connector) Probe(ctx context.Context) (connectors.Identity, error) {
	return c.identity(ctx, "probe")
}

func (c *Connector) identity(ctx context.Context, op string) (connectors.Identity, error) {
	answer := transport.Envelope{Member: "identity"}
	_, err := c.client.Do(ctx, transport.Request{
		Op: op, Record: Type + "." + c.name, Method: http.MethodGet, Path: "/v1/identity", Into: &answer,
	})
	if err != nil {
		return connectors.Identity{}, err
	}
	var who struct {
		Name         string `json:"name"`
		DashboardURL string `json:"dashboard_url"`
	}
	if err := json.Unmarshal(answer.Content(), &who); err != nil {
		return connectors.Identity{}, &connectors.Error{Class: connectors.ClassUnclear, Op: op, Record: Type + "." + c.name, Message: "the answer does not say who the key is", Own: true}
	}
	return connectors.Identity{Account: who.DashboardURL, User: who.Name}, nil
}

// Read reads an incident, by its id or the number in its reference, or a
// follow-up. A follow-up is as private as its incident, which is read last.
func (c *Connector) Read(ctx context.Context, ref connectors.Ref) (connectors.Record, error) {
	switch ref.Record {
	case incidentRecord:
		return c.readIncident(ctx, ref)
	case followUpRecord:
		return c.readFollowUp(ctx, ref)
	}
	return connectors.Record{}, noRecordType("read", ref.String())
}

func (c *Connector) readIncident(ctx context.Context, ref connectors.Ref) (connectors.Record, error) {
	raw, err := c.get(ctx, ref, "/v2/incidents/")
	if err != nil {
		if connectors.IsClass(err, connectors.ClassGone) {
			if record, told := c.private(ref); told {
				return record, nil
			}
		}
		return connectors.Record{}, err
	}
	incident, failure := c.recordIn(ref, raw)
	if failure == nil {
		c.noticeNames(incident)
		c.hidden.shown(incident)
		return c.openedByUs(ctx, incident)
	}
	return asRecord(incident, failure)
}

func (c *Connector) readFollowUp(ctx context.Context, ref connectors.Ref) (connectors.Record, error) {
	record, err := c.readFollowUpAlone(ctx, ref)
	if err != nil {
		return connectors.Record{}, err
	}
	return c.withParent(ctx, record)
}

// readFollowUpAlone does not say whether it is private.
func (c *Connector) readFollowUpAlone(ctx context.Context, ref connectors.Ref) (connectors.Record, error) {
	raw, err := c.get(ctx, ref, "/v3/follow_ups/")
	if err != nil {
		return connectors.Record{}, err
	}
	record, err := asRecord(c.recordIn(ref, raw))
	if err == nil {
		record, err = c.openedByUs(ctx, record)
	}
	if err != nil {
		return connectors.Record{}, err
	}
	if values.TextAt(record.Fields, "status") == deleted {
		return connectors.Record{}, &connectors.Error{
			Class: connectors.ClassGone, Op: "read", Record: ref.String(), Message: "the follow-up was deleted",
		}
	}
	return record, nil
}

// withParent adds to a follow-up what its incident says.
func (c *Connector) withParent(ctx context.Context, record connectors.Record) (connectors.Record, error) {
	parent, err := c.readIncident(ctx, record.Parent)
	if err != nil {
		return connectors.Record{}, err
	}
	record.Private = parent.Private
	// Follow-ups have no page of their own.
	record.URL = parent.URL
	return record, nil
}

// get reads one record from under the path.
func (c *Connector) get(ctx context.Context, ref connectors.Ref, path string) (json.RawMessage, error) {
	if err := addressable(ref, "read"); err != nil {
		return nil, err
	}
	answer := transport.Envelope{Member: ref.Record}
	_, err := c.client.Do(ctx, transport.Request{
		Op: "read", Record: ref.String(), Method: http.MethodGet, Path: path + url.PathEscape(ref.ID), Into: &answer,
	})
	return answer.Content(), err
}

// addressable refuses an id that would not be the last part of a path.
func addressable(ref connectors.Ref, op string) error {
	if strings.Trim(ref.ID, ".") == "" {
		return &connectors.Error{Class: connectors.ClassGone, Op: op, Record: ref.String(), Message: "there is no such id"}
	}
	return nil
}

// recordIn is the record of ref in an answer. Of a follow-up it does not say
// whether it is private.
func (c *Connector) recordIn(ref connectors.Ref, raw json.RawMessage) (connectors.Record, *connectors.Error) {
	object, err := values.ParseObject(raw)
	if err != nil {
		return connectors.Record{}, unreadable(ref, "", err)
	}
	record, err := recordOf(ref.Collection, c.schemas[ref.Record], object)
	switch {
	case err != nil:
		return connectors.Record{}, unreadable(ref, "", err)
	case record.Version == "":
		return connectors.Record{}, unreadable(ref, "it has no updated_at", nil)
	case record.Ref.ID != ref.ID && !isNumber(ref.ID):
		return connectors.Record{}, unreadable(ref, "it is another record", nil)
	case ref.Record == incidentRecord && values.TextAt(record.Fields, "visibility") == "":
		return connectors.Record{}, unreadable(ref, "it does not say whether the incident is private", nil)
	case ref.Record == followUpRecord && record.Parent.IsZero():
		return connectors.Record{}, unreadable(ref, "it does not name an incident", nil)
	}
	return record, nil
}

// noRecordType refuses what is asked about another record than an incident or a follow-up.
func noRecordType(op, about string) *connectors.Error {
	return connectors.Rejected(op, about, "", codeUnknown, "incident.io has no such record type")
}

// asRecord keeps a nil *Error from becoming an error.
func asRecord(record connectors.Record, failure *connectors.Error) (connectors.Record, error) {
	if failure != nil {
		return connectors.Record{}, failure
	}
	return record, nil
}

// isNumber reports whether id may be the number of a reference, which the API
// takes for an incident's id.
func isNumber(id string) bool { return strings.Trim(id, "0123456789") == "" }

// unreadable is the failure of a read whose answer is whole and not what it
// should be. Reading again will not help.
func unreadable(ref connectors.Ref, message string, err error) *connectors.Error {
	const what = "the answer is not as the API describes it"
	if message != "" {
		message = what + ": " + message
	} else {
		message = what
	}
	return &connectors.Error{Class: connectors.ClassRejected, Op: "read", Record: ref.String(), Message: message, Err: err}
}

// Clock implements connectors.ClockTeller.
func (c *Connector) Clock() time.Time { return c.client.Clock() }
