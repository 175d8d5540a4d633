package journal

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/connectors"
)

func TestPlainRecordKeepsKinds(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	want := connectors.Record{
		Version: "7", UpdatedAt: at, Private: true,
		Fields: map[string]any{
			"nothing": nil, "yes": true, "int": int64(1<<62 + 1), "whole double": 3.0, "double": 1.5e300, "tiny": 1e-7,
			"text": "2026-01-02T03:04:05Z", "time": at,
			"nested": []any{int64(1), 1.0, at, map[string]any{"a": []any{at}}},
			"like":   map[string]any{"$time": "not a time"}, "also": map[string]any{"$map": []any{map[string]any{"$float": "x"}}},
		},
	}
	encoded, err := json.Marshal(plainRecord(want))
	if err != nil {
		t.Fatal(err)
	}
	var got plainRecord
	if err := json.Unmarshal(encoded, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, connectors.Record(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
