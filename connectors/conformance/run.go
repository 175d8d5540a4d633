package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
)

// Run holds a system to the contract.
func Run(t *testing.T, s System) {
	t.Run("classes of errors", s.classes)
	t.Run("an answer to nobody is no answer", s.strangers)
	t.Run("a write can be read", s.readYourWrite)
	t.Run("created once", s.createdOnce)
	t.Run("created once by its key alone", s.createdByKey)
	t.Run("a key finds its own record", s.keys)
	t.Run("no request while throttled", s.throttled)
	t.Run("cancelled means stop", s.cancelled)
	t.Run("not sent after its deadline", s.deadlineExceeded)
	t.Run("polls", s.polls)
	t.Run("polls begin in the past", s.pollsSince)
	t.Run("polls do not pass the system's clock", s.pollsAhead)
	t.Run("a comment is added once", s.commentOnce)
	t.Run("a name finds its record", s.names)
}

// classes: each fault has its class whatever was asked for, a write is sent once, a
// read may be sent again.
func (s System) classes(t *testing.T) {
	for _, trouble := range troubles() {
		for what, call := range calls() {
			t.Run(trouble.name+"/"+what, func(t *testing.T) {
				s.on(t, func(b *bench) {
					fields, record := b.prepared()
					b.Endpoint.Inject(trouble.fault)
					class := b.class(call.ask(b, record, fields))
					if want := trouble.classes(call); !slices.Contains(want, class) {
						b.Errorf("class is %s, want one of %s", class, want)
					}
					tries := 1
					if trouble.again {
						tries = s.ReadTries
					}
					if got := len(b.Endpoint.Requests()); what == "read" && trouble.sent && trouble.fault.Kind != simulator.CommitLate && got != tries {
						b.Errorf("%d requests, want %d", got, tries)
					}
					b.rest()
					if n := b.wrote(); n > 1 || n > 0 && !call.writes {
						b.Errorf("%d writes were sent", n)
					}
				})
			})
		}
	}
}

func (s System) readYourWrite(t *testing.T) {
	s.on(t, func(b *bench) {
		w := b.writer()
		before := b.read()
		fields := b.resolved(map[string]any{b.Text: "Written by the suite"})
		answer, err := w.Update(b.Context(), connectors.Change{Ref: b.Record, Stamp: "ls-0000000000000002", Fields: fields})
		if err != nil {
			b.Fatal(err)
		}
		after := b.read()
		for what, record := range map[string]connectors.Record{"answer": answer, "read": after} {
			if !w.Same(b.Record.Record, b.Text, fields[b.Text], record.Fields[b.Text]) {
				b.Errorf("the %s has %v", what, record.Fields[b.Text])
			}
			if record.Ref != b.Record || record.Version == before.Version {
				b.Errorf("the %s is %s in version %q, before it was %q", what, record.Ref, record.Version, before.Version)
			}
		}
		if answer.Version != after.Version || answer.Stamp != after.Stamp {
			b.Errorf("the answer has version %q and stamp %q, the read %q and %q", answer.Version, answer.Stamp, after.Version, after.Stamp)
		}
		if after.Stamp != "" && after.Stamp != "ls-0000000000000002" {
			b.Errorf("the stamp is %q", after.Stamp)
		}
		b.Edit("Typed by a person")
		if edited := b.read(); edited.Version == after.Version || w.Same(b.Record.Record, b.Text, fields[b.Text], edited.Fields[b.Text]) {
			b.Errorf("an edit does not show: %v in version %q", edited.Fields[b.Text], edited.Version)
		}
		if _, err := b.Connector.Read(b.Context(), b.Record.Ref("ffffffffffffffffffffffffffffffff")); b.class(err) != connectors.ClassGone {
			b.Errorf("a record that is not there: %v", err)
		}
	})
}

