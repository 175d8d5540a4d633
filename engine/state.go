package engine

import (
	"fmt"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// rawState is the raw value at a dotted path of a record, as text; empty where
// there is none.
func rawState(r connectors.Record, path string) string {
	if path == "" {
		return ""
	}
	var v any = r.Fields
	for _, name := range strings.Split(path, ".") {
		fields, _ := v.(map[string]any)
		v = fields[name]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
