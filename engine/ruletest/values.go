package ruletest

import (
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/resolve"
)

// lookUp finds whatever a look-up names, as long as it names something: what
// the system holds is not known here.
func (w *world) lookUp(l connectors.Lookup) (any, error) {
	if text, ok := connectors.TextOf(l.Value); ok && strings.TrimSpace(text) != "" {
		written := lookupText(l)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.lookups[written] = l
		return written, nil
	}
	switch {
	case !l.HasFallback:
		return nil, resolve.Refuse(resolve.CodeNotFound, "the %s to look for is empty", l.Key)
	case l.Fallback == nil:
		return nil, nil
	}
	return w.lookUp(*l.Fallback)
}

// lookupText is a look-up as explain writes it: what a record in memory holds in
// place of an id.
func lookupText(l connectors.Lookup) string { return "ref(" + l.Key + ", " + jsonOf(l.Value) + ")" }

// shown returns a resolved value as the record shows it: some things are written by
// their name or id and read as an object.
func (w *world) shown(t connectors.Type, value any) any {
	text, isText := value.(string)
	if !isText || text == "" || t.Kind != connectors.Object {
		return value
	}
	object := map[string]any{}
	if l, ok := w.lookups[text]; ok {
		object["id"] = text
		if _, has := t.Fields[l.Key]; has {
			object[l.Key] = l.Value
		}
		return object
	}
	if _, has := t.Fields["name"]; has {
		object["name"] = text
	} else {
		object["id"] = text
	}
	return object
}
