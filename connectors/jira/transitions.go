package jira

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// A status, as transitions and workflows name it.
type status struct {
	Name     string `json:"name"`
	Category struct {
		Key string `json:"key"` // new, indeterminate or done
	} `json:"statusCategory"`
}

const done = "done"

// A transition leads from the status in which it is offered to another.
type transition struct {
	ID        string                 `json:"id"`
	Name      string                 `json:"name"`
	To        status                 `json:"to"`
	Available *bool                  `json:"isAvailable"`
	Fields    map[string]screenField `json:"fields"`
}

type screenField struct {
	Required   bool   `json:"required"`
	HasDefault bool   `json:"hasDefaultValue"`
	Name       string `json:"name"`
}

// maxSteps bounds a path. No workflow that people use is as long.
const maxSteps = 8

// A walk is the way of one issue to a status.
type walk struct {
	c       *Connector
	op      string
	issue   connectors.Record
	target  string
	given   map[string]any    // fields as the API takes them
	names   map[string]string // under which each was given
	visited map[string]bool   // statuses in lower case
	sent    []string          // fields that went with a transition

	// Of given, what has to be written: what is left of it after the last step is
	// edited then, and the stamp goes with that. Where nothing is left, the last
	// step carries the stamp.
	edits map[string]any
	stamp string // "": none
}

func (c *Connector) newWalk(op string, issue connectors.Record, target string, given map[string]any, names map[string]string) *walk {
	return &walk{c: c, op: op, issue: issue, target: target, given: given, names: names, visited: map[string]bool{}}
}

// run moves the issue to the status, one transition after the other. Each step
// is chosen by what Jira offers at that moment.
func (w *walk) run(ctx context.Context) error {
	c, op, issue, target := w.c, w.op, w.issue, w.target
	at := values.TextAt(issue.Fields, "status")
	for range maxSteps {
		if strings.EqualFold(at, target) {
			return nil
		}
		w.visited[strings.ToLower(at)] = true
		offered, err := c.offered(ctx, op, issue.Ref, issue.Ref.ID)
		if err != nil {
			return connectors.NotSent(err)
		}
		c.known.moves.Put(w.key(at), offered)
		next, err := w.choose(ctx, at, offered)
		if err != nil {
			return err
		}
		if err := w.step(ctx, next); err != nil {
			return err
		}
		if at = next.To.Name; strings.EqualFold(at, target) {
			return nil
		}
		// A workflow may move an issue on by itself.
		now, err := c.read(ctx, op, issue.Ref)
		if err != nil {
			return connectors.NotSent(err)
		}
		at = values.TextAt(now.Fields, "status")
	}
	return w.refuse("no_transition", fmt.Sprintf("%q is not reached in %d transitions", target, maxSteps))
}

// offered are the transitions of an issue as it is.
func (c *Connector) offered(ctx context.Context, op string, about connectors.Ref, id string) ([]transition, error) {
	var answer struct {
		Transitions []transition `json:"transitions"`
	}
	query := url.Values{"expand": {"transitions.fields"}}
	if err := c.get(ctx, op, about.String(), "/issue/"+id+"/transitions", query, &answer); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(answer.Transitions, func(t transition) bool { return t.Available != nil && !*t.Available }), nil
}

// key is what transitions are kept by: they differ with project and type.
func (w *walk) key(status string) string {
	return values.TextAt(w.issue.Fields, "project") + "\x00" + values.TextAt(w.issue.Fields, "issuetype") + "\x00" + strings.ToLower(status)
}

func (w *walk) refuse(code, message string) error {
	field := w.c.schema.State.Field
	return connectors.Rejected(w.op, w.issue.Ref.String(), field, code, message)
}

// choose is the next step: to the target if that is offered, else the first of
// the shortest path that is known, else a step into what is not known yet.
func (w *walk) choose(ctx context.Context, at string, offered []transition) (transition, error) {
	if t, ok, err := w.satisfied(offered, w.target); ok || err != nil {
		return t, err
	}
	flow, err := w.c.statusesOf(ctx, values.TextAt(w.issue.Fields, "project"), values.TextAt(w.issue.Fields, "issuetype"), w.target)
	if err != nil {
		return transition{}, connectors.NotSent(err)
	}
	if _, ok := flow[strings.ToLower(w.target)]; !ok && len(flow) > 0 {
		return transition{}, w.refuse("no_status", fmt.Sprintf("the workflow of %s has no status %q; it has %s",
			values.TextAt(w.issue.Fields, "issuetype"), w.target, strings.Join(slices.Sorted(maps.Keys(flow)), ", ")))
	}
	path, unknown, err := w.plan(ctx, offered)
	if err != nil {
		return transition{}, connectors.NotSent(err)
	}
	if path != "" {
		t, ok, err := w.satisfied(offered, path)
		if ok || err != nil {
			return t, err
		}
	}
	// Nobody can tell what leads on from a status in which there is no issue.
	// Steps into such ones go no farther than the target lies.
	for _, name := range unknown {
		t, ok, err := w.satisfied(offered, name)
		if err != nil {
			continue
		}
		if ok && t.To.Category.Key != done {
			return t, nil
		}
	}
	return transition{}, w.refuse("no_transition", fmt.Sprintf("no transition leads from %q to %q, not over other statuses either; from %q there are: %s",
		at, w.target, at, describe(offered)))
}

func describe(offered []transition) string {
	if len(offered) == 0 {
		return "none (does the account have the permission Transition issues?)"
	}
	var all []string
	for _, t := range offered {
		all = append(all, fmt.Sprintf("%s (to %s)", t.Name, t.To.Name))
	}
	return strings.Join(all, ", ")
}

