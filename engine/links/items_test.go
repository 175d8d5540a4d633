package links

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
		var there []Listed
		dealt := map[string]int{}
		stuck := map[string]bool{}
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "hours")) * time.Hour)
			for range rapid.IntRange(0, 3).Draw(t, "new") {
				late := time.Duration(rapid.IntRange(0, 47).Draw(t, "late")) * time.Hour
				it := Listed{Key: fmt.Sprint(i, "-", len(there)), At: now.Add(-late)}
				there = append(there, it)
				stuck[it.Key] = rapid.IntRange(0, 9).Draw(t, "stuck") == 0
			}
			if rapid.Bool().Draw(t, "ahead") { // somebody's clock, or a date in the future
				there = append(there, Listed{Key: fmt.Sprint(i, "-future"), At: now.Add(1000 * time.Hour)})
			}
			var listed []Listed
			for _, it := range there {
				if !it.At.Before(known.From) {
					listed = append(listed, it)
				}
			}
			for _, it := range listed {
				if known.Has(it) || stuck[it.Key] {
					continue
				}
				dealt[it.Key]++
				known = known.With(it.Key, ItemSeen)
			}
			known = known.Compact(listed, now)
			stuckNow := slices.ContainsFunc(there, func(it Listed) bool { return stuck[it.Key] })
			old := 0
			for _, it := range there {
				if _, kept := known.Done[it.Key]; kept && it.At.Before(now.Add(-itemsKept-48*time.Hour)) {
					old++
				}
			}
			if !stuckNow && len(listed) > 0 && old > 40 {
				t.Fatalf("%d keys of old items are kept", old)
			}
		}
		for _, it := range there {
			if n := dealt[it.Key]; !stuck[it.Key] && n != 1 {
				t.Fatalf("%s was dealt with %d times", it.Key, n)
			}
		}
		for _, it := range there {
			if stuck[it.Key] && (known.Has(it) || it.At.Before(known.From)) {
				t.Fatalf("%s counts as done", it.Key)
			}
		}
	})
}
