// Package nearest guesses which of several names was meant.
package nearest

import (
	"fmt"
	"slices"
	"strings"
)

// most is how many names are listed at the most.
const most = 12

// Instead ends a message about a name that is not among the known ones: with the one
// that was probably meant, else with those there are.
func Instead(name string, known []string) string {
	for _, k := range known {
		if k != name && strings.EqualFold(strings.TrimSpace(k), strings.TrimSpace(name)) {
			return fmt.Sprintf("; it is written %q", k)
		}
	}
	if near := Name(name, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if len(known) == 0 {
		return ", nor any other"
	}
	return "; there are: " + List(known)
}

// List lists names in their order, and no more than fit into a message.
func List(known []string) string {
	sorted := slices.Compact(slices.Sorted(slices.Values(known)))
	list := strings.Join(sorted[:min(len(sorted), most)], ", ")
	if len(sorted) > most {
		list += ", …"
	}
	return list
}

// Name returns the known name that one most likely meant who wrote name, empty
// if none is near. Case and underscores count less than letters.
func Name(name string, known []string) string {
	limit := min(max((len([]rune(name))+2)/4, 1), 3)
	best, bestAt := "", limit+1
	for _, k := range known {
		if k == name {
			continue
		}
		d := distance(fold(name), fold(k))
		if d < bestAt || d == bestAt && best != "" && k < best {
			best, bestAt = k, d
		}
	}
	// Of a very short name nearly every other one is near.
	if len([]rune(name)) < 3 && bestAt > 0 {
		return ""
	}
	return best
}

// fold drops what people get wrong without meaning another name.
func fold(s string) []rune {
	return []rune(strings.ReplaceAll(strings.ToLower(s), "_", ""))
}

// distance returns the number of letters to insert, delete, replace or swap with
// their neighbour to get from a to b.
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
