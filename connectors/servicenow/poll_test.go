package servicenow_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // for machines without it

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
)

// follower polls and keeps the cursor.
type follower struct {
	c      *servicenow.Connector
	cursor []byte
}

func (f *follower) poll(t *testing.T) []string {
	t.Helper()
	changed, next, err := f.c.Poll(t.Context(), incidents, f.cursor)
	if err != nil {
		t.Fatal(err)
	}
	f.cursor = next
	var ids []string
	for _, ref := range changed {
		if ref.Collection != incidents {
			t.Errorf("ref %s", ref)
		}
		ids = append(ids, ref.ID)
	}
	return ids
}

func open(t *testing.T, s *servicenowtest.Server, title string) string {
	t.Helper()
	id, err := s.Open("incident", "anna", servicenowtest.Row{"short_description": title})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		f := &follower{c: c}
		old := open(t, server, "before the start")
		time.Sleep(time.Second)
		if got := f.poll(t); got != nil {
			t.Errorf("the first poll reports %v", got)
		}
		server.ResetRequests()
		if got := f.poll(t); got != nil {
			t.Errorf("nothing changed, and the poll reports %v", got)
		}
		if n := len(server.Requests()); n != 1 {
			t.Errorf("a poll of nothing is %d requests, want 1", n)
		}

		first := open(t, server, "first") // in the second of the last poll
		second := open(t, server, "second")
		if got := f.poll(t); !slices.Equal(got, sorted(first, second)) {
			t.Errorf("got %v, want %v", got, []string{first, second})
		}
		if got := f.poll(t); got != nil {
			t.Errorf("reported again: %v", got)
		}

		time.Sleep(time.Minute)
		if err := server.AddWorkNote("incident", old, "anna", "a note"); err != nil {
			t.Fatal(err)
		}
		if got := f.poll(t); !slices.Equal(got, []string{old}) {
			t.Errorf("after a note: %v, want %s", got, old)
		}

		// A change that commits late carries a time that has passed.
		server.SetRow("incident", first, servicenowtest.Row{"sys_mod_count": "7", "sys_updated_on": time.Now().UTC().Add(-2 * time.Minute).Format("2006-01-02 15:04:05")})
		if got := f.poll(t); !slices.Equal(got, []string{first}) {
			t.Errorf("after a late commit: %v, want %s", got, first)
		}

		time.Sleep(24 * time.Hour)
		if got := f.poll(t); got != nil {
			t.Errorf("a day later: %v", got)
		}
		if err := server.Edit("incident", second, "anna", servicenowtest.Row{"urgency": "1"}); err != nil {
			t.Fatal(err)
		}
		if got := f.poll(t); !slices.Equal(got, []string{second}) {
			t.Errorf("got %v, want %s", got, second)
		}
	})
}

func sorted(ids ...string) []string { return slices.Sorted(slices.Values(ids)) }

func TestPollOfAnEmptyTable(t *testing.T) {
	server, c := instance(t)
	f := &follower{c: c}
	f.poll(t)
	f.poll(t)
	id := open(t, server, "the first of all")
	if got := f.poll(t); !slices.Equal(got, []string{id}) {
		t.Errorf("got %v, want %s", got, id)
	}
}

// interrupt runs something before the nth list request.
type interrupt struct {
	to     http.RoundTripper
	before int
	do     func()
}

func (i *interrupt) RoundTrip(r *http.Request) (*http.Response, error) {
	if i.before--; i.before == 0 {
		i.do()
	}
	return i.to.RoundTrip(r)
}

// Records that change while pages are read must not push others out of sight.
func TestPollWhileRecordsMove(t *testing.T) {
	const pages, page = 3, 500
	for _, spacing := range []time.Duration{0, time.Second} { // all in one second, and apart
		for _, at := range []int{2, 3} { // before the second and the third page
			t.Run(fmt.Sprintf("%s/%d", spacing, at), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server, c := instance(t)
					f := &follower{c: c}
					f.poll(t)
					want := map[string]bool{}
					var ids []string
					for i := range pages * page {
						id := open(t, server, fmt.Sprint("ticket ", i))
						ids = append(ids, id)
						want[id] = true
						time.Sleep(spacing)
					}
					time.Sleep(time.Second)
					moving := &interrupt{to: server.RoundTripper(), before: at, do: func() {
						for _, id := range ids[:page] {
							if err := server.Edit("incident", id, "anna", servicenowtest.Row{"urgency": "1"}); err != nil {
								t.Error(err)
							}
						}
						server.Delete("incident", ids[len(ids)-1])
					}}
					f.c = connect(t, moving, basic())
					got := map[string]bool{}
					for range 2 { // what moved while we looked is the next poll's
						for _, id := range f.poll(t) {
							got[id] = true
						}
					}
					delete(want, ids[len(ids)-1])
					for id := range want {
						if !got[id] {
							t.Fatalf("%d of %d were reported; %s was passed over", len(got), len(want), id)
						}
					}
				})
			})
		}
	}
}

// Records that are deleted while pages are read pull others to the front.
func TestPollWhileRecordsAreDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		f := &follower{c: c}
		f.poll(t)
		var ids []string
		for i := range 1100 {
			ids = append(ids, open(t, server, fmt.Sprint("ticket ", i)))
		}
		first := sorted(ids...)[len(ids)-10:] // newest first within one second is by sys_id
		f.c = connect(t, &interrupt{to: server.RoundTripper(), before: 2, do: func() {
			for _, id := range first {
				server.Delete("incident", id)
			}
		}}, basic())
		if got := f.poll(t); len(got) != len(ids) {
			t.Errorf("%d of %d were reported", len(got), len(ids))
		}
	})
}

func TestPollBehindRowsThatAreHidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		shown := open(t, server, "shown")
		time.Sleep(time.Second)
		for i := range 700 {
			open(t, server, fmt.Sprint("hidden ", i))
		}
		server.Hide("incident", func(r servicenowtest.Row) bool { return r["short_description"] != "shown" })
		f := &follower{c: c}
		f.poll(t)
		time.Sleep(time.Second)
		if err := server.Edit("incident", shown, "anna", servicenowtest.Row{"urgency": "1"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		server.Hide("incident", nil)
		for i := range 700 {
			open(t, server, fmt.Sprint("more hidden ", i))
		}
		server.Hide("incident", func(r servicenowtest.Row) bool { return r["short_description"] != "shown" })
		if got := f.poll(t); !slices.Equal(got, []string{shown}) {
			t.Errorf("got %v, want %s", got, shown)
		}
	})
}

func TestCursorHoldsNoContents(t *testing.T) {
	server, c := instance(t)
	id := open(t, server, "canary-7731")
	f := &follower{c: c}
	f.poll(t)
	if text := string(f.cursor); !json.Valid(f.cursor) || strings.Contains(text, "canary") || strings.Contains(text, id) || strings.Contains(text, "anna") {
		t.Errorf("cursor: %s", text)
	}
	for _, bad := range []string{"{", "null", `{"v":99}`} {
		_, _, err := c.Poll(t.Context(), incidents, []byte(bad))
		wantClass(t, err, connectors.ClassRejected)
	}
}

func TestPollNoticesAnotherTimeZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		open(t, server, "a ticket")
		f := &follower{c: c}
		f.poll(t)
		// An instance that reads the literal eight hours to the west.
		shifted := connect(t, edit{server.RoundTripper(), func(q map[string][]string) {
			if condition, rest, ok := strings.Cut(q["sysparm_query"][0], "^"); ok && strings.HasPrefix(condition, "sys_updated_on>=") {
				at, err := time.Parse("2006-01-02 15:04:05", strings.TrimPrefix(condition, "sys_updated_on>="))
				if err != nil {
					t.Error(err)
				}
				q["sysparm_query"] = []string{"sys_updated_on>=" + at.Add(8*time.Hour).Format("2006-01-02 15:04:05") + "^" + rest}
			}
		}}, basic())
		_, _, err := shifted.Poll(t.Context(), incidents, f.cursor)
		if failure := wantClass(t, err, connectors.ClassRejected); failure.Code != "time_zone" || !strings.Contains(err.Error(), "GMT") {
			t.Errorf("%v", err)
		}
	})
}

func TestPollAfterTheNewestWasDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, c := instance(t)
		open(t, server, "older")
		time.Sleep(time.Hour)
		newest := open(t, server, "newest")
		f := &follower{c: c}
		f.poll(t)
		server.Delete("incident", newest)
		if got := f.poll(t); got != nil {
			t.Errorf("got %v", got)
		}
	})
}

// TestPollsOverDaylightSavingTime: whatever zone the user's profile has, in which an
// instance reads moments in queries, no change is missed in silence when the clocks are
// changed, in spring or in autumn.
func TestPollsOverDaylightSavingTime(t *testing.T) {
	for zone, says := range map[string]bool{"GMT": false, "Europe/Berlin": false, "Europe/London": false, "Atlantic/Azores": true, "America/New_York": true} {
		for season, change := range map[string]time.Time{"spring": time.Date(2000, 3, 26, 1, 0, 0, 0, time.UTC), "autumn": time.Date(2000, 10, 29, 1, 0, 0, 0, time.UTC)} {
			t.Run(zone+", "+season, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					where, err := time.LoadLocation(zone)
					if err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Until(change.Add(-3 * time.Hour)))
					o := options()
					o.Zone = where
					server := servicenowtest.New(o)
					c := connect(t, server.RoundTripper(), basic())
					id := open(t, server, "a ticket")
					record, err := c.Read(t.Context(), incidents.Ref(id))
					if err != nil {
						t.Fatal(err)
					}
					var cursor []byte
					missed, refused, unseen := 0, 0, 0
					for n := range 36 { // six hours around the change
						began := time.Now()
						if err := server.AddWorkNote("incident", id, "anna", fmt.Sprint("note ", n)); err != nil {
							t.Fatal(err)
						}
						changed, next, err := c.Poll(t.Context(), incidents, cursor)
						switch {
						case err != nil:
							wantClass(t, err, connectors.ClassRejected)
							refused++
						case n > 0 && len(changed) == 0:
							missed++
						}
						if err == nil {
							cursor = next
						}
						if said, err := c.Comments(t.Context(), record, began); err != nil || len(said) != 1 {
							unseen++
						}
						time.Sleep(10 * time.Minute)
					}
					if missed > 0 || unseen > 0 {
						t.Errorf("%d polls missed the change, %d lists the note", missed, unseen)
					}
					if (refused > 0) != says {
						t.Errorf("%d polls said that the time zone is another", refused)
					}
				})
			})
		}
	}
}
