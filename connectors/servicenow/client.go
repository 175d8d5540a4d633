package servicenow

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/cache"
	"github.com/lockstep-sync/lockstep/connectors/oauth"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

const (
	tableAPI      = "/api/now/table/"
	attachmentAPI = "/api/now/attachment"
)

// writeTimeout is longer than the minute after which the instance itself cancels
// what it does, and short enough that what it began at the end of it is over
// within the default of settle.
const writeTimeout = 65 * time.Second

// A Connector is one ServiceNow instance.
type Connector struct {
	name     string
	base     string
	secret   connectors.Secret // of webhooks
	schemas  *schemas
	http     *transport.Client
	tokens   *oauth.Tokens // nil: basic authentication
	username string
	password connectors.Secret
	found    *cache.Cache[lookupKey, resolve.Found]
	pageSize int
	// journalSeen is when this user saw an entry of its own, or had none.
	journalSeen atomic.Pointer[time.Time]
}

var (
	_ connectors.Target          = (*Connector)(nil)
	_ connectors.NameFinder      = (*Connector)(nil)
	_ connectors.UnkeyedFinder   = (*Connector)(nil)
	_ connectors.Poller          = (*Connector)(nil)
	_ connectors.WebhookReceiver = (*Connector)(nil)
	_ connectors.Prober          = (*Connector)(nil)
	_ connectors.Advisor         = (*Connector)(nil)
	_ connectors.Commenter       = (*Connector)(nil)
	_ connectors.CopyFinder      = (*Connector)(nil)
	_ connectors.ItemPoller      = (*Connector)(nil)
	_ connectors.FileWriter      = (*Connector)(nil)
	_ connectors.VersionOrder    = (*Connector)(nil)
	_ connectors.MoveTracer      = (*Connector)(nil)
)

func newConnector(name string, s *Settings, common connectors.Common, env connectors.Env, schemas *schemas) (*Connector, error) {
	if s.URL == "" {
		return nil, errors.New("url is empty")
	}
	if err := connectors.FirstOf(check(s)); err != nil {
		return nil, err
	}
	c := &Connector{
		name:     name,
		base:     strings.TrimSuffix(s.URL, "/"),
		secret:   common.WebhookSecret,
		schemas:  schemas,
		found:    cache.New[lookupKey](resolve.Found.Missing),
		pageSize: 500,
	}
	if s.Username != nil {
		c.username, c.password = *s.Username, *s.Password
		if c.username == "" || c.password == "" {
			return nil, errors.New("username or password is empty")
		}
	}
	c.http = transport.New(transport.Options{
		Connector:     name,
		BaseURL:       c.base,
		RatePerMinute: common.RateLimit,
		WriteTimeout:  writeTimeout,
		Env:           env,
		Authorize:     c.authorize,
		Secrets:       c.secrets,
		Refusal:       refusal,
		Address:       "url",
		Credentials:   credentials(s),
	})
	if s.OAuth != nil {
		if s.OAuth.ClientID == "" || s.OAuth.ClientSecret == "" {
			return nil, errors.New("oauth: client_id or client_secret is empty")
		}
		c.tokens = oauth.New(oauth.Options{
			Client: c.http, Path: "/oauth_token.do", Scope: "useraccount", Lifetime: 30 * time.Minute, // the product's default
			ClientID: s.OAuth.ClientID, ClientSecret: s.OAuth.ClientSecret, Username: c.username, Password: c.password,
			Application: "oauth.client_secret", User: "password",
		})
	}
	return c, nil
}

// credentials is the setting at fault where the instance does not take them.
func credentials(s *Settings) string {
	if s.OAuth != nil {
		return "oauth.client_secret"
	}
	return "password"
}

// Throttled is until when the instance has asked not to be called.
func (c *Connector) Throttled() time.Time { return c.http.PausedUntil() }

// Close closes the connections, each when its request is done.
func (c *Connector) Close() { c.http.Close() }

// secrets are what must not stand in an error.
func (c *Connector) secrets() []connectors.Secret {
	all := []connectors.Secret{c.password, c.secret}
	if c.password != "" {
		all = append(all, connectors.Secret(base64.StdEncoding.EncodeToString([]byte(c.username+":"+c.password.Reveal()))))
	}
	return append(all, c.tokens.Secrets()...)
}

func (c *Connector) authorize(ctx context.Context, r *http.Request) error {
	if c.tokens == nil {
		r.SetBasicAuth(c.username, c.password.Reveal())
		return nil
	}
	return c.tokens.Authorize(ctx, r)
}

// do sends a request.
func (c *Connector) do(ctx context.Context, r transport.Request) (*transport.Answer, error) {
	var answer *transport.Answer
	err := c.tokens.Do(ctx, r.Method, func(ctx context.Context) error {
		var err error
		answer, err = c.http.Do(ctx, r)
		return err
	})
	nameTable(err, r.Path)
	return answer, err
}

// A result is an answer's body. One that carries an error, or no result, is
// not whole: the platform cuts a transaction off after it began to answer.
type result[T any] struct{ value T }

