package embed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrLocked says that another process holds a directory.
var ErrLocked = errors.New("another lockstep uses it")

// A DirLock keeps a directory to one process. The kernel releases it with the
// process, however that ends.
type DirLock struct {
	file *os.File
}

// Lock takes the lock of a directory, which it makes if it is not there. If
// another process holds it the error is ErrLocked and names that process.
func Lock(dir string) (*DirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(file); err != nil {
		defer file.Close()
		if !errors.Is(err, errHeld) {
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
		if pid := holder(file); pid > 0 {
			return nil, fmt.Errorf("%s: %w (process %d)", dir, ErrLocked, pid)
		}
		return nil, fmt.Errorf("%s: %w", dir, ErrLocked)
	}
	if err := sign(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return &DirLock{file: file}, nil
}

// Unlock gives the directory up. The file stays: removing it would let a third
// process lock another file of the same name.
func (l *DirLock) Unlock() error { return l.file.Close() }

var errHeld = errors.New("held by another")

func sign(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// holder reads the process that signed the file; zero if it has not yet.
func holder(file *os.File) int {
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 32))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}
