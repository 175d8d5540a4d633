package incidentio

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

const (
	opComments = "comments"
	opComment  = "comment"
)

// An entry is a timeline item or an update, as far as comments go.
type entry struct {
	ID            string `json:"id"`
	CreatedAt     string `json:"created_at"`
	ActivityLogID string `json:"activity_log_id"` // of an item
	Title         string `json:"title"`
	Description   string `json:"description"`
	Creator       actor  `json:"creator"`
	Message       string `json:"message"` // of an update
	Updater       actor  `json:"updater"`
}

// Comments lists an incident's timeline items and updates, as they were added.
//
// Of the timeline those count that were written for it, on the incident's
// streams too; what was promoted from the activity log was said or done
// elsewhere. An update without a message only tells of a new status or severity.
//
// A follow-up has no comments of its own: the copies on its incident's
// timeline are listed, and what others wrote there is the incident's.
//
// The marker of a copy counts where an API key wrote it, whichever: of its own
// key the connector is told no id, and copies by the key of last year must not
// become news on the day the key is replaced.
func (c *Connector) Comments(ctx context.Context, record connectors.Record, since time.Time) ([]connectors.Comment, error) {
	incident, err := incidentOf(opComments, record)
	if err != nil {
		return nil, err
	}
	all, err := c.entries(ctx, record.Ref, incident, timelineKind)
	if err != nil {
		return nil, err
	}
	if record.Ref.Record == followUpRecord {
		all = slices.DeleteFunc(all, func(one connectors.Comment) bool { return one.Marker == "" })
	} else {
		updates, err := c.entries(ctx, record.Ref, incident, updateKind)
		if err != nil {
			return nil, err
		}
		all = append(all, updates...)
	}
	all = slices.DeleteFunc(all, func(one connectors.Comment) bool { return one.At.Before(since) })
	slices.SortStableFunc(all, func(a, b connectors.Comment) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID))
	})
	return all, nil
}

// incidentOf is the id of the incident that a record's comments are on.
func incidentOf(op string, record connectors.Record) (string, error) {
	ref := record.Ref
	switch {
	case ref.Record == followUpRecord && record.Parent.ID == "":
		return "", connectors.Rejected(op, ref.String(), "", codeNotFound, "the follow-up names no incident")
	case ref.Record == followUpRecord:
		ref = record.Parent
	case ref.Record != incidentRecord:
		return "", noRecordType(op, ref.String())
	}
	return ref.ID, addressable(ref, op)
}

// entries are the comments of one kind.
func (c *Connector) entries(ctx context.Context, ref connectors.Ref, incident, kind string) ([]connectors.Comment, error) {
	list := listing{op: opComments, record: ref.String(), paged: true, query: url.Values{"incident_id": {incident}}}
	switch kind {
	case timelineKind:
		list.path, list.member = "/v2/incident_timeline_items", "incident_timeline_items"
	case updateKind:
		list.path, list.member = "/v2/incident_updates", "incident_updates"
	}
	var all []connectors.Comment
	seen := map[string]bool{}
	for element, err := range c.list(ctx, list) {
		if err != nil {
			return nil, err
		}
		var e entry
		if json.Unmarshal(element, &e) != nil || e.ID == "" {
			return nil, c.unlisted(list, "an element has no id")
		}
		at, err := time.Parse(time.RFC3339Nano, e.CreatedAt)
		if err != nil {
			return nil, c.unlisted(list, "an element has no created_at")
		}
		// An item whose time is changed meanwhile may stand on two pages.
		if seen[e.ID] || e.ActivityLogID != "" {
			continue
		}
		seen[e.ID] = true
		comment := connectors.Comment{ID: e.ID, Kind: kind, At: at.UTC()}
		if kind == timelineKind {
			comment.Author = e.Creator.name()
			comment.Text, comment.Marker = e.item()
		} else {
			comment.Author = e.Updater.name()
			comment.Text, comment.Marker = e.update()
		}
		if comment.Text != "" || comment.Marker != "" {
			all = append(all, comment)
		}
	}
	return all, nil
}

// item is what a timeline item says. The title of a copy names where it is
// from, which is not part of what was said.
func (e entry) item() (text, marker string) {
	title, description := strings.TrimSpace(e.Title), values.TrimLines(e.Description)
	if e.Creator.isKey() {
		if text, marker = unmarked(description); marker != "" {
			return text, marker
		}
	}
	switch {
	case description == "":
		return title, ""
	case title == "":
		return description, ""
	}
	return "**" + escaped(title) + "**\n\n" + description, ""
}

// update is what an update says. The first paragraph of a copy names where it
// is from.
func (e entry) update() (text, marker string) {
	message := values.TrimLines(e.Message)
	if !e.Updater.isKey() {
		return message, ""
	}
	if text, marker = unmarked(message); marker != "" {
		_, text, _ = strings.Cut(text, "\n")
		text = values.TrimLines(text)
	}
	return text, marker
}

// escaped is a title as it is written in bold Markdown.
func escaped(title string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "`", "\\`", "\r", " ", "\n", " ").Replace(title)
}

// CommentsOnce reports that comments are added once: the marker is the idempotency
// key of both kinds.
func (c *Connector) CommentsOnce() bool { return true }

// Comment adds a timeline item, or an update, which everybody who follows the
// incident is told of. A copy for a follow-up goes on its incident's timeline,
// whatever its kind. The marker is the idempotency key: posting again answers
// with the first.
func (c *Connector) Comment(ctx context.Context, post connectors.NewComment) (connectors.CommentReceipt, error) {
	incident, err := incidentOf(opComment, post.Record)
	if err != nil {
		return connectors.CommentReceipt{}, err
	}
	ref := post.Record.Ref.String()
	if !connectors.IsMarker(post.Marker) {
		return connectors.CommentReceipt{}, connectors.Rejected(opComment, ref, "", codeType, "a copy needs a marker of [a-z0-9-], at most 40 characters")
	}
	request := transport.Request{Op: opComment, Record: ref, Method: http.MethodPost}
	member := ""
	switch {
	case post.Kind != "" && post.Kind != timelineKind && post.Kind != updateKind:
		return connectors.CommentReceipt{}, connectors.Rejected(opComment, ref, "", codeUnknown, "incident.io has no such kind of comment")
	case post.Kind == updateKind && post.Record.Ref.Record == incidentRecord:
		request.Path, member = "/v2/incident_updates", "incident_update"
		request.JSON = map[string]any{
			"idempotency_key": post.Marker, "incident_id": incident,
			"message": marked("**"+escaped(post.Heading())+"**\n\n"+values.TrimLines(post.Text), post.Marker),
		}
	default:
		request.Path, member = "/v2/incident_timeline_items", "incident_timeline_item"
		request.JSON = map[string]any{
			"idempotency_key": post.Marker, "incident_id": incident, "timestamp": moment(post.At),
			"title": post.Heading(), "description": marked(post.Text, post.Marker),
		}
	}
	answer := transport.Envelope{Member: member}
	request.Into = &answer
	if _, err := c.client.Do(ctx, request); err != nil {
		return connectors.CommentReceipt{}, err
	}
	var made entry
	if err := json.Unmarshal(answer.Content(), &made); err == nil { // else it does not tell
		c.own.learn(made.Creator)
		c.own.learn(made.Updater)
	}
	return connectors.CommentReceipt{ID: made.ID}, nil
}

// moment is the time of a copy on the timeline. The API takes times that have
// passed; another system's clock may be ahead.
func moment(at time.Time) string {
	if now := time.Now(); at.IsZero() || at.After(now) {
		at = now
	}
	return at.UTC().Format(time.RFC3339Nano)
}
