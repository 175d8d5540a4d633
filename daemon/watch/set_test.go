package watch

import (
	"path/filepath"
	"testing"

	"github.com/lockstep-sync/lockstep/daemon/daemontest"
)

func TestSet(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(parts ...string) string { return filepath.Join(append([]string{root}, parts...)...) }

	// As Kubernetes mounts a config map: dir/main.hcl -> ..data/main.hcl, ..data -> ..one.
	daemontest.WriteFile(t, at("kube", "..one", "main.hcl"), "")
	symlink(t, "..one", at("kube", "..data"))
	symlink(t, filepath.Join("..data", "main.hcl"), at("kube", "main.hcl"))
	// As deployments do: current -> releases/1.
	daemontest.WriteFile(t, at("releases", "1", "main.hcl"), "")
	symlink(t, filepath.Join("releases", "1"), at("current"))
	// A file that is included from elsewhere.
	daemontest.WriteFile(t, at("plain", "main.hcl"), "")
	daemontest.WriteFile(t, at("shared", "text.md"), "")

	tests := []struct {
		name    string
		dir     string
		files   []string
		matters []string
		not     []string
	}{
		{
			name: "plain directory", dir: at("plain"), files: []string{at("plain", "main.hcl"), at("shared", "text.md")},
			matters: []string{at("plain", "main.hcl"), at("plain", "new.hcl"), at("shared", "text.md"), at("plain")},
			not:     []string{at("plain", "main.hcl~"), at("plain", "4913"), at("shared", "other.md"), at("shared", "x.hcl")},
		},
		{
			name: "kubernetes", dir: at("kube"), files: []string{at("kube", "main.hcl")},
			matters: []string{at("kube", "..data"), at("kube", "main.hcl"), at("kube", "..one", "main.hcl")},
			not:     []string{at("kube", "..data_tmp"), at("kube", "..one", "other")},
		},
		{
			name: "directory is a link", dir: at("current"),
			matters: []string{at("current"), at("releases", "1", "main.hcl"), at("releases", "1")},
			not:     []string{at("releases", "2"), at("other")},
		},
		{
			name: "directory is gone", dir: at("gone"),
			matters: []string{at("gone")},
			not:     []string{at("other")},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newSet(tt.dir, tt.files)
			for _, path := range tt.matters {
				if !w.matters(path) {
					t.Errorf("an event at %s is not looked at", path)
				}
			}
			for _, path := range tt.not {
				if w.matters(path) {
					t.Errorf("an event at %s is looked at", path)
				}
			}
		})
	}
}

func TestSetEndsInACircleOfLinks(t *testing.T) {
	root := t.TempDir()
	symlink(t, "b", filepath.Join(root, "a"))
	symlink(t, "a", filepath.Join(root, "b"))
	w := newSet(filepath.Join(root, "a"), nil)
	if !w.matters(filepath.Join(root, "a")) {
		t.Error("the first link of the circle is not looked at; mending it would go unseen")
	}
}

func TestFingerprint(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b]*?")
	file := filepath.Join(dir, "main.hcl")
	daemontest.WriteFile(t, file, "one")
	last := Fingerprint(dir, nil)
	if last != Fingerprint(dir, nil) {
		t.Fatal("two looks at the same files differ")
	}
	differs := func(what string) {
		t.Helper()
		next := Fingerprint(dir, []string{filepath.Join(dir, "text.md")})
		if next == last {
			t.Errorf("%s: the fingerprint did not change", what)
		}
		last = next
	}
	differs("another file counts")
	daemontest.WriteFile(t, file, "longer")
	differs("bytes changed")
	daemontest.WriteFile(t, filepath.Join(dir, "text.md"), "x")
	differs("an included file appeared")
	daemontest.WriteFile(t, filepath.Join(dir, "next.hcl"), "longer")
	differs("a file was added")
	daemontest.Rename(t, filepath.Join(dir, "next.hcl"), file)
	differs("a file was renamed over another")
}
