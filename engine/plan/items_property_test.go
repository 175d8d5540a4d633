package plan

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// A board is what hangs on one record, as its system holds it.
type board struct {
	comments []connectors.Comment
	files    []connectors.File
}

func (*board) Read(context.Context, connectors.Ref) (connectors.Record, error) {
	return connectors.Record{}, nil
}
func (*board) Throttled() time.Time { return time.Time{} }
func (*board) Files(context.Context, connectors.Record) ([]connectors.File, error) {
	return nil, nil
}

func (*board) OpenFile(context.Context, connectors.Record, connectors.File) (io.ReadCloser, error) {
	return nil, io.EOF
}

func (b *board) say(n int, at time.Time) {
	b.comments = append(b.comments, connectors.Comment{ID: fmt.Sprint("c", n), Kind: "note", Author: "a person", Text: fmt.Sprint("said ", n), At: at})
}

func (b *board) attach(n int, at time.Time) {
	b.files = append(b.files, connectors.File{ID: fmt.Sprint("f", n), Name: fmt.Sprint("shot", n, ".png"), Size: int64(100 + n), At: at})
}

// accept holds what an item carries there, as its system would.
func (b *board) accept(it *Item, at time.Time) (id string) {
	if it.Post != nil {
		id = fmt.Sprint("copy of ", it.Key)
		b.comments = append(b.comments, connectors.Comment{ID: id, Kind: it.Post.Kind, Text: it.Post.Text, Marker: it.Post.Marker, At: at})
		return id
	}
	f := *it.File
	f.ID, f.Ours, f.At = fmt.Sprint("copy of ", it.Key), true, at
	b.files = append(b.files, f)
	return f.ID
}

// boards are both sides of a link, and what is known of it.
type boards struct {
	at map[links.Side]*board
	o  *Observation
}

func newBoards(now time.Time) *boards {
	both := &boards{at: map[links.Side]*board{links.Source: {}, links.Target: {}}}
	schema := &connectors.Schema{CommentKinds: []string{"note"}, State: &connectors.StateField{Field: "state"}}
	endpoint := func(side links.Side) Endpoint {
		return Endpoint{
			Ref: connectors.Collection{Type: "fake", Connector: string(side), Record: "thing"}.Ref("1"), System: both.at[side], Schema: schema,
			Takes: Abilities{Fields: true, Comments: true, Files: true}, Record: connectors.Record{Fields: map[string]any{"state": "open"}},
		}
	}
	pictures := []rules.AttachmentClause{{Types: []string{"image/*"}, MaxSize: 1 << 20}}
	template := &rules.Template{
		Comments: rules.Comments{Inbound: []rules.CommentClause{{}}, Outbound: []rules.CommentClause{{}}},
		Files:    rules.Attachments{Inbound: pictures, Outbound: pictures},
	}
	both.o = &Observation{
		Endpoints: Endpoints{Source: endpoint(links.Source), Target: endpoint(links.Target)}, Template: template, Now: now,
		Link: &links.Link{Key: "key", Items: NewItems(template)}, Digest: links.NewDigester([]byte("a key for tests")),
	}
	return both
}

// A fataler is a test, or a property of one.
type fataler interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// plan asks for the items of both sides until the evidence is there.
func (b *boards) plan(t fataler) Plan {
	for range 20 {
		before := *b.o.Link.Clone()
		p, needs := Plan{Link: b.o.Link.Clone()}, Needs{}
		b.o.items(&p, &needs)
		if diff := cmp.Diff(before, *b.o.Link.Clone()); diff != "" {
			t.Fatalf("planning changed the link (-before +after):\n%s", diff)
		}
		if needs.None() {
			return p
		}
		for _, n := range needs.Lists {
			list := List{}
			switch from := b.at[n.Side]; n.Kind {
			case Comments:
				for _, c := range from.comments {
					if !c.At.Before(n.Since) {
						list.Comments = append(list.Comments, c)
					}
				}
			case Files:
				list.Files = slices.Clone(from.files)
			}
			b.o.Items.SetList(n, list)
		}
		for _, n := range needs.Media {
			b.o.Items.SetMedia(n, Media{Type: "image/png"})
		}
	}
	t.Fatal("it asks for ever")
	return Plan{}
}

// restart forgets all that is not in the link, as a reconcile does that ends.
func (b *boards) restart() { b.o.Items = Items{} }

// copies counts, by the original's id, what was carried to a side.
func (b *boards) copies(to links.Side) map[string]int {
	n := map[string]int{}
	for _, c := range b.at[to].comments {
		if c.Marker != "" {
			n[c.ID]++
		}
	}
	for _, f := range b.at[to].files {
		if f.Ours {
			n[f.ID]++
		}
	}
	return n
}

