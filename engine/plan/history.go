package plan

import (
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
	NoteMayOverlap  = "may_have_overwritten" // somebody wrote then; it is not known what
	NoteTimeUnknown = "time_unknown"         // conflict = "latest", and no time: the source won
)

// writtenOver returns the changes of a field by others before ours: what came
// after it is a later edit and stands.
func writtenOver(changes []connectors.FieldChange, f Write, now time.Time) []connectors.FieldChange {
	ours := now
	for _, c := range changes {
		if c.Ours && Touches(c.Field, f.Mapping.Path) {
			ours = c.At
		}
	}
	return slices.DeleteFunc(slices.Clone(changes), func(c connectors.FieldChange) bool {
		return c.Ours || !Touches(c.Field, f.Mapping.Path) || c.At.After(ours)
	})
}

// Touches reports whether a change of a field is one of what lies at the path.
func Touches(field string, path []string) bool {
	changed := strings.FieldsFunc(field, func(r rune) bool { return r == '/' || r == '.' })
	n := min(len(changed), len(path))
	return n > 0 && slices.Equal(changed[:n], path[:n])
}

// A Conflict is a conflict that "latest" decides by the times of both fields: what
// is read on one side and written on the other.
type Conflict struct {
	Name  string
	To    links.Side
	Read  [][]string // paths on the side that is read
	Wrote []string   // path on the side that would be written
}

// StateNames returns the mappings by which a state is written, by side.
func StateNames(sync rules.StateSync) map[links.Side]string {
	return map[links.Side]string{links.Target: links.Outbound(sync.TargetField), links.Source: links.Inbound(sync.SourceField)}
}

// Later returns the later of two times.
func Later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Newest says, for each conflict, which side changed last by the changes of
// both records (rule 4.5); none where a time is not known or both are the same
// second. seen are the versions that the link was last in step with.
func Newest(endpoints *Endpoints, seen map[links.Side]string, changes map[links.Side][]connectors.FieldChange, clashes []Conflict) map[string]links.Side {
	timeOf := func(of links.Side, paths ...[]string) time.Time {
		var at time.Time
		for _, c := range changes[of] {
			if !c.Ours && slices.ContainsFunc(paths, func(p []string) bool { return Touches(c.Field, p) }) {
				at = Later(at, c.At)
			}
		}
		if at.IsZero() {
			at = recordTime(endpoints.Of(of), seen[of])
		}
		return at.Truncate(time.Second)
	}
	newest := map[string]links.Side{}
	for _, c := range clashes {
		wrote, read := timeOf(c.To, c.Wrote), timeOf(links.Other(c.To), c.Read...)
		switch {
		case wrote.IsZero() || read.IsZero():
		case read.After(wrote):
			newest[c.Name] = links.Other(c.To)
		case wrote.After(read):
			newest[c.Name] = c.To
		}
	}
	return newest
}

// recordTime returns the time of a record's last change, if that is the only one
// since the version that was seen: then it is the time of the field.
func recordTime(e *Endpoint, seen string) time.Time {
	order, ok := e.System.(connectors.VersionOrder)
	if !ok {
		return time.Time{}
	}
	if next, known := order.Follows(seen, e.Record.Version); !known || !next {
		return time.Time{}
	}
	return e.Record.UpdatedAt
}

// Follows reports whether the version of an answer is the next one after the
// record that was read: then nobody wrote in between (section 6). known is false
// where the versions do not tell.
func (e *Endpoint) Follows(answer connectors.Record) (next, known bool) {
	order, ok := e.System.(connectors.VersionOrder)
	if !ok {
		return false, false
	}
	return order.Follows(e.Record.Version, answer.Version)
}

// Overlaps says what somebody wrote between the read of a side and our writes to
// it (section 6). Their values are journaled; where the system keeps no history,
// the names of the fields that were written, if its versions tell that somebody
// wrote (section 6).
func Overlaps(writes []Write, changes []connectors.FieldChange, remembers, known bool, now time.Time, d links.Digester) []Note {
	var notes []Note
	for _, f := range writes {
		name, side := links.Label(f.Mapping.Name), f.Mapping.Side
		switch {
		case remembers:
			for _, c := range writtenOver(changes, f, now) {
				if d.Of(c.New) != d.Of(f.Was) {
					notes = append(notes, Note{Field: name, What: noteOverlap, Lost: c.New, Side: side})
				}
			}
		case known:
			notes = append(notes, Note{Field: name, What: NoteMayOverlap, Side: side})
		}
	}
	return notes
}
