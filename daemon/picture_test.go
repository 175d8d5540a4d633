package daemon_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPicture compares the pictures of the packages with what they import. An
// arrow that follows from others is left out.
func TestPicture(t *testing.T) {
	for _, page := range []string{"README.md", "engine/README.md"} {
		t.Run(page, func(t *testing.T) { comparePicture(t, page) })
	}
}

func comparePicture(t *testing.T, page string) {
	text, err := os.ReadFile("../" + page)
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[[2]string]bool{}
	folders := map[string]bool{}
	for _, arrow := range regexp.MustCompile(`(?m)^  ([\w/]+) --> ([\w/]+)$`).FindAllStringSubmatch(string(text), -1) {
		drawn[[2]string{arrow[1], arrow[2]}] = true
		folders[arrow[1]], folders[arrow[2]] = true, true
	}
	uses := map[string]map[string]bool{}
	for _, i := range imports(t) {
		to, ok := strings.CutPrefix(i.path, module)
		if !ok || !folders[i.folder] || !folders[to] {
			continue
		}
		if uses[i.folder] == nil {
			uses[i.folder] = map[string]bool{}
		}
		uses[i.folder][to] = true
	}
	if diff := cmp.Diff(sorted(reduced(uses)), sorted(drawn)); diff != "" {
		t.Errorf("the picture in %s and the imports differ (- imports, + picture):\n%s", page, diff)
	}
}

// reduced returns the arrows that do not follow from others.
func reduced(uses map[string]map[string]bool) map[[2]string]bool {
	var reaches func(from, to string) bool
	reaches = func(from, to string) bool {
		return uses[from][to] || slices.ContainsFunc(slices.Collect(maps.Keys(uses[from])), func(next string) bool { return reaches(next, to) })
	}
	arrows := map[[2]string]bool{}
	for from, all := range uses {
		for to := range all {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(other string) bool { return other != to && reaches(other, to) }) {
				arrows[[2]string{from, to}] = true
			}
		}
	}
	return arrows
}

func sorted(arrows map[[2]string]bool) (all []string) {
	for a := range arrows {
		all = append(all, a[0]+" --> "+a[1])
	}
	slices.Sort(all)
	return all
}
