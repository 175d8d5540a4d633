package embed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// smallDisk mounts a file system of its own for the test.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { check(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

func TestFullDisk(t *testing.T) {
	disk := smallDisk(t)
	s := start(t, Options{Dir: filepath.Join(disk, "data")})
	js := streams(t, s)
	makeStream(t, js, "a")
	ballast, err := os.Create(filepath.Join(disk, "ballast"))
	check(t, err)
	defer ballast.Close()
	for err == nil {
		_, err = ballast.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	acknowledged := fillUp(t, s, js, "a")
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), s.opts.Dir+": no space left on device") {
		t.Errorf("check: %v", err)
	}
	check(t, os.Remove(ballast.Name()))
	check(t, ballast.Close())
	recovers(t, s)
	holds(t, js, "a", acknowledged)
	publish(t, js, "a", "after")
}

// A disk with errors turns read-only under the files that are open, and is
// mounted again once it is repaired.
func TestReadOnlyDisk(t *testing.T) {
	disk, image := t.TempDir(), filepath.Join(t.TempDir(), "image")
	run := func(name string, args ...string) error {
		out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", name, err, out)
		}
		return nil
	}
	check(t, os.WriteFile(image, nil, 0o600))
	check(t, os.Truncate(image, 16<<20))
	mount := func() error { return run("mount", "-o", "loop,errors=remount-ro", image, disk) }
	if err := errors.Join(run("mkfs.ext4", "-q", image), mount()); err != nil {
		t.Skipf("no file system can be made and mounted here: %v", err)
	}
	unmount := func() { check(t, syscall.Unmount(disk, syscall.MNT_DETACH)) }
	t.Cleanup(unmount)
	s := start(t, Options{Dir: filepath.Join(disk, "data")})
	t.Cleanup(s.Close) // before the unmounting
	js := streams(t, s)
	makeStream(t, js, "a")
	publish(t, js, "a", "before")
	device, err := exec.CommandContext(t.Context(), "findmnt", "-no", "SOURCE", disk).Output()
	check(t, err)
	fault := filepath.Join("/sys/fs/ext4", filepath.Base(strings.TrimSpace(string(device))), "trigger_fs_error")
	if err := os.WriteFile(fault, []byte("a test"), 0o200); err != nil {
		t.Skipf("no error can be brought about here: %v", err)
	}
	acknowledged := 1 + fillUp(t, s, js, "a")
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), s.opts.Dir+": read-only file system") {
		t.Errorf("check: %v", err)
	}
	unmount()
	check(t, mount())
	recovers(t, s)
	holds(t, js, "a", acknowledged)
	publish(t, js, "a", "after")
}
