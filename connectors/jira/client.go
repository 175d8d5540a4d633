package jira

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

const api = "/rest/api/3"

// gateway is the host at which Atlassian takes scoped tokens and service accounts,
// for https://api.atlassian.com/ex/jira/CLOUDID.
const gateway = "api.atlassian.com"

// A Connector is one Jira site.
type Connector struct {
	name    string
	base    string // of the API
	site    string // where people open it; "": the site says
	email   string
	token   connectors.Secret
	secret  connectors.Secret // of webhooks
	schema  *connectors.Schema
	http    *transport.Client
	log     *slog.Logger
	overlap time.Duration // of polls
	known   *directory
	renamed func() // is told that the site is not as it was; nil: nobody wants to know
}

var (
	_ connectors.Target          = (*Connector)(nil)
	_ connectors.NameFinder      = (*Connector)(nil)
	_ connectors.Poller          = (*Connector)(nil)
	_ connectors.WebhookReceiver = (*Connector)(nil)
	_ connectors.Prober          = (*Connector)(nil)
)

func newConnector(name string, s *Settings, common connectors.Common, env connectors.Env, schema *connectors.Schema) (*Connector, error) {
	switch {
	case s.URL == "":
		return nil, errors.New("url is empty")
	case s.Email == "" || s.APIToken == "":
		return nil, errors.New("email or api_token is empty")
	}
	if err := connectors.FirstOf(check(s)); err != nil {
		return nil, err
	}
	c := &Connector{
		name:    name,
		base:    strings.TrimSuffix(s.URL, "/"),
		site:    siteOf(s),
		email:   s.Email,
		token:   s.APIToken,
		secret:  common.WebhookSecret,
		schema:  schema,
		log:     env.Logger,
		overlap: common.IndexLag + pollMargin,
		known:   newDirectory(env.Renamed),
		renamed: env.Renamed,
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.http = transport.New(transport.Options{
		Connector:     name,
		BaseURL:       c.base,
		RatePerMinute: common.RateLimit,
		Env:           env,
		Authorize:     c.authorize,
		Secrets:       c.secrets,
		Refusal:       refusal,
		Stranger:      stranger,
		Address:       "url",
		Credentials:   "api_token",
		Limit:         limitOf,
	})
	return c, nil
}

// siteOf is where people open the site; "" where the API is reached through
// Atlassian's gateway, which shows no pages.
func siteOf(s *Settings) string {
	u, err := url.Parse(s.URL)
	if s.SiteURL == "" && err == nil && u.Hostname() == gateway {
		return ""
	}
	return strings.TrimSuffix(cmp.Or(s.SiteURL, s.URL), "/")
}

// siteURL is where people open the site; "" where it does not say.
func (c *Connector) siteURL(ctx context.Context) string {
	if c.site != "" {
		return c.site
	}
	said, err := c.known.site.Fetch("", func() (string, error) {
		var info struct {
			BaseURL string `json:"baseUrl"`
		}
		err := c.get(ctx, "site", c.name, "/serverInfo", nil, &info)
		return strings.TrimSuffix(info.BaseURL, "/"), err
	})
	if err != nil {
		said, _ = c.known.site.Peek("")
	}
	return said
}

func (c *Connector) authorize(_ context.Context, r *http.Request) error {
	r.SetBasicAuth(c.email, c.token.Reveal())
	return nil
}

// secrets are what must not stand in an error.
func (c *Connector) secrets() []connectors.Secret {
	return []connectors.Secret{
		c.token, c.secret,
		connectors.Secret(base64.StdEncoding.EncodeToString([]byte(c.email + ":" + c.token.Reveal()))),
	}
}

// Throttled is until when the site has asked not to be called at all. Its
// limits of one endpoint or one issue hold up nothing else.
func (c *Connector) Throttled() time.Time { return c.http.PausedUntil() }

// Close closes the connections, each when its request is done.
func (c *Connector) Close() { c.http.Close() }

// get asks for JSON.
func (c *Connector) get(ctx context.Context, op, record, path string, query url.Values, into any) error {
	_, err := c.do(ctx, transport.Request{Op: op, Record: record, Method: http.MethodGet, Path: api + path, Query: query, Into: into}, "")
	return err
}

// do sends a request that may write an issue.
func (c *Connector) do(ctx context.Context, r transport.Request, issue string) (*transport.Answer, error) {
	r.Limits = limitsOf(r, issue)
	return c.http.Do(ctx, r)
}

// stream is do for content that is read as it comes.
func (c *Connector) stream(ctx context.Context, r transport.Request, file connectors.File) (io.ReadCloser, error) {
	r.Limits = limitsOf(r, "")
	return c.http.OpenFile(ctx, r, file)
}

// Probe makes one cheap call that fails when the credentials do.
func (c *Connector) Probe(ctx context.Context) (connectors.Identity, error) {
	me, err := c.ask(ctx, "probe")
	return connectors.Identity{User: me}, err
}

// me is the account id of these credentials.
func (c *Connector) me(ctx context.Context) (string, error) {
	return c.known.me.Fetch("", func() (string, error) { return c.ask(ctx, "read") })
}

func (c *Connector) ask(ctx context.Context, op string) (string, error) {
	var myself struct {
		AccountID string `json:"accountId"`
	}
	if err := c.get(ctx, op, c.name, "/myself", nil, &myself); err != nil {
		return "", err
	}
	return myself.AccountID, nil
}

var issueID = regexp.MustCompile(`^(?:[0-9]{1,19}|[A-Z][A-Z0-9_]{0,63}-[0-9]{1,19})$`)

// checkRef keeps an id that cannot be one out of a request's path.
func checkRef(op string, ref connectors.Ref) *connectors.Error {
	if ref.Record == issueRecord && issueID.MatchString(ref.ID) {
		return nil
	}
	return connectors.NotFound(op, ref, "this is not an id of a Jira issue, so there is no such record")
}

// wide are the parameters with which an issue is read whole. Comments and work
// logs are no fields of it.
func wide() url.Values {
	return url.Values{
		"fields":     {"*all,-comment,-worklog"},
		"properties": {keyProperty + "," + stampProperty},
		"expand":     {"names"},
	}
}

// Read reads one issue by its id, or key.
func (c *Connector) Read(ctx context.Context, ref connectors.Ref) (connectors.Record, error) {
	return c.read(ctx, "read", ref)
}

func (c *Connector) read(ctx context.Context, op string, ref connectors.Ref) (connectors.Record, error) {
	record, _, err := c.readWithMarks(ctx, op, ref)
	return record, err
}

// readWithMarks reads an issue and the labels that are lockstep's own.
func (c *Connector) readWithMarks(ctx context.Context, op string, ref connectors.Ref) (connectors.Record, []any, error) {
	if failure := checkRef(op, ref); failure != nil {
		return connectors.Record{}, nil, failure
	}
	var body json.RawMessage
	if err := c.get(ctx, op, ref.String(), "/issue/"+ref.ID, wide(), &body); err != nil {
		return connectors.Record{}, nil, err
	}
	record, err := c.record(ctx, op, ref.Collection, body)
	if err != nil {
		return connectors.Record{}, nil, err
	}
	var marked struct {
		Fields struct {
			Labels []string `json:"labels"`
		} `json:"fields"`
	}
	_ = json.Unmarshal(body, &marked) // it is an issue, as was just found
	var own []any
	for _, label := range marked.Fields.Labels {
		if isMark(label) {
			own = append(own, label)
		}
	}
	return record, own, nil
}

func (c *Connector) record(ctx context.Context, op string, collection connectors.Collection, body []byte) (connectors.Record, error) {
	record, err := decode(collection, c.schema, body)
	if err != nil {
		return connectors.Record{}, &connectors.Error{
			Class: connectors.ClassUnclear, Op: op, Record: collection.String(), Message: "the answer is not an issue", Err: err,
		}
	}
	c.notice(record.Fields)
	if record.URL = ""; c.siteURL(ctx) != "" {
		record.URL = c.siteURL(ctx) + "/browse/" + record.Number
	}
	return record, nil
}

// Clock implements connectors.ClockTeller.
func (c *Connector) Clock() time.Time { return c.http.Clock() }
