package backfill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// A Request says what to bring in.
type Request struct {
	// Since is when a record must have changed last; the zero time: whenever it did.
	Since time.Time `json:"since,omitzero"`
	// Route is the only one that decides; empty: all do.
	Route string `json:"route,omitempty"`
}

// A Job is a backfill, as far as it has come.
type Job struct {
	Request
	ID        string    `json:"id"`
	StartedAt time.Time `json:"started_at"`
	// Listed is true once Total is known.
	Listed bool `json:"listed"`
	Total  int  `json:"total"` // records, each once for every route that it is decided on
	Done   int  `json:"done"`
	// Opened, Updated and None say what came of those that are done: a ticket was opened,
	// one was written to, nothing had to be done. Failed have a dead letter, and Later are
	// tried again by themselves, as their system is away or busy.
	Opened  int `json:"opened"`
	Updated int `json:"updated"`
	None    int `json:"none"`
	Failed  int `json:"failed"`
	Later   int `json:"later"`

	EndedAt time.Time `json:"ended_at,omitzero"`
	Stopped bool      `json:"stopped,omitempty"` // by an operator
	// Waiting is why it does not go on just now, and Error why it ended early.
	Waiting string `json:"waiting,omitempty"`
	Error   string `json:"error,omitempty"`
}

// Over reports whether nothing more will be done.
func (j Job) Over() bool { return !j.EndedAt.IsZero() }

// ErrUnderWay says that another job has to end first.
var ErrUnderWay = errors.New("a backfill is under way")

const (
	version  = 1
	jobKey   = "backfill/job"
	refsAt   = "backfill/records/"
	refsEach = 500 // records of one document
)

// A document is how a Job is stored, with who carries it out.
type document struct {
	V int `json:"v"`
	Job
	// Owner is the daemon that carries the job out, and SeenAt when it last said so.
	Owner  string    `json:"owner"`
	SeenAt time.Time `json:"seen_at"`
}

// An item is one record to decide on one route.
type item struct {
	Route string
	Ref   connectors.Ref
}

// A page is how a part of the list is stored: "ROUTE REF".
type page struct {
	V     int      `json:"v"`
	Items []string `json:"items"`
}

type jobs struct{ bucket store.Bucket }

func (s jobs) load(ctx context.Context) (document, uint64, error) {
	entry, err := s.bucket.Get(ctx, jobKey)
	if err != nil {
		return document{}, 0, err
	}
	var d document
	if err := json.Unmarshal(entry.Value, &d); err != nil {
		return document{}, entry.Revision, store.Unreadable("backfill", err)
	}
	if d.V > version {
		return document{}, entry.Revision, store.UnknownVersion("backfill", d.V, version)
	}
	return d, entry.Revision, nil
}

// save stores a job in place of what has the revision; 0: there is none.
func (s jobs) save(ctx context.Context, d document, revision uint64) (uint64, error) {
	d.V = version
	value, err := json.Marshal(d)
	if err != nil {
		return 0, fmt.Errorf("backfill: %w", err)
	}
	if revision == 0 {
		return s.bucket.Create(ctx, jobKey, value)
	}
	return s.bucket.Update(ctx, jobKey, value, revision)
}

func pageKey(id string, n int) string { return fmt.Sprintf("%s%s/%06d", refsAt, id, n) }

func (s jobs) putPage(ctx context.Context, id string, n int, items []item) error {
	p := page{V: version}
	for _, i := range items {
		p.Items = append(p.Items, i.Route+" "+i.Ref.String())
	}
	value, err := json.Marshal(p)
	if err == nil {
		_, err = s.bucket.Put(ctx, pageKey(id, n), value)
	}
	return err
}

func (s jobs) page(ctx context.Context, id string, n int) ([]item, error) {
	entry, err := s.bucket.Get(ctx, pageKey(id, n))
	if err != nil {
		return nil, err
	}
	var p page
	if err := json.Unmarshal(entry.Value, &p); err != nil {
		return nil, store.Unreadable("backfill's records", err)
	}
	items := make([]item, 0, len(p.Items))
	for _, text := range p.Items {
		route, name, _ := strings.Cut(text, " ")
		ref, err := connectors.ParseRef(name)
		if err != nil {
			return nil, store.Unreadable("backfill's records", err)
		}
		items = append(items, item{route, ref})
	}
	return items, nil
}

// forgetPages removes the lists of every job but one.
func (s jobs) forgetPages(ctx context.Context, but string) error {
	var keys []string
	err := s.bucket.Each(ctx, func(e store.Entry) error {
		if rest, ok := strings.CutPrefix(e.Key, refsAt); ok && (but == "" || !strings.HasPrefix(rest, but+"/")) {
			keys = append(keys, e.Key)
		}
		return nil
	})
	for _, key := range keys {
		err = errors.Join(err, s.bucket.Delete(ctx, key, 0))
	}
	return err
}