// createdOnce: whatever becomes of the call, after the wait the key finds the
// record if it was created; if not, creating it again makes one.
func (s System) createdOnce(t *testing.T) {
	for _, trouble := range append(troubles(), trouble{name: "nothing"}) {
		t.Run(trouble.name, func(t *testing.T) {
			s.on(t, func(b *bench) {
				target, ok := b.Connector.(connectors.Target)
				if !ok || b.Create == nil {
					b.Skip("nothing is created there")
				}
				const key = "lockstep-0123456789abcdef0123456789abcdef"
				draft := connectors.Draft{Collection: b.Record.Collection, Key: key, Stamp: "ls-0000000000000003", Fields: b.resolved(b.Create)}
				b.Endpoint.ResetRequests()
				if trouble.name != "nothing" {
					trouble.fault.Times = 1
					trouble.fault.Method = "POST"
					b.Endpoint.Inject(trouble.fault)
				}
				made, err := target.Create(b.Context(), draft)
				switch {
				case err != nil && trouble.name != "nothing":
					b.class(err)
				case err != nil:
					b.Fatal(err)
				case made.Key != key && made.Key != "" || made.Ref.ID == "" || made.Number == "" && !b.Unnumbered || made.URL == "":
					b.Errorf("the answer is %+v", made)
				}
				if n := b.wrote(); n > 1 {
					b.Errorf("the create was sent %d times", n)
				}
				b.rest()
				found, err := target.FindByKey(b.Context(), b.Record.Collection, key)
				if err != nil {
					b.Fatal(err)
				}
				if len(found) == 0 {
					if trouble.name == "nothing" {
						b.Fatal("what was created is not found")
					}
					if _, err := target.Create(b.Context(), draft); err != nil {
						b.Fatal(err)
					}
					b.rest()
				}
				if found, err = target.FindByKey(b.Context(), b.Record.Collection, key); err != nil || len(found) != 1 || found[0].Key != key {
					b.Errorf("%d records with the key (%v): %+v", len(found), err, found)
				}
			})
		})
	}
}

// createdByKey: where a system takes the key for its idempotency key, whatever becomes
// of the call, the draft sent again is answered with the one record that there is.
func (s System) createdByKey(t *testing.T) {
	for _, trouble := range append(troubles(), trouble{name: "nothing"}) {
		t.Run(trouble.name, func(t *testing.T) {
			s.on(t, func(b *bench) {
				target, ok := b.Connector.(connectors.Target)
				once, takes := b.Connector.(connectors.OnceCreator)
				if !ok || b.Create == nil || !takes || once.CreatesOnceFor(b.Record.Collection) == 0 {
					b.Skip("no key is taken")
				}
				draft := connectors.Draft{Collection: b.Record.Collection, Key: "lockstep-0123456789abcdef0123456789abcdef", Fields: b.resolved(b.Create)}
				if trouble.name != "nothing" {
					trouble.fault.Times, trouble.fault.Method = 1, "POST"
					b.Endpoint.Inject(trouble.fault)
				}
				began := time.Now()
				first, err := target.Create(b.Context(), draft)
				if err != nil && trouble.name == "nothing" {
					b.Fatal(err)
				}
				b.rest()
				second, errSecond := target.Create(b.Context(), draft)
				third, errThird := target.Create(b.Context(), draft)
				if errSecond != nil || errThird != nil || second.Ref != third.Ref || err == nil && second.Ref != first.Ref {
					b.Errorf("%s (%v), %s (%v), %s (%v)", first.Ref, err, second.Ref, errSecond, third.Ref, errThird)
				}
				draft.Key = "lockstep-f123456789abcdef0123456789abcdef"
				if other, err := target.Create(b.Context(), draft); err != nil || other.Ref == second.Ref {
					b.Errorf("another key is answered with %s (%v)", other.Ref, err)
				}
				if took := time.Since(began); took > once.CreatesOnceFor(b.Record.Collection) {
					b.Errorf("it took %v, longer than keys are relied on", took)
				}
			})
		})
	}
}

