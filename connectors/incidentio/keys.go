package incidentio

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/cache"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

const opFind = "find"

// keyField is the text custom field of incidents that holds lockstep's key, in accounts
// that have it. The API shows an idempotency key to nobody, and searches no text.
const keyField = "Lockstep key"

// keyLabel begins the label of a follow-up that is lockstep's key.
const keyLabel = "lockstep-"

// keyFieldOf is the custom field for keys; without an ID: the account has none, or, as
// told says, this API key may not list them.
func (c *Connector) keyFieldOf(ctx context.Context, op string) (field named, told bool, err error) {
	fields, err := c.listOf(ctx, op, directories()["incident/"+customFieldsField], cache.ListLife)
	if err != nil {
		return named{}, false, err
	}
	for _, f := range fields.All {
		if f.Name == keyField && f.FieldType == "text" {
			return f, true, nil
		}
	}
	return named{}, fields.Refused == nil, nil
}

// keyOf is lockstep's key in a record, which does not count among the labels.
func keyOf(record string, fields map[string]any) string {
	if record == incidentRecord {
		return values.TextAt(fields, customFieldsField, keyField)
	}
	labels := values.ListAt(fields, "labels")
	at := slices.IndexFunc(labels, isKeyLabel)
	if at < 0 {
		return ""
	}
	if rest := slices.DeleteFunc(slices.Clone(labels), isKeyLabel); len(rest) > 0 {
		fields["labels"] = rest
	} else {
		delete(fields, "labels")
	}
	return labels[at].(string)
}

func isKeyLabel(label any) bool {
	text, _ := label.(string)
	return strings.HasPrefix(text, keyLabel)
}

// A keyIndex is which records hold which key, as far as the lists were read. A record
// holds its key from its creation on, so that older ones need no second look.
type keyIndex struct {
	mu   sync.Mutex
	ids  map[string][]string // by key, as they were created
	upTo time.Time           // every record created before is in it; zero: none is
}

func (i *keyIndex) from() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.upTo
}

func (i *keyIndex) add(found map[string][]string, upTo time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ids == nil {
		i.ids = map[string][]string{}
	}
	for key, ids := range found {
		for _, id := range ids {
			if !slices.Contains(i.ids[key], id) {
				i.ids[key] = append(i.ids[key], id)
			}
		}
	}
	if upTo.After(i.upTo) {
		i.upTo = upTo
	}
}

func (i *keyIndex) of(key string) []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.ids[key])
}

// FindByKey reads the records that were created since the last time, all of them the
// first time, for the API searches neither custom fields nor labels. In an account
// without the field for keys there are none to be found.
func (c *Connector) FindByKey(ctx context.Context, collection connectors.Collection, key string) ([]connectors.Record, error) {
	index := c.keys[collection.Record]
	if index == nil {
		return nil, noRecordType(opFind, collection.String())
	}
	if collection.Record == incidentRecord {
		field, told, err := c.keyFieldOf(ctx, opFind)
		if err != nil || field.ID == "" && told {
			return nil, err
		}
	}
	if err := c.readKeys(ctx, collection, index); err != nil {
		return nil, err
	}
	found, err := connectors.KeepKeyed(collection, key, index.of(key), func(ref connectors.Ref) (connectors.Record, error) {
		record, err := c.Read(ctx, ref)
		record.CreatedBy, record.Foreign = creatorOf(record).name(), !record.Own
		return record, err
	})
	// An id begins with the time of the creation.
	slices.SortFunc(found, func(a, b connectors.Record) int { return cmp.Compare(a.Ref.ID, b.Ref.ID) })
	return found, err
}

func (c *Connector) readKeys(ctx context.Context, collection connectors.Collection, index *keyIndex) error {
	since, began := index.from(), time.Time{}
	found := map[string][]string{}
	err := c.eachCreated(ctx, collection, since, &began, func(record connectors.Record) error {
		if record.Key != "" {
			found[record.Key] = append(found[record.Key], record.Ref.ID)
		}
		return nil
	})
	if err == nil {
		index.add(found, began)
	}
	return err
}

// FindUnkeyed lists what this API key created at since or later and that holds no key:
// in an account without the field for keys all that it created.
func (c *Connector) FindUnkeyed(ctx context.Context, collection connectors.Collection, since time.Time) ([]connectors.Record, error) {
	var found []connectors.Record
	err := c.eachCreated(ctx, collection, since, new(time.Time), func(record connectors.Record) error {
		if record.Key != "" {
			return nil
		}
		record, err := c.openedByUs(ctx, record)
		if err == nil && record.Own {
			found = append(found, record)
		}
		return err
	})
	return found, err
}

// eachCreated shows the records that were created since then, oldest first within one
// mode; the zero time: all. The time of a creation is stamped before it is committed.
// began is set to when the system began to answer.
func (c *Connector) eachCreated(ctx context.Context, collection connectors.Collection, since time.Time, began *time.Time, do func(connectors.Record) error) error {
	window, err := c.window(collection)
	if err != nil {
		return err
	}
	window.op, window.began = opFind, began
	if !since.IsZero() {
		window.query.Set("created_at[gte]", since.Add(-overlap).UTC().Format(time.RFC3339))
	}
	for _, list := range c.byMode(window, collection.Record) {
		for raw, err := range c.list(ctx, list) {
			if err != nil {
				return err
			}
			object, err := values.ParseObject(raw)
			if err != nil {
				return c.unlisted(list, "an element cannot be read")
			}
			record, err := recordOf(collection, c.schemas[collection.Record], object)
			if err != nil {
				return c.unlisted(list, "an element cannot be read")
			}
			if err := do(record); err != nil {
				return err
			}
		}
	}
	return nil
}

// byMode are the lists that together hold the records of all modes: follow-ups are
// listed one mode at a time, but for those of standard and retrospective incidents.
func (c *Connector) byMode(window listing, record string) []listing {
	if record == incidentRecord {
		return []listing{window}
	}
	all := []listing{window}
	for _, mode := range []string{"test", "tutorial"} {
		of := window
		of.query = url.Values{"incident_mode": {mode}}
		maps.Copy(of.query, window.query)
		all = append(all, of)
	}
	return all
}
