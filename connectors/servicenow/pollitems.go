package servicenow

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

const (
	journalTable    = "sys_journal_field"
	attachmentTable = "sys_attachment"
)

// PollItems finds tickets by their new journal entries or files. An entry
// updates its ticket, as a rule; a file never does. What lockstep added is found
// like all else, once.
//
// The name of a journal entry's table, or a file's, is that of the ticket, so a
// record type from which others extend (task) finds nothing of theirs.
func (c *Connector) PollItems(ctx context.Context, items connectors.Items, tables []string, stored []byte) ([]connectors.Ref, []byte, error) {
	tables = values.Unique(tables)
	for _, table := range tables {
		if !tableName.MatchString(table) {
			return nil, nil, connectors.Rejected("poll", c.name, "", "invalid_table", table+" is not the name of a table")
		}
	}
	if len(tables) == 0 {
		return nil, stored, nil
	}
	f := feed{record: c.name + "." + string(items)}
	name, id := "", ""
	switch items {
	case connectors.CommentItems:
		name, id = "name", "element_id"
		f.table, f.stamp = journalTable, "sys_created_on"
		f.where = "elementIN" + strings.Join(commentKinds, ",") + "^"
		f.fields = "sys_id,name,element,element_id,sys_created_on"
		if err := c.checkOwnEntry(ctx, f.record); err != nil {
			return nil, nil, err
		}
	case connectors.AttachmentItems:
		// By its update: a file can be had only once it was checked for viruses.
		name, id = "table_name", "table_sys_id"
		f.table, f.stamp = attachmentTable, "sys_updated_on"
	default:
		return nil, stored, nil
	}
	f.where = name + "IN" + strings.Join(tables, ",") + "^" + f.where
	f.ref = func(r row) (connectors.Ref, bool) {
		table, element := r.text(name), r.text("element")
		ref := connectors.Collection{Type: Type, Connector: c.name, Record: table}.Ref(r.text(id))
		ok := slices.Contains(tables, table) && checkRef("poll", ref) == nil &&
			(items != connectors.CommentItems || slices.Contains(commentKinds, element))
		return ref, ok
	}
	return c.follow(ctx, f, stored)
}

// How often it is made sure that this user may see its own entries, and how many of
// them are looked at.
const (
	checkEvery = time.Hour
	ownEntries = 5
)

// checkOwnEntry fails where this user has written journal entries and may see none
// of the newest: those of others, and its own copies, are hidden from it then. The
// count is of all rows, before permissions; where it is not told, nothing is known.
func (c *Connector) checkOwnEntry(ctx context.Context, record string) error {
	if last := c.journalSeen.Load(); last != nil && time.Since(*last) < checkEvery {
		return nil
	}
	own, err := c.own(ctx)
	if err != nil || !queryable(own) {
		return err
	}
	// The newest may all lie on tickets that are closed to it, and the oldest.
	for _, order := range []string{"DESC", ""} {
		total := 0
		rows, _, err := c.first(ctx, query{
			op: "poll", record: record, table: journalTable, limit: ownEntries, total: &total,
			fields: "sys_id,name,element,element_id,sys_created_on,sys_created_by",
			where:  "sys_created_by=" + own + "^elementIN" + strings.Join(commentKinds, ",") + "^ORDERBY" + order + "sys_created_on",
		})
		if err != nil {
			return err
		}
		if total == 0 || slices.ContainsFunc(rows, func(r row) bool { return isUser(r.text("sys_created_by"), own) }) {
			now := time.Now()
			c.journalSeen.Store(&now)
			return nil
		}
	}
	return hiddenRows("poll", record, "the integration user has written journal entries and sees none of them", journalTable)
}
