package servicenow_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/paging"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// bare takes the headers off answers that say whether a query has more pages.
func bare(to http.RoundTripper) *simulator.Proxy {
	return &simulator.Proxy{To: to, Strip: []string{"Link", "X-Total-Count"}}
}

// TestPagesWithoutHeaders: where no header says that a query has more pages, it
// is read to the first page without a row.
func TestPagesWithoutHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := servicenowtest.New(options())
		c := connect(t, bare(server.RoundTripper()), basic())
		for range 120 { // pages of 50
			create(t, c, "many", nil)
		}
		found, err := c.FindByKey(t.Context(), incidents, "many")
		if err != nil || len(found) != 120 {
			t.Errorf("found %d of 120, %v", len(found), err)
		}
		before := server.Count(http.MethodGet, "/table/incident")
		if none, err := c.FindByKey(t.Context(), incidents, "none"); err != nil || len(none) != 0 {
			t.Errorf("found %d, %v", len(none), err)
		}
		if n := server.Count(http.MethodGet, "/table/incident") - before; n != 1 {
			t.Errorf("%d requests for a query that finds nothing", n)
		}

		_, cursor, err := c.Poll(t.Context(), incidents, nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		const most = 1100 // pages of 500
		for i := range most {
			server.AddRow("incident", servicenowtest.Row{"short_description": fmt.Sprint(i), "sys_updated_on": time.Now().UTC().Format("2006-01-02 15:04:05")})
		}
		changed, _, err := c.Poll(t.Context(), incidents, cursor)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[connectors.Ref]bool{}
		for _, ref := range changed {
			seen[ref] = true
		}
		if len(seen) < most {
			t.Errorf("the poll found %d of %d", len(seen), most)
		}
	})
}

// TestRepeatedPages: where a proxy gives the same page whatever is asked for, a
// list is given up after a few requests.
func TestRepeatedPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := servicenowtest.New(options())
		record := create(t, connect(t, server.RoundTripper(), basic()), "one", nil)
		if err := server.AddWorkNote("incident", record.Ref.ID, servicenowtest.DefaultUsername, "a note"); err != nil {
			t.Fatal(err)
		}
		for name, list := range map[string]func(c *servicenow.Connector) error{
			"find": func(c *servicenow.Connector) error { _, err := c.FindByKey(t.Context(), incidents, "one"); return err },
			"poll": func(c *servicenow.Connector) error { _, _, err := c.Poll(t.Context(), incidents, nil); return err },
			"comments": func(c *servicenow.Connector) error {
				_, err := c.Comments(t.Context(), record, time.Time{})
				return err
			},
			"items": func(c *servicenow.Connector) error {
				_, _, err := c.PollItems(t.Context(), connectors.CommentItems, []string{"incident"}, nil)
				return err
			},
		} {
			proxy := bare(server.RoundTripper())
			proxy.Repeat = "/table/"
			if failure := wantClass(t, list(connect(t, proxy, basic())), connectors.ClassRejected); failure.Code != paging.CodeEndless {
				t.Errorf("%s: %v", name, failure)
			}
		}
	})
}
