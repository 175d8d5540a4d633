package simulation

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/connectors/simulator"
	"github.com/lockstep-sync/lockstep/engine/links"
	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// An operation is one thing that people, systems or daemons do. weight is how
// often, against the others.
type operation struct {
	name   string
	weight int
	do     func(*world) error
}

func operations() []operation {
	return []operation{
		{"somebody edits a record", 10, (*world).editSource},
		{"somebody edits a ticket", 10, (*world).editTarget},
		{"a record moves", 3, (*world).moveSource},
		{"a ticket moves", 3, (*world).moveTarget},
		{"an incident is declared", 2, (*world).declare},
		{"a follow-up is added", 2, (*world).addFollowUp},
		{"a follow-up is deleted", 1, (*world).deleteFollowUp},
		{"a follow-up moves to another incident", 1, (*world).moveToIncident},
		{"the class of a ticket is changed for a while", 1, (*world).reclassify},
		{"a script stamps a ticket with another time", 1, (*world).stampTicket},
		{"an agent writes a work note", 1, (*world).workNote},
		{"a responder posts an update", 1, (*world).postUpdate},
		{"an agent attaches an image", 1, (*world).attach},
		{"webhooks are delivered", 12, (*world).deliver},
		{"a request goes wrong", 8, (*world).fault},
		{"a system is down", 1, (*world).outage},
		{"a permission is taken for a while", 2, (*world).hide},
		{"a daemon will crash", 3, (*world).crash},
		{"a daemon stalls", 3, (*world).stallOne},
		{"a daemon is restarted", 2, (*world).restartOne},
		{"the configuration is reloaded", 2, (*world).reloadAll},
		{"a route is paused or resumed", 2, (*world).pauseOrResume},
		{"an incident turns private or public", 2, (*world).switchPrivacy},
		{"a table is closed to lockstep or opened", 1, (*world).switchTable},
	}
}

// errNothing says that there was nothing to do it to.
var errNothing = errors.New("nothing to do it to")

// stallRequest is the step at which a request of the daemon hangs on its way.
const stallRequest reconcile.Step = "request"

func pick[T any](w *world, all []T) T { return all[w.random.IntN(len(all))] }

func (w *world) between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.random.Int64N(int64(high-low)))
}

