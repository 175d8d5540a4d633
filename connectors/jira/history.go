package jira

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

var _ connectors.HistoryReader = (*Connector)(nil)

type historyEntry struct {
	ID      string       `json:"id"`
	Author  user         `json:"author"`
	Created string       `json:"created"`
	Items   []changeItem `json:"items"`
}

type changeItem struct {
	Field   string  `json:"field"`
	FieldID string  `json:"fieldId"`
	From    *string `json:"from"`
	OldText *string `json:"fromString"`
	To      *string `json:"to"`
	NewText *string `json:"toString"`
}

// History lists the changes of an issue. Of a rich text Jira tells that it was
// changed, not what it was: the changelog has wiki markup. A change of a custom
// field is listed by its id and by its name.
func (c *Connector) History(ctx context.Context, record connectors.Record, since time.Time) ([]connectors.FieldChange, error) {
	const op = "history"
	if failure := checkRef(op, record.Ref); failure != nil {
		return nil, failure
	}
	me, err := c.me(ctx)
	if err != nil {
		return nil, err
	}
	var all []connectors.FieldChange
	list := counted{op: op, record: record.Ref.String(), path: "/issue/" + record.Ref.ID + "/changelog", member: "values"}
	for entry, err := range listed(ctx, c, list, func(e historyEntry) string { return e.ID }) {
		if err != nil {
			return nil, err
		}
		at, ok := moment(entry.Created)
		if !ok || at.Before(since) {
			continue
		}
		by := cmp.Or(entry.Author.Name, entry.Author.AccountID)
		for _, item := range entry.Items {
			all = append(all, c.changesOf(item, connectors.FieldChange{At: at, By: by, Ours: entry.Author.AccountID == me})...)
		}
	}
	return all, nil
}

// changesOf is one item of the changelog in the names and values of a record.
func (c *Connector) changesOf(item changeItem, change connectors.FieldChange) []connectors.FieldChange {
	change.Field = item.FieldID
	if change.Field == "" {
		change.Field = item.Field
	}
	t := c.typeOf(change.Field)
	change.Old, change.New = valueOf(t, item.From, item.OldText), valueOf(t, item.To, item.NewText)
	if !strings.HasPrefix(change.Field, customPrefix) || item.Field == "" || item.Field == change.Field {
		return []connectors.FieldChange{change}
	}
	named := change
	named.Field = customFieldsField + "/" + item.Field
	return []connectors.FieldChange{change, named}
}

// valueOf is a value of the changelog as a record has it; nil where it cannot
// be told.
func valueOf(t fieldType, id, shown *string) any {
	text := func(s *string) any {
		if s == nil || *s == "" {
			return nil
		}
		return *s
	}
	switch {
	case t.isDocument():
		return nil
	case t.Type == "user":
		return text(id)
	case t.Type == "number":
		if shown == nil {
			return nil
		}
		if n, err := strconv.ParseInt(*shown, 10, 64); err == nil {
			return n
		}
		if f, err := strconv.ParseFloat(*shown, 64); err == nil {
			return f
		}
		return nil
	case t.Type == "array" && t.Items == "string":
		if shown == nil {
			return nil
		}
		list, _ := visible(connectors.ListOf(connectors.Type{Kind: connectors.String}), anyList(strings.Fields(*shown)), "")
		return withoutMarks(list)
	case t.Type == "array", t.Type == "option-with-child", t.Type == "timetracking":
		return nil // only what was added or taken off is told
	case t.Type == "date":
		if at, ok := parseMoment(strings.TrimSuffix(stringOf(id), " 00:00:00.0")); ok {
			return at.Format(time.DateOnly)
		}
	}
	return text(shown)
}

func stringOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func anyList(texts []string) []any {
	list := make([]any, len(texts))
	for i, s := range texts {
		list[i] = s
	}
	return list
}
