package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gabriel-vasile/mimetype"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/plan"
	"github.com/lockstep-sync/lockstep/rules"
)

// Why a file is not carried, beside itemSeen.
const (
	fileTooLarge   = "file_too_large"
	fileOtherType  = "file_of_another_type"
	sniffed        = 3072 // bytes that tell a file's type
	unknownContent = "application/octet-stream"
)

// fileTransfer carries the files of one side to the other: as files where the
// other system holds files, else as links to them.
func (w transfers) fileTransfer(s *sending, name string, to links.Side, clauses []rules.AttachmentClause) (transfer, bool) {
	from, into := s.Ends.Of(links.Other(to)), s.Ends.Of(to)
	reader, reads := from.System.(connectors.FileReader)
	if len(clauses) == 0 || !reads {
		return transfer{}, false
	}
	writer, holds := into.System.(connectors.FileWriter)
	linker, shows := into.System.(connectors.WebLinker)
	h := transfer{name: name, to: to, verb: "attach"}
	var put func(ctx context.Context, f connectors.File) (connectors.Posted, error)
	marks := func(f connectors.File) []string {
		sized := fmt.Sprintf("%s/%d", f.Name, f.Size)
		if f.Hash == "" {
			return []string{sized}
		}
		return []string{f.Hash, sized}
	}
	switch {
	case holds:
		h.copies = func(ctx context.Context) (map[string][]string, error) {
			all, err := breaker.Ask(w.breakerOf(into), breaker.Kind(opList, "files"), func() ([]connectors.File, error) { return writer.Files(ctx, into.Record) })
			copies := map[string][]string{}
			for _, f := range all {
				for _, mark := range marks(f) {
					if f.Ours || mark == f.Hash { // somebody may have carried it by hand
						copies[mark] = append(copies[mark], f.ID)
					}
				}
			}
			return copies, err
		}
		put = func(ctx context.Context, f connectors.File) (connectors.Posted, error) {
			content, err := reader.OpenFile(ctx, from.Record, f)
			if err != nil {
				return connectors.Posted{}, err
			}
			defer content.Close()
			made, err := writer.AddFile(ctx, into.Record, f, content)
			return connectors.Posted{ID: made.ID}, err
		}
	case shows:
		link := func(f connectors.File) connectors.WebLink {
			return connectors.WebLink{URL: f.URL, Title: f.Name, System: from.Ref.Type}
		}
		marks = func(f connectors.File) []string { return []string{f.URL} }
		h.copies = w.linked(into, linker)
		put = func(ctx context.Context, f connectors.File) (connectors.Posted, error) {
			return connectors.Posted{ID: itemLinked}, linker.AddWebLink(ctx, into.Record, link(f))
		}
		if !linker.TakesLink(into.Ref.Record, link(connectors.File{})) {
			return transfer{}, false
		}
	default:
		return transfer{}, false
	}
	h.list = func(ctx context.Context, _ time.Time) ([]item, error) {
		all, err := breaker.Ask(w.breakerOf(from), breaker.Kind(opList, "files"), func() ([]connectors.File, error) { return reader.Files(ctx, from.Record) })
		var items []item
		for _, f := range all {
			if f.Ours {
				continue // a copy
			}
			items = append(items, item{
				key: f.ID, at: f.At, name: f.Name, copies: marks(f),
				drop: func(ctx context.Context) (string, error) { return w.dropFile(ctx, from, reader, f, clauses) },
				send: func(ctx context.Context) (connectors.Posted, error) { return put(ctx, f) },
			})
		}
		return items, err
	}
	return h, true
}

// itemLinked stands for the id of a link, which has none.
const itemLinked = "linked"

// dropFile says why no clause takes a file; empty: one does. What the content
// shows counts, and the name or the sender's word only where it shows nothing.
func (w transfers) dropFile(ctx context.Context, from *plan.End, reader connectors.FileReader, f connectors.File, clauses []rules.AttachmentClause) (string, error) {
	if !slices.ContainsFunc(clauses, func(c rules.AttachmentClause) bool { return f.Size <= c.MaxSize }) {
		return fileTooLarge, nil
	}
	content, err := breaker.Ask(w.breakerOf(from), breaker.Kind("open", "files"), func() (io.ReadCloser, error) { return reader.OpenFile(ctx, from.Record, f) })
	if err != nil {
		return "", err
	}
	defer content.Close()
	head := make([]byte, sniffed)
	n, err := io.ReadFull(content, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", &connectors.Error{Class: connectors.ClassRetry, Op: "open", Record: from.Ref.String(), Message: "the content of a file was cut", Err: err}
	}
	is := mediaType(mimetype.Detect(head[:n]).String())
	if is == unknownContent {
		is = mediaType(f.Type)
	}
	reason := fileOtherType
	for _, c := range clauses {
		matches := slices.ContainsFunc(c.Types, func(pattern string) bool {
			ok, err := path.Match(pattern, is)
			return ok && err == nil
		})
		if matches && f.Size <= c.MaxSize {
			return "", nil
		}
		if matches {
			reason = fileTooLarge
		}
	}
	return reason, nil
}

// mediaType is a media type without its parameters.
func mediaType(s string) string {
	s, _, _ = strings.Cut(s, ";")
	return strings.ToLower(strings.TrimSpace(s))
}

// ticketTransfer shows the ticket in its source, where the source's system has a
// place for links.
func (w transfers) ticketTransfer(s *sending) (transfer, bool) {
	source, ticket := &s.Ends.Source, s.Ends.Target.Record
	linker, shows := source.System.(connectors.WebLinker)
	if !shows || ticket.URL == "" || !linker.TakesLink(source.Ref.Record, ticketLink(ticket)) {
		return transfer{}, false
	}
	return transfer{
		name: links.TicketLink, to: links.Source, verb: "attach", always: true,
		list: func(context.Context, time.Time) ([]item, error) {
			return []item{{key: ticket.Ref.String(), copies: []string{ticket.URL}, send: func(ctx context.Context) (connectors.Posted, error) {
				return connectors.Posted{ID: itemLinked}, linker.AddWebLink(ctx, source.Record, ticketLink(ticket))
			}}}, nil
		},
		copies: w.linked(source, linker),
	}, true
}

func ticketLink(ticket connectors.Record) connectors.WebLink {
	title := ticket.Number
	if title == "" {
		title = ticket.Ref.ID
	}
	return connectors.WebLink{URL: ticket.URL, Title: title, System: ticket.Ref.Type, Ticket: true}
}

// linked lists the links of a record.
func (w transfers) linked(e *plan.End, linker connectors.WebLinker) func(context.Context) (map[string][]string, error) {
	return func(ctx context.Context) (map[string][]string, error) {
		all, err := breaker.Ask(w.breakerOf(e), breaker.Kind(opList, "links"), func() ([]string, error) { return linker.WebLinks(ctx, e.Record) })
		copies := map[string][]string{}
		for _, url := range all {
			copies[url] = append(copies[url], itemLinked)
		}
		return copies, err
	}
}
