package servicenow

import (
	"context"
	"slices"
	"strings"

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
