package ruletest

import (
	"fmt"
	"mime"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/connectors"
)

// comment adds what somebody says.
func (w *world) comment(ref connectors.Ref, kind, text string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, err := w.thing(ref)
	if err != nil {
		return err
	}
	if kinds := w.schema(ref.Collection).CommentKinds; !slices.Contains(kinds, kind) {
		return fmt.Errorf("%s has no comments of the kind %q; it has %s", ref.Collection, kind, strings.Join(kinds, ", "))
	}
	w.say(t, connectors.Comment{Kind: kind, Author: person, Text: text})
	return nil
}

// file attaches what somebody attaches.
func (w *world) file(ref connectors.Ref, name string, content []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, err := w.thing(ref)
	if err != nil {
		return err
	}
	if w.schema(ref.Collection).Attachments != "bytes" {
		return fmt.Errorf("%s holds no files", ref.Collection)
	}
	w.attach(t, name, "", named(name, content), false)
	return nil
}

// named returns the content of a file that is what its name says. A script holds
// text alone, by which a picture would be none: text under such a name begins
// with a byte that no text and no known type begins with, so that the name
// counts.
func named(name string, content []byte) []byte {
	kind := mime.TypeByExtension(path.Ext(name))
	if kind == "" || strings.HasPrefix(kind, "text/") || !utf8.Valid(content) {
		return content
	}
	return append([]byte{0}, content...)
}

// delete removes a record.
func (w *world) delete(ref connectors.Ref) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.thing(ref); err != nil {
		return err
	}
	delete(w.things, ref)
	w.changed = append(w.changed, ref)
	return nil
}

// thing returns a record that is there. w.mu is held.
func (w *world) thing(ref connectors.Ref) (*thing, error) {
	if t := w.things[ref]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("%s was deleted", ref)
}