func (s System) keys(t *testing.T) {
	s.on(t, func(b *bench) {
		target, ok := b.Connector.(connectors.Target)
		if !ok || b.Create == nil {
			b.Skip("nothing is created there")
		}
		fields := b.resolved(b.Create)
		for _, key := range []string{"lockstep-a", "lockstep-ab", "lockstep-b"} {
			if _, err := target.Create(b.Context(), connectors.Draft{Collection: b.Record.Collection, Key: key, Stamp: "ls-1", Fields: fields}); err != nil {
				b.Fatal(err)
			}
		}
		b.rest()
		for key, want := range map[string]int{"lockstep-a": 1, "lockstep-ab": 1, "lockstep-c": 0, "lockstep": 0} {
			found, err := target.FindByKey(b.Context(), b.Record.Collection, key)
			if err != nil || len(found) != want || want == 1 && found[0].Key != key {
				b.Errorf("%s finds %d records (%v), want %d", key, len(found), err, want)
			}
		}
	})
}

func (s System) throttled(t *testing.T) {
	s.on(t, func(b *bench) {
		fields := b.resolved(map[string]any{b.Text: "after"})
		b.Endpoint.ResetRequests()
		b.Endpoint.Inject(simulator.Fault{Kind: simulator.Throttle, RetryAfter: 30 * time.Second, Times: 1})
		began := time.Now()
		if _, err := b.Connector.Read(b.Context(), b.Record); b.class(err) != connectors.ClassThrottled {
			b.Fatalf("throttled: %v", err)
		}
		until := b.Connector.Throttled()
		if until.Before(began.Add(30*time.Second)) || until.After(began.Add(35*time.Second)) {
			b.Errorf("throttled until %v after the answer, want 30 s", until.Sub(began))
		}
		sent := len(b.Endpoint.Requests())
		for time.Now().Before(began.Add(29 * time.Second)) {
			_, errRead := b.Connector.Read(b.Context(), b.Record)
			_, errWrite := b.writer().Update(b.Context(), connectors.Change{Ref: b.Record, Stamp: "ls-2", Fields: fields})
			if b.class(errRead) != connectors.ClassThrottled || b.class(errWrite) != connectors.ClassThrottled {
				b.Errorf("during the pause: %v, %v", errRead, errWrite)
			}
			time.Sleep(5 * time.Second)
		}
		if got := len(b.Endpoint.Requests()); got != sent {
			b.Errorf("%d requests were sent during the pause", got-sent)
		}
		time.Sleep(time.Until(until) + time.Second)
		b.read()
		if until := b.Connector.Throttled(); !until.IsZero() {
			b.Errorf("after the pause it is throttled until %v", until)
		}
	})
}