// UnmarshalJSON reads {"result": …}.
func (r *result[T]) UnmarshalJSON(body []byte) error {
	var envelope struct {
		Result *T          `json:"result"`
		Error  *apiFailure `json:"error"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return err
	}
	if envelope.Error != nil {
		return errors.New("the answer carries an error")
	}
	if envelope.Result == nil {
		return errors.New("the answer holds no result")
	}
	r.value = *envelope.Result
	return nil
}

// plainValues asks for database values: what people see depends on the user's
// language, time zone and date format.
func plainValues() url.Values {
	return url.Values{
		"sysparm_display_value":          {"false"},
		"sysparm_exclude_reference_link": {"true"},
	}
}

// Read reads one record by its sys_id.
func (c *Connector) Read(ctx context.Context, ref connectors.Ref) (connectors.Record, error) {
	if failure := checkRef("read", ref); failure != nil {
		return connectors.Record{}, failure
	}
	var into result[row]
	_, err := c.do(ctx, transport.Request{
		Op: "read", Record: ref.String(),
		Method: http.MethodGet, Path: tableAPI + ref.Record + "/" + url.PathEscape(ref.ID), Query: plainValues(), Into: &into,
	})
	if err != nil {
		return connectors.Record{}, err
	}
	// A table of the instance's own may extend this one; those of the product do not
	// extend each other.
	if now := otherClass(ref, into.value); ref.Record != baseTable && slices.Contains(taskTables, now.Record) {
		return connectors.Record{}, connectors.NotFound("read", ref, "its class was changed: it is a record of "+now.Record+" now")
	}
	return c.record("read", ref.Collection, into.value)
}

// baseTable is the one that the tables of tickets extend.
const baseTable = "task"

// MovedTo looks for a record that its table does not find among all tasks: its class may
// have been changed, and it is one of another table then, of the same id.
func (c *Connector) MovedTo(ctx context.Context, ref connectors.Ref) (connectors.Ref, error) {
	if checkRef("read", ref) != nil || ref.Record == baseTable {
		return connectors.Ref{}, nil //nolint:nilerr // what is no ref of a ticket has not moved
	}
	var into result[row]
	q := plainValues()
	q.Set("sysparm_fields", "sys_id,sys_class_name")
	_, err := c.do(ctx, transport.Request{
		Op: "read", Record: ref.String(), Method: http.MethodGet, Path: tableAPI + baseTable + "/" + url.PathEscape(ref.ID), Query: q, Into: &into,
	})
	if connectors.IsRefusal(err) {
		return connectors.Ref{}, nil // or nobody says
	}
	if err != nil {
		return connectors.Ref{}, err
	}
	return otherClass(ref, into.value), nil
}

// otherClass is what a row is that shows another class than its ref's table has; the
// zero Ref where it does not, or shows none.
func otherClass(ref connectors.Ref, r row) connectors.Ref {
	class := r.text("sys_class_name")
	if r.text("sys_id") != ref.ID || class == ref.Record || class == baseTable || !tableName.MatchString(class) {
		return connectors.Ref{}
	}
	now := ref
	now.Record = class
	return now
}

// checkRef keeps an id that cannot be one out of a request's path.
func checkRef(op string, ref connectors.Ref) *connectors.Error {
	if tableName.MatchString(ref.Record) && ref.ID != "" && ref.ID[0] != '.' &&
		strings.Trim(ref.ID, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.") == "" {
		return nil
	}
	return connectors.NotFound(op, ref, "this is not a sys_id of ServiceNow, so there is no such record")
}

func (c *Connector) record(op string, collection connectors.Collection, r row) (connectors.Record, error) {
	schema, _ := c.schemas.of(collection.Record)
	record, err := decode(collection, schema, c.base, r)
	if err != nil {
		return connectors.Record{}, &connectors.Error{
			Class: connectors.ClassUnclear, Op: op, Record: collection.String(), Message: "the answer is not a record", Err: err,
		}
	}
	return record, nil
}

// Probe makes one cheap call that fails when the credentials do, and says whose they
// are. That the user may not read this table does not mean that they are bad.
func (c *Connector) Probe(ctx context.Context) (connectors.Identity, error) {
	is := connectors.Identity{Account: strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(c.base, "https://"), "http://"))}
	var rows result[[]row]
	_, err := c.do(ctx, transport.Request{
		Op: "probe", Record: c.name,
		Method: http.MethodGet, Path: tableAPI + "sys_user",
		Query: url.Values{"sysparm_query": {"sys_id=javascript:gs.getUserID()"}, "sysparm_fields": {"sys_id"}, "sysparm_limit": {"2"}, "sysparm_no_count": {"true"}},
		Into:  &rows,
	})
	if connectors.IsClass(err, connectors.ClassForbidden) {
		err = nil
	}
	if len(rows.value) == 1 { // else the script is not run
		is.User = rows.value[0].text("sys_id")
	}
	if err != nil {
		return connectors.Identity{}, err
	}
	return is, nil
}

// Clock implements connectors.ClockTeller.
func (c *Connector) Clock() time.Time { return c.http.Clock() }
