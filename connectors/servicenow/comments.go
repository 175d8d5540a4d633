package servicenow

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

const (
	opComments = "comments"
	opComment  = "comment"
)

// commentKinds are the journals of a task; the first is the default to write.
var commentKinds = []string{"work_notes", "comments"}

// Comments lists the entries of the ticket's journals. A marker counts where
// our own user wrote it; while that cannot be known, wherever it is.
func (c *Connector) Comments(ctx context.Context, record connectors.Record, since time.Time) ([]connectors.Comment, error) {
	if failure := checkRef(opComments, record.Ref); failure != nil {
		return nil, failure
	}
	from := ""
	if !since.IsZero() {
		from = since.UTC().Format(timeLayout)
	}
	// The id alone is unique. The name of the table is left out: an entry may
	// bear that of a table which the ticket's extends.
	where := "element_id=" + record.Ref.ID + "^elementIN" + strings.Join(commentKinds, ",")
	if from != "" {
		where += "^sys_created_on>=" + from
	}
	var found []row
	var authors []string
	for r, err := range c.rows(ctx, query{
		op: opComments, record: record.Ref.String(), table: journalTable,
		where: where + oldestFirst, fields: "sys_id,element,element_id,value,sys_created_on,sys_created_by",
	}) {
		if err != nil {
			return nil, err
		}
		if r.text("sys_id") == "" || r.text("element_id") != record.Ref.ID || !slices.Contains(commentKinds, r.text("element")) || r.text("sys_created_on") < from {
			continue // a condition was dropped
		}
		found = append(found, r)
		authors = append(authors, r.text("sys_created_by"))
	}
	if len(found) == 0 {
		return nil, nil
	}
	own, err := c.own(ctx)
	if err != nil {
		return nil, err
	}
	names, err := c.names(ctx, authors)
	if err != nil {
		return nil, err
	}
	all := make([]connectors.Comment, 0, len(found))
	for _, r := range found {
		by := r.text("sys_created_by")
		at, err := time.Parse(timeLayout, r.text("sys_created_on"))
		if err != nil {
			return nil, &connectors.Error{Class: connectors.ClassUnclear, Op: opComments, Record: record.Ref.String(), Message: "a journal entry has no sys_created_on"}
		}
		comment := connectors.Comment{ID: r.text("sys_id"), Kind: r.text("element"), Author: cmp.Or(names[by], by), At: at}
		value := r.text("value")
		if own == "" || isUser(by, own) {
			if rest, marker := unmarked(value); marker != "" {
				value, comment.Marker = rest, marker
			}
		}
		comment.Text = said(value)
		all = append(all, comment)
	}
	return all, nil
}

// Comment adds an entry to the journal that the kind names and sends nothing
// else: a stamp is the mark of the last write of fields, which this is not, and
// a field more could be refused. The answer does not tell the entry, and is the
// same where the entry was dropped, which a closed incident does.
func (c *Connector) Comment(ctx context.Context, post connectors.Post) (connectors.Posted, error) {
	ref := post.Record.Ref
	if failure := checkRef(opComment, ref); failure != nil {
		return connectors.Posted{}, failure
	}
	if !slices.Contains(commentKinds, post.Kind) {
		return connectors.Posted{}, connectors.Rejected(opComment, ref.String(), "", "invalid_kind", "ServiceNow has no such kind of comment; it has "+strings.Join(commentKinds, " and "))
	}
	if !connectors.IsMarker(post.Marker) {
		return connectors.Posted{}, connectors.Rejected(opComment, ref.String(), "", "type", "a copy needs a marker of [a-z0-9-], at most 40 characters")
	}
	answer, err := c.write(ctx, transport.Request{
		Op: opComment, Record: ref.String(),
		Method: http.MethodPatch, Path: tableAPI + ref.Record + "/" + url.PathEscape(ref.ID),
	}, ref.Collection, map[string]string{post.Kind: entry(post, journalLength)})
	if err != nil {
		return connectors.Posted{}, err
	}
	return connectors.Posted{Version: answer.Version}, nil
}
