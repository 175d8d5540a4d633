package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestNoItemIsForgotten: whatever is listed in whatever order, an item that
// comes at most two days late is looked at exactly once, and the keys do not
// pile up.
func TestNoItemIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		known := &Items{}
		var there []item
		dealt := map[string]int{}
		stuck := map[string]bool{}
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "hours")) * time.Hour)
			for range rapid.IntRange(0, 3).Draw(t, "new") {
				late := time.Duration(rapid.IntRange(0, 47).Draw(t, "late")) * time.Hour
				it := item{key: fmt.Sprint(i, "-", len(there)), at: now.Add(-late)}
				there = append(there, it)
				stuck[it.key] = rapid.IntRange(0, 9).Draw(t, "stuck") == 0
			}
			if rapid.Bool().Draw(t, "ahead") { // somebody's clock, or a date in the future
				there = append(there, item{key: fmt.Sprint(i, "-future"), at: now.Add(1000 * time.Hour)})
			}
			var listed []item
			for _, it := range there {
				if !it.at.Before(known.From) {
					listed = append(listed, it)
				}
			}
			for _, it := range listed {
				if known.has(it) || stuck[it.key] {
					continue
				}
				dealt[it.key]++
				known = known.with(it.key, itemSeen)
			}
			known = known.trimmed(listed, now)
			stuckNow := slices.ContainsFunc(there, func(it item) bool { return stuck[it.key] })
			old := 0
			for _, it := range there {
				if _, kept := known.Done[it.key]; kept && it.at.Before(now.Add(-itemsKept-48*time.Hour)) {
					old++
				}
			}
			if !stuckNow && len(listed) > 0 && old > 40 {
				t.Fatalf("%d keys of old items are kept", old)
			}
		}
		for _, it := range there {
			if n := dealt[it.key]; !stuck[it.key] && n != 1 {
				t.Fatalf("%s was dealt with %d times", it.key, n)
			}
		}
		for _, it := range there {
			if stuck[it.key] && (known.has(it) || it.at.Before(known.From)) {
				t.Fatalf("%s counts as done", it.key)
			}
		}
	})
}
