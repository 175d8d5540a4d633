package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/journal"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/engine/store"
)

// A change is what a decision makes of what is stored of a record: whoever
// decides says what, and commit alone knows the order.
type change struct {
	recovered []string       // fields whose dead letters have come true; deadletter.AllFields: all
	ended     []plan.Failure // dead letters about what is over
	letters   []plan.Failure // what cannot be carried out

	purge        bool // nothing of the record may be kept: it is private
	turned       bool // what belongs to it is as private as it is, and nobody tells
	changed      bool // what belongs to it is decided again
	predecessors bool // the links before this one hold nothing any more either

	link    *links.Link // as it will be; nil: it stays
	step    Step        // of the link's save
	opened  bool        // the link has a new ticket
	joins   bool        // it belongs to another record now
	whole   bool        // what kept the record as a whole from being looked at is over
	unclaim bool        // the link goes

	mark  *links.Unlinked
	early bool // the mark counts before the journal: whoever journals goes by it

	decided string // action, for metrics
	entry   *journal.Entry
}

// commit writes a change. The order makes a crash between any two parts, and
// whoever stands still meanwhile, harmless:
//
//   - dead letters come before the link, after which nobody would look for them;
//   - what is kept of a private record goes before the link says so, for a link
//     that is stopped is not looked at again, and once more after it, for those
//     who have journaled since: from then on they see that it is private (rule 8.3);
//   - the link is compared and set before anything that others find it by;
//   - the journal comes last, and after it the mark by which the same version is
//     not decided again.
func (w committer) commit(ctx context.Context, c change) error {
	if err := w.commitLetters(ctx, c); err != nil {
		return err
	}
	if c.purge {
		if err := w.engine.Journal.Forget(ctx, w.route.Name, w.source); err != nil {
			return err
		}
	}
	if c.turned {
		if err := w.hintChildren(ctx); err != nil {
			return err
		}
	}
	if c.changed {
		if err := w.tellChildren(ctx, false); err != nil {
			return err
		}
	}
	if c.mark != nil || c.joins || c.link != nil && c.link.Phase == links.Claim {
		if err := w.joinParent(ctx); err != nil {
			return err
		}
	}
	if c.predecessors {
		if err := w.emptyPredecessors(ctx); err != nil {
			return err
		}
	}
	if c.mark != nil && c.early {
		if err := w.saveMark(ctx, *c.mark); err != nil {
			return err
		}
	}
	if err := w.commitLink(ctx, c); err != nil {
		return err
	}
	if c.purge {
		if err := w.engine.Journal.Purge(ctx, w.source); err != nil {
			return err
		}
	}
	if c.decided != "" {
		w.engine.Metrics.Decided(w.route.Name, c.entry.Template, c.decided)
	}
	if c.entry != nil {
		if err := w.journal(ctx, *c.entry); err != nil {
			return err
		}
	}
	if c.mark != nil && !c.early {
		return w.saveMark(ctx, *c.mark)
	}
	return nil
}

// commitLetters removes dead letters that have come true or are over, and keeps
// new ones.
func (w committer) commitLetters(ctx context.Context, c change) error {
	ended := c.ended
	if w.aside && (c.unclaim || c.link != nil && c.link.Aside == nil) { // it is tried again
		ended = append(slices.Clone(ended), plan.Failure{Reason: deadletter.ReasonTooCostly}, plan.Failure{Reason: deadletter.ReasonInternal})
	}
	for _, field := range c.recovered {
		if err := w.engine.Letters.Resolve(ctx, w.route.Name, w.source, field); err != nil {
			return err
		}
	}
	for _, f := range ended {
		if err := w.engine.Letters.Remove(ctx, w.route.Name, w.source, f.Field, f.Reason); err != nil {
			return err
		}
	}
	if c.whole || c.opened {
		if err := w.engine.Letters.Ended(ctx, w.route.Name, w.source, deadletter.ReasonRejected, deadletter.ReasonGaveUp, deadletter.ReasonUnreadable, deadletter.ReasonMoved); err != nil {
			return err
		}
	}
	for _, f := range c.letters {
		if err := w.giveUp(ctx, f.Reason, f.Field, f.Message); err != nil {
			return err
		}
	}
	return nil
}

// commitLink saves the link over the revision that this reconcile knows, and what
// it is found by.
func (w committer) commitLink(ctx context.Context, c change) error {
	if c.unclaim && w.revision > 0 {
		err := w.engine.Repo.Delete(ctx, links.Stored{Link: &links.Link{ID: w.linkID}, Revision: w.revision})
		if err == nil {
			w.revision, w.aside = 0, false
		}
		return err
	}
	if c.link == nil {
		return nil
	}
	found, err := w.saveLink(ctx, c)
	if err != nil {
		return err
	}
	if c.step != "" {
		w.engine.step(ctx, c.step)
	}
	if !c.opened {
		return nil
	}
	if !found {
		if err := w.engine.Repo.IndexTarget(ctx, c.link); err != nil {
			return err
		}
	}
	if err := w.verifyLater(ctx); err != nil {
		return err
	}
	if err := w.tellChildren(ctx, true); err != nil {
		return err
	}
	return w.engine.Repo.ForgetUnlinked(ctx, w.route.Name, w.source)
}

// saveLink saves the link. A new one is findable by its ticket before that, for an edit of
// the ticket may be polled by a daemon that outlives this one; false: another link is.
func (w committer) saveLink(ctx context.Context, c change) (found bool, err error) {
	if c.opened {
		if found, err = w.engine.Repo.ExpectTarget(ctx, c.link); err != nil {
			return false, err
		}
	}
	revision, err := w.engine.Repo.Save(ctx, c.link, w.revision)
	if errors.Is(err, store.ErrConflict) && found { // somebody else has confirmed, perhaps another ticket
		err = errors.Join(err, w.engine.Repo.ForgetTarget(ctx, c.link))
	}
	if err != nil {
		return false, err
	}
	w.revision, w.aside = revision, c.link.Aside != nil
	return found, nil
}

func (w committer) saveMark(ctx context.Context, u links.Unlinked) error {
	if w.record != nil {
		u.Parent, u.ParentToken = w.record.Parent, w.parentToken
		if w.route.Admits(*w.record) {
			u.Number, u.URL = w.record.Number, w.record.URL
		}
	}
	return w.engine.Repo.SaveUnlinked(ctx, w.route.Name, w.source, u)
}

// emptyPredecessors drops what the links before this one still hold.
func (w committer) emptyPredecessors(ctx context.Context) error {
	for n := 1; n < w.n; n++ {
		err := w.engine.Repo.Change(ctx, links.ID(w.route.Name, w.source, n), func(l *links.Link) error {
			l.DropContents()
			l.NameSource(connectors.Record{}, false)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// verifyLater has the key of a new ticket looked up again when the search must
// have caught up (rule 7.6).
func (w committer) verifyLater(ctx context.Context) error {
	due := w.engine.Clock.Now().Add(plan.FirstVerify) // not the link's, which is of the wall clock alone
	if err := w.engine.Store.Hints.AddAt(ctx, w.linkID+verifySuffix, w.source, due, 0); err != nil {
		return fmt.Errorf("verification of link %s: %w", w.linkID, err)
	}
	return nil
}

// sameLink reports whether two links are the same document.
func sameLink(a, b *links.Link) bool {
	one, errOne := json.Marshal(a)
	two, errTwo := json.Marshal(b)
	return errOne == nil && errTwo == nil && bytes.Equal(one, two)
}