func (s System) cancelled(t *testing.T) {
	s.on(t, func(b *bench) {
		fields := b.resolved(map[string]any{b.Text: "after"})
		b.Endpoint.ResetRequests()
		ended, cancel := context.WithCancel(b.Context())
		cancel()
		_, errRead := b.Connector.Read(ended, b.Record)
		_, errWrite := b.writer().Update(ended, connectors.Change{Ref: b.Record, Stamp: "ls-3", Fields: fields})
		if errRead == nil || errWrite == nil {
			b.Errorf("with a context that has ended: %v, %v", errRead, errWrite)
		}
		if n := len(b.Endpoint.Requests()); n != 0 {
			b.Errorf("%d requests were sent with a context that had ended", n)
		}
		b.Endpoint.Inject(simulator.Fault{Kind: simulator.Latency, Delay: time.Hour, Times: 1})
		soon, cancel := context.WithTimeout(b.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		if _, err := b.Connector.Read(soon, b.Record); err == nil || time.Since(began) > 4*time.Second {
			b.Errorf("it went on for %v: %v", time.Since(began), err)
		}
	})
}

// deadlineExceeded: a request that may not begin any more is certainly not done.
func (s System) deadlineExceeded(t *testing.T) {
	s.on(t, func(b *bench) {
		fields := b.resolved(map[string]any{b.Text: "after"})
		b.Endpoint.ResetRequests()
		ctx := connectors.WithSendBefore(b.Context(), time.Now().Add(-time.Millisecond))
		_, err := b.writer().Update(ctx, connectors.Change{Ref: b.Record, Stamp: "ls-4", Fields: fields})
		if class := b.class(err); class != connectors.ClassRetry && class != connectors.ClassThrottled {
			b.Errorf("class is %s: %v", class, err)
		}
		if n := b.wrote(); n != 0 {
			b.Errorf("%d writes were sent", n)
		}
	})
}

func (s System) polls(t *testing.T) {
	s.on(t, func(b *bench) {
		poller, ok := b.Connector.(connectors.Poller)
		if !ok {
			b.Skip("it is not polled")
		}
		changed, cursor, err := poller.Poll(b.Context(), b.Record.Collection, nil)
		if err != nil || len(changed) != 0 || len(cursor) == 0 {
			b.Fatalf("the first poll: %v, %q, %v", changed, cursor, err)
		}
		const typed = "canary-0451 typed by a person"
		time.Sleep(time.Minute)
		b.Edit(typed)
		var all []connectors.Ref
		for range 12 { // a search may lag
			time.Sleep(time.Minute)
			changed, next, err := poller.Poll(b.Context(), b.Record.Collection, cursor)
			if err != nil {
				b.Fatal(err)
			}
			if strings.Contains(string(next), "canary") {
				b.Errorf("the cursor holds contents: %s", next)
			}
			all, cursor = append(all, changed...), next
		}
		if !slices.Contains(all, b.Record) {
			b.Errorf("the edit was not found: %v", all)
		}
		if len(all) > 4 {
			b.Errorf("one edit was reported %d times", len(all))
		}
	})
}

// pollsSince: a poll that begins at a moment that has passed finds what changed
// since, and not what changed before.
func (s System) pollsSince(t *testing.T) {
	s.on(t, func(b *bench) {
		poller, ok := b.Connector.(connectors.PollBeginner)
		if !ok {
			b.Skip("it cannot")
		}
		time.Sleep(time.Hour)
		began := time.Now()
		time.Sleep(30 * time.Minute)
		changed, _, err := poller.PollSince(b.Context(), b.Record.Collection, began)
		if err != nil || len(changed) != 0 {
			b.Fatalf("nothing has changed since: %v, %v", changed, err)
		}
		b.Edit("typed while the system could not be asked")
		time.Sleep(time.Hour)
		all, cursor, err := poller.PollSince(b.Context(), b.Record.Collection, began)
		if err != nil || !slices.Contains(all, b.Record) {
			b.Errorf("the edit was not found: %v, %v", all, err)
		}
		time.Sleep(time.Minute)
		changed, cursor, err = b.Connector.(connectors.Poller).Poll(b.Context(), b.Record.Collection, cursor)
		if err != nil || len(changed) != 0 {
			b.Errorf("it is reported again: %v, %v", changed, err)
		}
		b.Edit("typed later")
		for range 12 { // a search may lag
			time.Sleep(time.Minute)
			if changed, cursor, err = b.Connector.(connectors.Poller).Poll(b.Context(), b.Record.Collection, cursor); err != nil {
				b.Fatal(err)
			}
			if slices.Contains(changed, b.Record) {
				return
			}
		}
		b.Error("a later edit was not found")
	})
}

// pollsAhead: a record whose last change lies ahead, by its own word, hides no
// other's, whether it was there when the poll began or not.
func (s System) pollsAhead(t *testing.T) {
	for name, before := range map[string]bool{"before the first poll": true, "later": false} {
		t.Run(name, func(t *testing.T) {
			s.on(t, func(b *bench) {
				poller, ok := b.Connector.(connectors.Poller)
				if !ok || b.Ahead == nil {
					b.Skip("it is not polled")
				}
				ahead := func() { b.Ahead(time.Now().Add(365 * 24 * time.Hour)) }
				if before {
					ahead()
					b.rest()
				}
				_, cursor, err := poller.Poll(b.Context(), b.Record.Collection, nil)
				if err != nil {
					b.Fatal(err)
				}
				if !before {
					ahead()
				}
				reported := map[connectors.Ref]int{}
				poll := func() {
					for range 12 { // a search may lag
						time.Sleep(time.Minute)
						changed, next, err := poller.Poll(b.Context(), b.Record.Collection, cursor)
						if err != nil {
							b.Fatal(err)
						}
						for _, ref := range changed {
							reported[ref]++
						}
						cursor = next
					}
				}
				poll()
				b.Edit("typed by a person")
				poll()
				if reported[b.Record] == 0 {
					b.Error("the edit was not found")
				}
				for ref, n := range reported {
					if n > 4 {
						b.Errorf("%s was reported %d times", ref, n)
					}
				}
			})
		})
	}
}

// commentOnce: whatever becomes of the call, after the wait the marker tells
// whether the comment is there, and its text is what was said.
func (s System) commentOnce(t *testing.T) {
	const text = "Restarted the **replica**.\n\nSee [the graph](https://example.com/g), `SELECT 1` and:\n\n- one\n- two"
	for _, trouble := range append(troubles(), trouble{name: "nothing"}) {
		t.Run(trouble.name, func(t *testing.T) {
			s.on(t, func(b *bench) {
				c, ok := b.Connector.(connectors.Commenter)
				if !ok || len(b.Comment) == 0 {
					b.Skip("it has no comments")
				}
				b.Say("Said by a person")
				record := b.read()
				for i, kind := range b.Comment {
					marker := fmt.Sprintf("ls-%020d", i)
					post := connectors.NewComment{Record: record, Kind: kind, Marker: marker, Text: text, Author: "Ann Person", Origin: "N1 note", At: time.Now()}
					if trouble.name != "nothing" {
						fault := trouble.fault
						fault.Times = 1
						b.Endpoint.Inject(fault)
					}
					_, err := c.Comment(b.Context(), post)
					if err != nil && trouble.name != "nothing" {
						b.class(err)
					} else if err != nil {
						b.Fatal(err)
					}
					b.Endpoint.ClearFaults()
					b.rest()
					if copies := b.copies(c, record, marker); len(copies) == 0 && trouble.name != "nothing" {
						if _, err := c.Comment(b.Context(), post); err != nil {
							b.Fatal(err)
						}
						b.rest()
					}
					copies := b.copies(c, record, marker)
					if len(copies) != 1 {
						b.Fatalf("%d copies with the marker", len(copies))
					}
					if copies[0].Kind != kind {
						b.Errorf("the kind is %s, want %s", copies[0].Kind, kind)
					}
					for _, part := range []string{"replica", "https://example.com/g", "SELECT 1", "one", "two"} {
						if !strings.Contains(copies[0].Text, part) {
							b.Errorf("%q is not in the copy: %q", part, copies[0].Text)
						}
					}
					if strings.Contains(copies[0].Text, marker) {
						b.Errorf("the marker is in the text: %q", copies[0].Text)
					}
				}
				if foreign := b.copies(c, record, ""); len(foreign) != 1 || foreign[0].Text != "Said by a person" || foreign[0].ID == "" || foreign[0].Author == "" {
					b.Errorf("what people said is %+v", foreign)
				}
			})
		})
	}
}

// copies are the comments with a marker.
func (b *bench) copies(c connectors.Commenter, record connectors.Record, marker string) []connectors.Comment {
	b.Helper()
	all, err := c.Comments(b.Context(), record, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	return slices.DeleteFunc(all, func(c connectors.Comment) bool { return c.Marker != marker })
}