// plan looks for the shortest path by what other issues of the project and type
// are offered in the statuses on the way. It returns the first status of it;
// without one, the statuses that can be reached at once and of which nothing
// is known.
func (w *walk) plan(ctx context.Context, offered []transition) (first string, unknown []string, err error) {
	type reached struct{ status, first string }
	seen := map[string]bool{}
	for at := range w.visited {
		seen[at] = true
	}
	var queue []reached
	add := func(to, first string) {
		if key := strings.ToLower(to); !seen[key] {
			seen[key] = true
			if first == "" {
				first = to
			}
			queue = append(queue, reached{to, first})
		}
	}
	for _, t := range offered {
		add(t.To.Name, "")
	}
	for len(queue) > 0 {
		r := queue[0]
		queue = queue[1:]
		if strings.EqualFold(r.status, w.target) {
			return r.first, nil, nil
		}
		next, err := w.c.known.moves.Fetch(w.key(r.status), func() ([]transition, error) { return w.elsewhere(ctx, r.status) })
		if err != nil {
			return "", nil, err
		}
		if len(next) == 0 && r.first == r.status {
			unknown = append(unknown, r.status)
		}
		for _, t := range next {
			add(t.To.Name, r.first)
		}
	}
	return "", unknown, nil
}

// elsewhere are the transitions that another issue in a status is offered.
func (w *walk) elsewhere(ctx context.Context, status string) ([]transition, error) {
	jql := "project = " + quote(values.TextAt(w.issue.Fields, "project")) + " AND issuetype = " + quote(values.TextAt(w.issue.Fields, "issuetype")) +
		" AND status = " + quote(status) + " ORDER BY updated DESC"
	var found hit
	for h, err := range w.c.search(ctx, w.op, w.issue.Ref.String(), query{jql: jql, field: "status"}) {
		if err != nil {
			return nil, err
		}
		found = h
		break
	}
	if found.ID == "" {
		return nil, nil
	}
	ref := w.issue.Ref.Collection.Ref(found.ID)
	other, err := w.c.read(ctx, w.op, ref)
	if connectors.IsClass(err, connectors.ClassGone) {
		return nil, nil
	}
	if err != nil || !strings.EqualFold(values.TextAt(other.Fields, "status"), status) {
		return nil, err // the search is old
	}
	return w.c.offered(ctx, w.op, w.issue.Ref, ref.ID)
}

// satisfied is a transition to the status whose screen is content with what is
// given: of several, the one that takes most of it, and of those the first. The
// error says what all of them miss.
func (w *walk) satisfied(offered []transition, to string) (transition, bool, error) {
	var refused error
	var best transition
	most := -1
	for _, t := range offered {
		if !strings.EqualFold(t.To.Name, to) {
			continue
		}
		missing := w.missing(t)
		if missing == "" {
			if n := len(w.taken(t)); n > most {
				best, most = t, n
			}
			continue
		}
		if refused == nil {
			name := missing
			if shown := t.Fields[missing].Name; shown != "" && shown != missing {
				name = fmt.Sprintf("%s (%s)", missing, shown)
			}
			refused = connectors.Rejected(w.op, w.issue.Ref.String(), w.c.schema.State.Field, "screen_field",
				fmt.Sprintf("the transition %q asks for %s; set it in the template's once or outbound block, it travels with the status", t.Name, name))
		}
	}
	if most >= 0 {
		return best, true, nil
	}
	return transition{}, false, refused
}

// taken is what of the given fields a transition's screen takes, in the order of
// their names, on the way to the target only what it asks for.
func (w *walk) taken(t transition) []string {
	last := strings.EqualFold(t.To.Name, w.target)
	var all []string
	for _, id := range slices.Sorted(maps.Keys(t.Fields)) {
		if w.given[id] != nil && (last || t.Fields[id].Required) && !slices.Contains(w.sent, id) {
			all = append(all, id)
		}
	}
	return all
}

// missing is a field that the transition's screen asks for and that neither the
// update nor the issue has.
func (w *walk) missing(t transition) string {
	for _, id := range slices.Sorted(maps.Keys(t.Fields)) {
		f := t.Fields[id]
		if !f.Required || f.HasDefault || w.given[id] != nil {
			continue
		}
		if values.Empty(w.issue.Fields[id]) {
			return id
		}
	}
	return ""
}

// step makes one transition. With it go the given fields that its screen has,
// on the way to the target only those that it asks for.
func (w *walk) step(ctx context.Context, t transition) error {
	last := strings.EqualFold(t.To.Name, w.target)
	fields := map[string]any{}
	for _, id := range w.taken(t) {
		fields[id] = w.given[id]
	}
	request := map[string]any{"transition": map[string]string{"id": t.ID}}
	if len(fields) > 0 {
		request["fields"] = fields
	}
	if last && w.stamp != "" && !w.leaves(fields) {
		request["properties"] = []any{property(stampProperty, w.stamp)}
	}
	_, err := w.c.do(ctx, transport.Request{
		Op: w.op, Record: w.issue.Ref.String(), Method: http.MethodPost, Path: api + "/issue/" + w.issue.Ref.ID + "/transitions", JSON: request,
	}, w.issue.Ref.ID)
	if err != nil {
		w.c.known.moves.Forget(w.key(values.TextAt(w.issue.Fields, "status")))
		return asWritten(err, w.names)
	}
	w.sent = append(w.sent, slices.Sorted(maps.Keys(fields))...)
	return nil
}

// leaves reports whether something is left to be edited after a step with fields.
func (w *walk) leaves(fields map[string]any) bool {
	for id := range w.edits {
		if _, goes := fields[id]; !goes && !slices.Contains(w.sent, id) {
			return true
		}
	}
	return false
}