// TestEachItemIsCarriedOnce: whatever is answered, lost, dropped or refused, and
// wherever a reconcile ends, each comment and file by a person has one copy in
// the end, or is refused; copies are carried nowhere; and from rest nothing is.
func TestEachItemIsCarriedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		b := newBoards(now)
		originals := map[links.Side][]string{}
		refused := map[string]bool{}
		made := 0
		sides := []links.Side{links.Source, links.Target}
		reconcile := func(faults bool) (sent int) {
			defer b.restart()
			dropped := map[string]bool{} // in this reconcile
			for range 20 {
				p := b.plan(t)
				ops := p.Operations
				b.o.Accept(p)
				if len(ops) == 0 && b.o.Items.sent == nil {
					return sent
				}
				for _, op := range ops {
					if sent++; dropped[op.Item.ID()] {
						t.Fatalf("%s was dropped, and is sent again", op.Item.ID())
					}
					outcome := "answered"
					if faults {
						outcome = rapid.SampledFrom([]string{"answered", "no id", "lost, done", "lost, not done", "dropped", "refused", "crash"}).Draw(t, "outcome")
					}
					to := b.at[op.Side]
					switch outcome {
					case "answered":
						b.o.Carried(op.Item, connectors.CommentReceipt{ID: to.accept(op.Item, now)})
					case "no id":
						to.accept(op.Item, now)
						b.o.Carried(op.Item, connectors.CommentReceipt{})
					case "lost, done":
						to.accept(op.Item, now)
						return sent
					case "lost, not done", "crash":
						return sent
					case "dropped":
						refused[op.Item.ID()], dropped[op.Item.ID()] = true, true
						b.o.Carried(op.Item, connectors.CommentReceipt{})
					case "refused":
						refused[op.Item.ID()] = true
						b.o.NotCarried(op.Item, &connectors.Error{Class: connectors.ClassRejected, Message: "no"})
					}
				}
			}
			t.Fatal("it does not converge")
			return sent
		}
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(1, 60*60*24).Draw(t, "later")) * time.Second)
			b.o.Now = now
			side := rapid.SampledFrom(sides).Draw(t, "side")
			switch made++; rapid.IntRange(0, 2).Draw(t, "who") {
			case 0:
				b.at[side].say(made, now)
				originals[side] = append(originals[side], fmt.Sprint("c", made))
			case 1:
				b.at[side].attach(made, now)
				originals[side] = append(originals[side], fmt.Sprint("f", made))
			case 2:
				reconcile(true)
			}
		}
		reconcile(false)
		if again := reconcile(false); again != 0 {
			t.Fatalf("from rest it sends %d items", again)
		}
		for _, side := range sides {
			to := links.Other(side)
			copies := b.copies(to)
			for _, id := range originals[side] {
				n, gone := copies["copy of "+id], false
				for name := range refused {
					gone = gone || name[len(name)-len(id)-1:] == "/"+id
				}
				if n > 1 || n == 0 && !gone {
					t.Errorf("%s of the %s has %d copies on the %s", id, side, n, to)
				}
				delete(copies, "copy of "+id)
			}
			if len(copies) > 0 {
				t.Errorf("on the %s there are copies of nothing: %v", to, slices.Collect(maps.Keys(copies)))
			}
		}
	})
}

// TestRefusedItemsAreTriedAgainInAnotherState: and not before.
func TestRefusedItemsAreTriedAgainInAnotherState(t *testing.T) {
	b := newBoards(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	b.at[links.Source].say(1, b.o.Now)
	p := b.plan(t)
	b.o.Accept(p)
	letters := b.o.NotCarried(p.Operations[0].Item, &connectors.Error{Class: connectors.ClassRejected, Message: "no"})
	if len(letters) != 1 || letters[0].Field != links.CommentsOutbound+"/c1" {
		t.Fatalf("dead letters: %+v", letters)
	}
	b.restart()
	if p := b.plan(t); len(p.Operations) != 0 {
		t.Fatalf("it is tried again: %+v", p.Operations)
	}
	b.o.Endpoints.Target.Record.Fields["state"] = "reopened"
	b.restart()
	if p := b.plan(t); len(p.Operations) != 1 || !slices.Contains(p.Recovered, links.CommentsOutbound+"/c1") {
		t.Errorf("in another state: operations %+v, recovered %v", p.Operations, p.Recovered)
	}
}

// TestATransferThatMayNotBeRead is refused alone: the others go on.
func TestATransferThatMayNotBeRead(t *testing.T) {
	b := newBoards(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	b.at[links.Source].say(1, b.o.Now)
	b.o.Items.SetList(ListNeed{Transfer: links.FilesInbound}, List{Refused: &connectors.Error{Class: connectors.ClassRejected, Message: "no"}})
	p := b.plan(t)
	if len(p.Operations) != 1 || p.Operations[0].Kind != KindComment || len(p.Failed) != 1 || p.Failed[0].Field != links.FilesInbound || !p.Refused {
		t.Errorf("operations %+v, failed %+v", p.Operations, p.Failed)
	}
}
