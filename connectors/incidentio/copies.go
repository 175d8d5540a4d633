package incidentio

import (
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// A copy ends with its marker on a line of its own, "`lockstep MARKER`": small
// enough to be passed over, and in a form that the vendor's Markdown leaves as it
// is.
const markerWord = "lockstep"

// marked is the text of a copy.
func marked(text, marker string) string {
	line := "`" + markerWord + " " + marker + "`"
	if text = values.TrimLines(text); text == "" {
		return line
	}
	return text + "\n\n" + line
}

// unmarked takes the marker off a text that ends with one; "": it does not. The
// vendor may rewrite Markdown, so that other signs around it, and none, do
// as well.
func unmarked(text string) (rest, marker string) {
	whole := values.TrimLines(text)
	at := strings.LastIndexAny(whole, "\r\n") + 1
	line := strings.Trim(whole[at:], "`*_~ \t")
	word, marker, found := strings.Cut(line, " ")
	if !found || word != markerWord || !connectors.IsMarker(marker) {
		return text, ""
	}
	return values.TrimLines(whole[:at]), marker
}
