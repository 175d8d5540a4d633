package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// What the journal says of writes that met, and of conflicts.
const (
	noteConflict    = "conflict"
	noteOverwritten = "overwritten"          // a value that was agreed on although it differed
	noteOverlap     = "overlap"              // a value that was written over in the same moment
	noteMayOverlap  = "may_have_overwritten" // somebody wrote then; it is not known what
	noteTimeUnknown = "time_unknown"         // conflict = "latest", and no time: the source won
)

// overlapped looks for what somebody wrote between the read of a side and the
// write that answer is the answer to. Their values are journaled; where the
// system keeps no history, the names of the fields that were written.
func (w *work) overlapped(ctx context.Context, e *end, writes []write, answer connectors.Record) ([]note, error) {
	unknown := true
	if order, ok := e.guard.connector.(connectors.VersionOrder); ok {
		next, known := order.Follows(e.record.Version, answer.Version)
		if known && next {
			return nil, nil
		}
		unknown = !known
	}
	changes, remembers, err := w.history(ctx, e, e.record.UpdatedAt)
	if err != nil {
		return nil, err
	}
	var notes []note
	for _, f := range writes {
		name, side := links.Label(f.mapping.name), f.mapping.side
		switch {
		case remembers:
			for _, c := range writtenOver(changes, f, w.engine.clock.Now()) {
				if w.engine.digest.Of(c.New) != w.engine.digest.Of(f.was) {
					notes = append(notes, note{Field: name, What: noteOverlap, Lost: c.New, Side: side})
				}
			}
		case !unknown:
			notes = append(notes, note{Field: name, What: noteMayOverlap, Side: side})
		}
	}
	return notes, nil
}

// writtenOver are the changes of a field by others before ours: what came
// after it is a later edit and stands.
func writtenOver(changes []connectors.FieldChange, f write, now time.Time) []connectors.FieldChange {
	ours := now
	for _, c := range changes {
		if c.Ours && touches(c.Field, f.mapping.path) {
			ours = c.At
		}
	}
	return slices.DeleteFunc(slices.Clone(changes), func(c connectors.FieldChange) bool {
		return c.Ours || !touches(c.Field, f.mapping.path) || c.At.After(ours)
	})
}

// touches reports whether a change of a field is one of what lies at the path.
func touches(field string, path []string) bool {
	changed := strings.FieldsFunc(field, func(r rune) bool { return r == '/' || r == '.' })
	n := min(len(changed), len(path))
	return n > 0 && slices.Equal(changed[:n], path[:n])
}

// history asks for the changes of a record, if its system remembers them.
func (w *work) history(ctx context.Context, e *end, since time.Time) ([]connectors.FieldChange, bool, error) {
	h, ok := e.guard.connector.(connectors.Historian)
	if !ok {
		return nil, false, nil
	}
	changes, err := ask(e.guard, kindOf(opHistory, e.ref.Record), func() ([]connectors.FieldChange, error) { return h.History(ctx, e.record, since) })
	if class, known := connectors.ClassOf(err); known && class == connectors.ClassRejected {
		return nil, false, nil // it may not be read
	}
	return changes, err == nil, err
}

// A clash is a conflict that "latest" decides by the times of both fields: what
// is read on one side and written on the other.
type clash struct {
	name  string
	to    links.Side
	read  [][]string // paths on the side that is read
	wrote []string   // path on the side that would be written
}

// newest says, for each conflict, which side changed last; none where a time
// is not known or both are the same second.
func (w *work) newest(ctx context.Context, s *sending, clashes []clash) (map[string]links.Side, error) {
	newest := map[string]links.Side{}
	var changes [2][]connectors.FieldChange
	for i, of := range []links.Side{links.Source, links.Target} {
		all, _, err := w.history(ctx, s.ends.of(of), time.Time{})
		if err != nil {
			return nil, err
		}
		changes[i] = all
	}
	timeOf := func(of links.Side, paths ...[]string) time.Time {
		i := 0
		if of == links.Target {
			i = 1
		}
		var at time.Time
		for _, c := range changes[i] {
			if !c.Ours && slices.ContainsFunc(paths, func(p []string) bool { return touches(c.Field, p) }) {
				at = later(at, c.At)
			}
		}
		if at.IsZero() {
			at = w.recordTime(s, of)
		}
		return at.Truncate(time.Second)
	}
	for _, c := range clashes {
		wrote, read := timeOf(c.to, c.wrote), timeOf(links.Other(c.to), c.read...)
		switch {
		case wrote.IsZero() || read.IsZero():
		case read.After(wrote):
			newest[c.name] = links.Other(c.to)
		case wrote.After(read):
			newest[c.name] = c.to
		}
	}
	return newest, nil
}

// recordTime is the time of a record's last change, if that is the only one
// since the link was last in step: then it is the time of the field.
func (w *work) recordTime(s *sending, of links.Side) time.Time {
	e := s.ends.of(of)
	order, ok := e.guard.connector.(connectors.VersionOrder)
	if !ok {
		return time.Time{}
	}
	if next, known := order.Follows(s.next.Seen[of], e.record.Version); !known || !next {
		return time.Time{}
	}
	return e.record.UpdatedAt
}

// see keeps the versions that the link was last in step with, where a conflict
// may ask for them.
func (s *sending) see() {
	s.next.Seen = nil
	if s.template.Conflict == rules.LatestWins {
		s.next.Seen = map[links.Side]string{links.Source: s.ends.source.record.Version, links.Target: s.ends.target.record.Version}
	}
}
