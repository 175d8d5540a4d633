package embed

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const holdVariable = "LOCKSTEP_TEST_HOLD"

// TestMain lets the test binary be the other process that holds a lock.
func TestMain(m *testing.M) {
	dir := os.Getenv(holdVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	if _, err := Lock(dir); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("locked")
	select {} // until it is killed
}

func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, err := Lock(dir)
	check(t, err)
	info, err := os.Stat(dir)
	check(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v", info.Mode())
	}
	want := fmt.Sprintf("%s: another lockstep uses it (process %d)", dir, os.Getpid())
	if _, err := Lock(dir); !errors.Is(err, ErrLocked) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	check(t, first.Unlock())
	second, err := Lock(dir)
	check(t, err)
	check(t, second.Unlock())
}

func TestLockOfKilledProcess(t *testing.T) {
	dir := t.TempDir()
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), holdVariable+"="+dir)
	out, err := other.StdoutPipe()
	check(t, err)
	check(t, other.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "locked" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	if _, err := Lock(dir); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", other.Process.Pid)) {
		t.Errorf("got %v, want it to name process %d", err, other.Process.Pid)
	}
	check(t, other.Process.Kill())
	_ = other.Wait() // killed
	lock, err := Lock(dir)
	check(t, err)
	check(t, lock.Unlock())
}

func TestLockOfNobody(t *testing.T) {
	dir := t.TempDir()
	// What a crash of the whole machine leaves.
	check(t, os.WriteFile(filepath.Join(dir, "lock"), []byte("4194304\n and more"), 0o600))
	lock, err := Lock(dir)
	check(t, err)
	defer lock.Unlock()
	text, err := os.ReadFile(filepath.Join(dir, "lock"))
	check(t, err)
	if string(text) != fmt.Sprintf("%d\n", os.Getpid()) {
		t.Errorf("signed %q", text)
	}
}
