package servicenow

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

const (
	opComments = "comments"
	opComment  = "comment"
)

// commentKinds are the journals of a task; the first is the default to write.
var commentKinds = []string{"work_notes", "comments"}

// Comments lists the entries of the ticket's journals. Where none is seen, it makes
// sure that there is none.
func (c *Connector) Comments(ctx context.Context, record connectors.Record, since time.Time) ([]connectors.Comment, error) {
	seen, err := c.journal(ctx, record, since)
	if err == nil && len(seen) == 0 {
		err = c.checkHidden(ctx, record, since)
	}
	return seen, err
}

// journal lists the entries of the ticket's journals that may be seen. A marker
// counts where our own user wrote it; while that cannot be known, wherever it is.
func (c *Connector) journal(ctx context.Context, record connectors.Record, since time.Time) ([]connectors.Comment, error) {
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
		where += "^sys_created_on>=" + since.Add(-zoneMargin).UTC().Format(timeLayout)
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
			return nil, connectors.Unclear(opComments, record.Ref.String(), "a journal entry has no sys_created_on")
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

// checkHidden fails where a journal is not empty although none of its entries is
// seen: those that the user may not read are left out without a word. While some
// are seen, nothing is wrong; what was looked at is not looked at again in the same
// version of the ticket.
func (c *Connector) checkHidden(ctx context.Context, record connectors.Record, since time.Time) error {
	ref, checked := record.Ref, lookupKey{table: journalTable, column: " of", value: record.Ref.ID}
	if last, known := c.found.Get(checked); known && record.Version != "" && last.ID == record.Version {
		return nil
	}
	if !since.IsZero() {
		rows, _, err := c.first(ctx, query{
			op: opComments, record: ref.String(), table: journalTable, limit: 1,
			where: "element_id=" + ref.ID + oldestFirst, fields: "sys_id,element_id",
		})
		if err != nil || len(rows) > 0 && rows[0].text("element_id") == ref.ID {
			return err
		}
	}
	journal, err := c.shown(ctx, ref)
	if err != nil {
		return err
	}
	if journal == "" {
		c.found.Put(checked, resolve.Found{ID: record.Version})
		return nil
	}
	return hiddenRows(opComments, ref.String(), "the ticket shows journal entries of which the integration user sees none", journalTable)
}

// hiddenRows is the failure of a list that shows none of the rows that there are:
// those that the user may not read are left out without a word.
func hiddenRows(op, record, what, table string) error {
	return &connectors.Error{
		Class: connectors.ClassForbidden, Op: op, Record: record, Code: "rows_hidden", Own: true,
		Message: what + " in the table " + table + "; give it " + roleFor(table),
	}
}

// Comment adds an entry to the journal that the kind names and sends nothing
// else: a stamp is the mark of the last write of fields, which this is not, and
// a field more could be refused. The status of the answer is the same where the
// entry was dropped, which a closed incident does. What tells is the ticket's
// journal as the answer shows it, or, where that is hidden, that the ticket has
// moved to another version.
func (c *Connector) Comment(ctx context.Context, post connectors.NewComment) (connectors.CommentReceipt, error) {
	ref := post.Record.Ref
	if failure := checkRef(opComment, ref); failure != nil {
		return connectors.CommentReceipt{}, failure
	}
	kind := cmp.Or(post.Kind, commentKinds[0])
	if !slices.Contains(commentKinds, kind) {
		return connectors.CommentReceipt{}, connectors.Rejected(opComment, ref.String(), "", "invalid_kind", "ServiceNow has no such kind of comment; it has "+strings.Join(commentKinds, " and "))
	}
	if !connectors.IsMarker(post.Marker) {
		return connectors.CommentReceipt{}, connectors.Rejected(opComment, ref.String(), "", "type", "a copy needs a marker of [a-z0-9-], at most 40 characters")
	}
	answer, _, err := c.write(ctx, transport.Request{
		Op: opComment, Record: ref.String(),
		Method: http.MethodPatch, Path: tableAPI + ref.Record + "/" + url.PathEscape(ref.ID), Query: shownJournals(),
	}, map[string]string{kind: entry(post, journalLength)})
	if err != nil {
		return connectors.CommentReceipt{}, err
	}
	posted := connectors.CommentReceipt{Version: answer.text("sys_mod_count")}
	if journal := answer.display(kind); journal != "" {
		posted.Held = strings.Contains(journal, markerText(post.Marker))
	} else {
		posted.Held = posted.Version != "" && posted.Version != post.Record.Version
	}
	return posted, nil
}

// shownJournals asks for the journals of a ticket as people see them there: the
// way to them for those who may read the ticket and not the journal's table.
func shownJournals() url.Values {
	return url.Values{
		"sysparm_display_value": {"all"}, "sysparm_exclude_reference_link": {"true"},
		"sysparm_fields": {"sys_id,sys_mod_count," + strings.Join(commentKinds, ",")},
	}
}

// shown is a ticket's journals as people see them there.
func (c *Connector) shown(ctx context.Context, ref connectors.Ref) (string, error) {
	var into result[row]
	_, err := c.do(ctx, transport.Request{
		Op: opComments, Record: ref.String(),
		Method: http.MethodGet, Path: tableAPI + ref.Record + "/" + url.PathEscape(ref.ID), Query: shownJournals(), Into: &into,
	})
	var all strings.Builder
	for _, kind := range commentKinds {
		all.WriteString(into.value.display(kind) + "\n")
	}
	return strings.TrimSpace(all.String()), err
}

// Copies finds the copies among the journal's entries, and in the journal as the
// ticket shows it: of the entries some may be hidden from this user, and all.
func (c *Connector) Copies(ctx context.Context, record connectors.Record) (copies map[string][]string, shown bool, err error) {
	all, err := c.journal(ctx, record, time.Time{})
	if err != nil && !connectors.IsClass(err, connectors.ClassForbidden) {
		return nil, false, err
	}
	copies = map[string][]string{}
	for _, one := range all {
		if one.Marker != "" {
			copies[one.Marker] = append(copies[one.Marker], one.ID)
		}
	}
	journal, err := c.shown(ctx, record.Ref)
	if err != nil {
		return nil, false, err
	}
	for i, found := range markerAnywhere.FindAllStringSubmatch(journal, -1) {
		if marker := found[1]; copies[marker] == nil {
			copies[marker] = []string{fmt.Sprintf("%s/%d", record.Ref.ID, i)}
		}
	}
	return copies, len(all) > 0 || journal != "", nil
}