// pickRecord is one that is not deleted; nil: there is none.
func (w *world) pickRecord(fits func(*record) bool) *record {
	var all []*record
	for _, r := range w.records {
		if !r.deleted && fits(r) {
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return pick(w, all)
}

func anyRecord(*record) bool { return true }

func (w *world) hasTicket(r *record) bool { return w.ticket(r) != "" }

// words are what a person types around the token.
func (w *world) words() (token, value string) {
	token = w.token()
	return token, token + pick(w, []string{
		"", " the database is slow", " é ü 漢字 🔥", " and so on and on, much more than the field of the other system takes, which cuts it off at some point and shows three dots; " +
			"nobody reads as far as this, and whoever does will not find anything here",
	})
}

func (w *world) edit(r *record, s side, fields ...string) error {
	field := pick(w, fields)
	token, value := w.words()
	if field != "title" && w.random.IntN(8) == 0 {
		token, value = "", ""
	}
	return w.typeInto(r, s, field, token, value)
}

func (w *world) editSource() error {
	r := w.pickRecord(anyRecord)
	if r == nil {
		return errNothing
	}
	if r.followUp {
		return w.edit(r, source, "title", "details")
	}
	return w.edit(r, source, "title", "title", "details", "cause", "impact")
}

func (w *world) editTarget() error {
	r := w.pickRecord(w.hasTicket)
	if r == nil {
		return errNothing
	}
	if r.followUp {
		return w.edit(r, target, "title", "details")
	}
	return w.edit(r, target, "title", "title", "details", "cause", "impact")
}

func (w *world) moveSource() error {
	r := w.pickRecord(anyRecord)
	if r == nil {
		return errNothing
	}
	if r.followUp {
		return w.moveFollowUp(r, pick(w, []string{"outstanding", "completed", "completed", "not_doing"}))
	}
	return w.moveIncident(r, pick(w, []string{"Investigating", "Monitoring", "Paused", "Documenting", "Closed", "Declined"}))
}

func (w *world) moveIncident(r *record, status string) error {
	w.say("%s: status %s", r, status)
	_, err := w.incidents.EditIncident(r.id, incidentiotest.SetStatus(status))
	return err
}

func (w *world) moveFollowUp(r *record, status string) error {
	w.say("%s: status %s", r, status)
	return w.incidents.EditFollowUp(r.id, func(f *incidentiotest.FollowUp) { f.Status = status })
}

func (w *world) moveTarget() error {
	r := w.pickRecord(w.hasTicket)
	if r == nil {
		return errNothing
	}
	return w.moveTicket(r, pick(w, []string{"1", "2", "3", "6", "6", "7", "8"}))
}

func (w *world) moveTicket(r *record, state string) error {
	fields := servicenowtest.Row{"state": state}
	switch state {
	case "3":
		fields["hold_reason"] = "4"
	case "6", "7":
		fields["close_code"], fields["close_notes"] = "User error", "It was unplugged."
	}
	w.say("%s: ticket's state %s", r, state)
	return w.tickets.Edit("incident", w.ticket(r), "agent.smith", fields)
}

func (w *world) declare() error {
	if len(w.records) > 6 || renamed(w.reload) {
		return errNothing // a ticket that is opened under another name keeps it
	}
	token, value := w.words()
	made, err := w.incidents.CreateIncident(incidentiotest.SetName(value), incidentiotest.SetSeverity("Major"))
	if err != nil {
		return err
	}
	r := &record{id: made.ID}
	r.edits = append(r.edits, &edit{at: time.Now(), side: source, field: "title", token: token, value: value, version: stamp(made.UpdatedAt)})
	w.records = append(w.records, r)
	w.say("%s: declared %q", r, value)
	return nil
}

func (w *world) addFollowUp() error {
	parent := w.pickRecord(func(r *record) bool { return !r.followUp })
	if parent == nil || len(w.records) > 6 {
		return errNothing
	}
	token, value := w.words()
	made, err := w.incidents.AddFollowUp(parent.id, incidentiotest.FollowUp{Title: value})
	if err != nil {
		return err
	}
	r := &record{id: made.ID, followUp: true, incident: parent.id, private: parent.private}
	if r.private {
		r.turns = []time.Time{time.Now()}
	}
	r.edits = append(r.edits, &edit{at: time.Now(), side: source, field: "title", token: token, value: value, version: stamp(made.UpdatedAt)})
	w.records = append(w.records, r)
	w.say("%s: added to %s: %q", r, parent, value)
	return nil
}

func (w *world) deleteFollowUp() error {
	r := w.pickRecord(func(r *record) bool { return r.followUp })
	if r == nil {
		return errNothing
	}
	r.deleted = true
	return w.moveFollowUp(r, "deleted")
}

// What is said and attached is carried by the configuration that talks; under
// the others it only changes the records' versions.

func (w *world) workNote() error {
	r := w.pickRecord(w.hasTicket)
	if r == nil || w.conflict == talk && r.followUp {
		return errNothing
	}
	s := saying{record: r, side: target, what: "work note", token: w.token(), ticket: w.ticket(r)}
	add := w.tickets.AddWorkNote
	if w.random.IntN(3) == 0 {
		s.what, add = "comment", w.tickets.AddComment
	}
	before := len(w.tickets.Journal("incident", s.ticket))
	form := pick(w, []string{"%s", "%s: see **this** and `that`", "[code]<p>%s <b>now</b></p>[/code]", "- %s\n- two\n\n(not a mark)"})
	if err := add("incident", s.ticket, "agent.smith", fmt.Sprintf(form, s.token)); err != nil {
		return err
	}
	if len(w.tickets.Journal("incident", s.ticket)) > before { // a closed one drops people's words too
		w.said = append(w.said, s)
		w.say("%s: %s %s", r, s.what, s.token)
	}
	return nil
}

func (w *world) postUpdate() error {
	r := w.pickRecord(func(r *record) bool { return !r.followUp })
	if r == nil {
		return errNothing
	}
	s := saying{record: r, side: source, what: "update", token: w.token()}
	if _, err := w.incidents.PostUpdate(r.id, pick(w, []string{"", "**Bold** ", "> quoted\n\n"})+s.token); err != nil {
		return err
	}
	w.said = append(w.said, s)
	w.say("%s: update %s", r, s.token)
	return nil
}

func (w *world) attach() error {
	r := w.pickRecord(w.hasTicket)
	if r == nil || w.conflict == talk && r.followUp {
		return errNothing
	}
	s := saying{record: r, side: target, what: "image", token: w.token(), ticket: w.ticket(r)}
	if _, err := w.tickets.Attach("incident", s.ticket, "agent.smith", s.token+".png", "image/png", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")); err != nil {
		return err
	}
	w.said = append(w.said, s)
	w.say("%s: image %s", r, s.token)
	return nil
}

// deliver has webhooks arrive in any order, twice, late or never.
func (w *world) deliver() error {
	w.incidents.Deliver(w.ctx, incidentiotest.Order{})
	w.mu.Lock()
	waiting := w.webhooks
	w.webhooks = nil
	w.mu.Unlock()
	w.random.Shuffle(len(waiting), func(i, j int) { waiting[i], waiting[j] = waiting[j], waiting[i] })
	for _, hook := range waiting {
		times := []int{0, 1, 1, 1, 1, 1, 1, 2, 3, -1}[w.random.IntN(10)]
		if times < 0 {
			w.mu.Lock()
			w.webhooks = append(w.webhooks, hook)
			w.mu.Unlock()
		}
		for range times {
			d := pick(w, w.daemons)
			if d.dead.Load() {
				continue
			}
			if err := d.receive(hook.connector, hook.header, hook.body); err != nil && !d.dead.Load() {
				w.must(err)
			}
		}
	}
	return nil
}

// fault has some of the next requests go wrong. A request takes effect late
// only as late as its connector's settle allows for.
func (w *world) fault() error {
	f := simulator.Fault{Times: 1 + w.random.IntN(2), Kind: pick(w, []simulator.FaultKind{
		simulator.Latency, simulator.SlowAnswer, simulator.Throttle, simulator.FailBefore, simulator.FailAfter, simulator.CutBody,
		simulator.SpoiltBody, simulator.ResetBefore, simulator.ResetAfter, simulator.CommitLate, simulator.CommitLate, simulator.Refuse,
	})}
	in := pick(w, []string{"acme", "itsm"})
	if w.random.IntN(3) > 0 { // a write
		if in == "itsm" {
			f.Method = pick(w, []string{"POST", "PATCH"})
		} else {
			f.Method = pick(w, []string{"POST", "PUT"})
		}
	}
	switch f.Kind {
	case simulator.Latency, simulator.SlowAnswer:
		f.Delay = w.between(0, 25*time.Second)
	case simulator.CommitLate:
		f.Delay = w.between(0, 40*time.Second)
		if in == "itsm" {
			f.Delay *= 2
		}
	case simulator.Throttle:
		f.RetryAfter = w.between(time.Second, time.Minute)
	case simulator.FailBefore:
		f.Status = pick(w, []int{500, 502, 503, 504})
	}
	w.say("fault in %s: %+v", in, f)
	w.inject(in, f)
	return nil
}

func (w *world) inject(in string, f simulator.Fault) {
	if in == "acme" {
		w.incidents.Inject(f)
	} else {
		w.tickets.Inject(f)
	}
}

func (w *world) outage() error {
	in, until := pick(w, []string{"acme", "itsm"}), time.Now().Add(w.between(time.Minute, 10*time.Minute))
	f := simulator.Fault{Until: until, Kind: pick(w, []simulator.FaultKind{
		simulator.Refuse, simulator.FailBefore, simulator.Throttle, simulator.Anonymous, simulator.LoginPage, simulator.LoginRedirect, simulator.OtherJSON,
	})}
	w.say("outage of %s until %s: %+v", in, until.UTC().Format(time.TimeOnly), f)
	w.inject(in, f)
	return nil
}

// hide has a record, or its ticket, read as not found for a while: longer than it
// takes to count as deleted, or less.
func (w *world) hide() error {
	r := w.pickRecord(w.hasTicket)
	if r == nil {
		return errNothing
	}
	until := time.Now().Add(w.between(time.Minute, 40*time.Minute))
	in, path := "acme", "/"+r.id
	if w.random.IntN(2) == 0 {
		in, path = "itsm", "/"+w.ticket(r)
	}
	w.say("%s%s is hidden until %s", in, path, until.UTC().Format(time.TimeOnly))
	r.hidden = true
	w.inject(in, simulator.Fault{Kind: simulator.Hidden, Method: "GET", Path: path, Until: until})
	if w.random.IntN(3) == 0 {
		if err := w.edit(r, target, "title"); err != nil {
			return err
		}
		w.pass(w.between(11*time.Minute, 25*time.Minute))
	}
	return nil
}

// reclassify makes a ticket a record of another table for a while: longer than it
// takes to count as deleted, or less.
func (w *world) reclassify() error {
	r := w.pickRecord(w.hasTicket)
	if r == nil {
		return errNothing
	}
	number := w.tickets.Ticket("incident", w.ticket(r))["number"]
	if number == "" {
		return errNothing
	}
	if err := w.tickets.Reclassify(number, "problem"); err != nil {
		return err
	}
	w.say("%s: its ticket is a problem", r)
	r.hidden = true
	w.pass(w.between(time.Minute, 25*time.Minute))
	w.say("%s: its ticket is an incident again", r)
	return w.tickets.Reclassify(number, "incident")
}

// stampTicket has a script change a ticket, with a time that is not the system's: no
// poll may go by it.
func (w *world) stampTicket() error {
	r := w.pickRecord(w.hasTicket)
	if r == nil {
		return errNothing
	}
	at := time.Now().Add(w.between(-time.Hour, 48*time.Hour))
	w.say("%s: its ticket is stamped with %s", r, at.UTC().Format(time.DateTime))
	return w.tickets.StampUpdated("incident", w.ticket(r), at)
}

// moveToIncident moves a follow-up to another incident, as private as which it is then.
func (w *world) moveToIncident() error {
	r, to := w.pickRecord(func(r *record) bool { return r.followUp }), w.pickRecord(func(r *record) bool { return !r.followUp })
	if r == nil || to == nil || r.incident == to.id {
		return errNothing
	}
	if err := w.incidents.EditFollowUp(r.id, func(f *incidentiotest.FollowUp) { f.IncidentID = to.id }); err != nil {
		return err
	}
	w.say("%s: moved to %s", r, to)
	if r.incident = to.id; r.private != to.private {
		r.private, r.turns = to.private, append(r.turns, time.Now())
	}
	return nil
}

func steps() []reconcile.Step {
	return []reconcile.Step{
		reconcile.StepDecided, reconcile.StepClaimed, reconcile.StepLookedUp, reconcile.StepCreated, reconcile.StepConfirmed,
		reconcile.StepIntentSaved, reconcile.StepSent, reconcile.StepCarried, reconcile.StepAgreed, reconcile.StepJournaled,
	}
}

func (w *world) crash() error {
	d, at := pick(w, w.daemons), pick(w, steps())
	w.say("%s will crash at %s", d, at)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crashAt = at
	return nil
}

// stallOne has a daemon stand still, or a request of it hang, for longer than
// its lease may be. Nobody can help a daemon that stands still between its
// last look at the lease and the request; that is not tried.
func (w *world) stallOne() error {
	d, at := pick(w, w.daemons), pick(w, append(steps(), stallRequest, stallRequest))
	stall := w.between(5*time.Second, 90*time.Second)
	if at == stallRequest {
		stall = w.between(5*time.Second, 15*time.Second)
	}
	w.say("%s will stall at %s for %s", d, at, stall)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stallAt, d.stall = at, stall
	return nil
}

func (w *world) restartOne() error {
	i := w.random.IntN(len(w.daemons))
	w.say("daemon %d is killed and started", i)
	w.must(w.restart(i))
	return nil
}

func (w *world) reloadAll() error {
	next := w.random.IntN(len(reloads()))
	if renamed(next) && !w.allOpened() {
		return errNothing
	}
	w.say("reload %d", next)
	w.reload, w.reloaded = next, true
	for _, d := range w.daemons {
		if d.dead.Load() {
			continue
		}
		w.must(w.apply(d))
		time.Sleep(w.between(0, 3*time.Second))
	}
	return nil
}

func (w *world) allOpened() bool {
	for _, r := range w.records {
		if l, _ := w.link(r); !r.followUp && l.Phase != links.Active {
			return false
		}
	}
	return true
}

func (w *world) switchPrivacy() error {
	r := w.pickRecord(func(r *record) bool { return !r.followUp })
	if r == nil {
		return errNothing
	}
	return w.setPrivate(r, !r.private)
}

// setPrivate turns an incident, and all that belongs to it.
func (w *world) setPrivate(r *record, private bool) error {
	visibility := "public"
	if private {
		visibility = "private"
	}
	if _, err := w.incidents.EditIncident(r.id, incidentiotest.SetVisibility(visibility)); err != nil {
		return err
	}
	w.say("%s: %s", r, visibility)
	for _, of := range w.records {
		if of == r || of.incident == r.id {
			of.private, of.turns = private, append(of.turns, time.Now())
		}
	}
	return nil
}

// act does one thing that is possible.
func (w *world) act(all []operation) {
	total := 0
	for _, o := range all {
		total += o.weight
	}
	for range 20 {
		at := w.random.IntN(total)
		for _, o := range all {
			if at -= o.weight; at >= 0 {
				continue
			}
			err := o.do(w)
			if err == nil {
				return
			}
			// What a system refuses a person is that person's business.
			w.say("%s: %v", o.name, err)
			break
		}
	}
}
