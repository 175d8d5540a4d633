package reconcile

import (
	"context"
	"errors"
	"io"

	"github.com/gabriel-vasile/mimetype"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/pauses"
	"github.com/lockstep-sync/lockstep/engine/plan"
)

const (
	opList         = "list" // a read of what hangs on a record
	sniffed        = 3072   // bytes that tell a file's type
	unknownContent = "application/octet-stream"
)

// list lists what hangs on one side. That it may not be read is an answer.
func (w observer) list(ctx context.Context, e *plan.Endpoint, n plan.ListNeed) (plan.List, error) {
	kind := string(n.Kind)
	finder, finds := e.System.(connectors.CopyFinder)
	if finds = finds && n.Copies && n.Kind == plan.Comments; finds {
		kind = "copies"
	}
	list, err := breaker.Ask(ctx, w.breakerOf(e), breaker.Kind(opList, kind), func() (list plan.List, err error) {
		if finds {
			copies, shown, err := finder.Copies(ctx, e.Record)
			return plan.List{Copies: copies, Blank: !shown}, err
		}
		switch n.Kind {
		case plan.Comments:
			if reader, ok := e.System.(connectors.CommentReader); ok {
				list.Comments, err = reader.Comments(ctx, e.Record, n.Since)
			}
		case plan.Files:
			if reader, ok := e.System.(connectors.FileReader); ok {
				list.Files, err = reader.Files(ctx, e.Record)
			}
		case plan.WebLinks:
			if reader, ok := e.System.(connectors.WebLinkReader); ok {
				list.Links, err = reader.WebLinks(ctx, e.Record)
			}
		}
		return list, err
	})
	if said, refused := notReadable(err); refused {
		return plan.List{Refused: said}, nil
	}
	return list, err
}

// notReadable returns the refusal of a read: what is asked for may not be read, and all
// else goes on.
func notReadable(err error) (*connectors.Error, bool) {
	said, ok := errors.AsType[*connectors.Error](err)
	return said, ok && (said.Class == connectors.ClassRejected || said.Class == connectors.ClassForbidden)
}

// mediaOf returns what the content of a file shows it to be.
func (w observer) mediaOf(ctx context.Context, e *plan.Endpoint, f connectors.File) (plan.Media, error) {
	reader, ok := e.System.(connectors.FileReader)
	if !ok {
		return plan.Media{}, nil
	}
	content, err := breaker.Ask(ctx, w.breakerOf(e), breaker.Kind("open", "files"), func() (io.ReadCloser, error) { return reader.OpenFile(ctx, e.Record, f) })
	if said, refused := notReadable(err); refused {
		return plan.Media{Refused: said}, nil
	}
	if err != nil {
		return plan.Media{}, err
	}
	defer content.Close()
	head := make([]byte, sniffed)
	n, err := io.ReadFull(content, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return plan.Media{}, &connectors.Error{Class: connectors.ClassRetry, Op: "open", Record: e.Ref.String(), Message: "the content of a file was cut", Err: err}
	}
	is := mimetype.Detect(head[:n]).String()
	if is == unknownContent {
		is = ""
	}
	return plan.Media{Type: is}, nil
}

// postpones leaves a transfer for later of which something cannot be read now, so that
// one file or one list holds up neither the fields nor the rest. The failure comes back
// when all that can be done is done. What is under way is not postponed: it is settled
// by what is read.
func (w *session) postpones(o *plan.Observation, transfer string, err error) bool {
	if _, lost := errors.AsType[*lostError](err); lost || errors.Is(err, errNotAllowed) || errors.Is(err, pauses.ErrPaused) {
		return false
	}
	said, ok := errors.AsType[*connectors.Error](err)
	if !ok || o.Stored.Intent != nil || said.Class != connectors.ClassUnclear && said.Class != connectors.ClassRetry {
		return false
	}
	if away, ok := errors.AsType[*breaker.AwayError](err); ok && away.During {
		return false
	}
	o.Items.Postpone(transfer)
	w.postponed = err
	return true
}
