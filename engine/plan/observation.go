package plan

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/deadletter"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/rules"
)

// An Observation is what is known of a link and its two records: plain data, and
// the rules. What is read only on demand is unknown until a plan has asked for
// it.
type Observation struct {
	Route    *rules.Route
	Template *rules.Template
	Stored   *links.Link // as it was loaded
	Link     *links.Link // as agreed so far; agreements move in it as writes are answered
	NextID   string      // of the link that would take this one's place
	Rests    string      // why the link is not carried out; empty: it is
	Now      time.Time
	Tries    int // so far, of what is under way
	Digest   links.Digester
	// Left is how long an intent may still take effect, and Age how long ago it was
	// saved. Left not more than zero: that is over.
	Left   time.Duration
	Age    time.Duration
	Verify bool // it is time to look the key up again
	// Decide asks the rules, which ask nobody.
	Decide func(rules.Input) rules.Decision

	Endpoints      Endpoints
	TargetStatus   ReadStatus
	SourceStatus   ReadStatus
	Told           bool           // those that belong to the record were told of its privacy
	ChildrenBehind bool           // those that belong to the record were not told of this version
	Closed         bool           // the ticket of a source that is gone was closed, or refused to be
	Judged         Judgement      // of the side that is not found
	MovedTo        connectors.Ref // what the side that is not found is now, where its system says so
	MayBePrivate   Answer         // of a source that is not found
	Decision       *rules.Decision
	Parent         *rules.Parent
	Tickets        *Tickets
	Items          Items
	Resolutions

	histories map[links.Side][]connectors.FieldChange
}

// SetHistories adds the changes of both records; a system without a history has
// none.
func (o *Observation) SetHistories(changes map[links.Side][]connectors.FieldChange) {
	o.histories = changes
}

// A Failure is a value, or an item, that cannot be carried out: a dead letter,
// if it is a new one.
type Failure struct {
	Field, Reason, Message string
	Forbidden              bool // a permission is missing, and may be given back
}

// Fail is a failure.
func Fail(field, reason, message string) Failure {
	return Failure{Field: field, Reason: reason, Message: message}
}

// Refused is the failure that a system's refusal is.
func Refused(field, code string, said *connectors.Error) Failure {
	f := Fail(field, code, said.Error())
	f.Forbidden = said.Forbids() && said.Field == "" // else it is a rule about the field
	return f
}

// CodeOf is the code that a system gave, or else another.
func CodeOf(e *connectors.Error, otherwise string) string {
	if e.Code != "" {
		return e.Code
	}
	return otherwise
}

// ReasonOf is the reason of a value that failed to evaluate.
func ReasonOf(failed error) string {
	if TooCostly(failed) {
		return deadletter.ReasonTooCostly
	}
	return deadletter.ReasonValue
}

// TooCostly reports whether a failure says that something about the record is
// too costly to work out.
func TooCostly(err error) bool {
	var said *connectors.Error
	return errors.Is(err, connectors.ErrTooCostly) || errors.As(err, &said) && said.Code == connectors.CodeTooCostly
}

// DidNotStick says that a system answered a write and kept a field (rule 3.8).
func DidNotStick(ticket connectors.Record, field string) string {
	return fmt.Sprintf("%s answered the write and kept field %s as it was; a business rule, data policy or missing permission there changes or protects it", ticket.Ref, field)
}

// Reject remembers a refusal in a link, and reports whether it is a new one.
func (o *Observation) Reject(link *links.Link, name, pair string, f Failure) bool {
	before, ok := link.Refusal(name)
	known := ok && before.Pair == pair && !before.Again
	if known && before.Stands(o.Now) {
		return false
	}
	link.Refuse(links.Refusal{What: name, Pair: pair, Code: f.Reason, At: o.Now.UTC(), Once: before.Once, Forbidden: f.Forbidden})
	return !known
}

// clearChanged forgets refusals of pairs that are no longer what they were; the
// write that may follow says again whether they are refused (rule 3.8). It returns
// how dead letters call what was forgotten. Names in kept stay.
func clearChanged(link *links.Link, pairs map[string]string, kept func(name string) bool) (recovered []string) {
	for _, r := range slices.Clone(link.Refused) {
		if r.Once || kept(r.What) || pairs[r.What] == r.Pair {
			continue
		}
		link.ClearRefusal(r.What)
		recovered = append(recovered, links.Label(r.What))
	}
	return recovered
}

// paused are the mappings of contested fields that rest, and their partners: the
// two are one field to whoever writes it (rule 9a.2).
func (o updating) paused(link *links.Link, mappings []Mapping) map[string]bool {
	paused := map[string]bool{}
	for _, m := range mappings {
		if link.Contests[m.Name].Paused(o.Now) || m.Pair != "" && link.Contests[m.Pair].Paused(o.Now) {
			paused[m.Name] = true
		}
	}
	return paused
}

// linked asks the rules about the records as they are given.
func (o *Observation) linked(endpoints *Endpoints) rules.Decision {
	return o.Decide(rules.Input{
		Record: endpoints.Source.Record, Linked: o.Link.Template, LinkID: o.Link.ID, Parent: o.Parent, Ticket: &endpoints.Target.Record,
	})
}
