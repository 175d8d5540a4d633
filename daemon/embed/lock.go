package embed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// ErrLocked says that another process holds a directory.
var ErrLocked = errors.New("another lockstep uses it")

// A DirLock keeps a directory to one process. The kernel releases it with the
// process, however that ends.
type DirLock struct {
	path string
	mu   sync.Mutex
	file *os.File
}

// Lock takes the lock of a directory, which it makes if it is not there. If
// another process holds it the error is ErrLocked and names that process.
func Lock(dir string) (*DirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock := &DirLock{path: filepath.Join(dir, "lock")}
	var err error
	if lock.file, err = take(dir, lock.path); err != nil {
		return nil, err
	}
	return lock, nil
}

// take locks the file of that path in dir.
func take(dir, path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
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
	// For messages alone, and a full disk is no reason not to start.
	_ = sign(file)
	return file, nil
}

// held reports an error if the file that is locked is no longer the one that
// another process would lock.
func (l *DirLock) held() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heldLocked()
}

func (l *DirLock) heldLocked() error {
	mine, err := l.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(l.path)
	if err != nil {
		return err
	}
	if !os.SameFile(mine, there) {
		return fmt.Errorf("%s was replaced", l.path)
	}
	return nil
}

// renew takes the lock again if its file was removed or replaced.
func (l *DirLock) renew() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.heldLocked() == nil {
		return nil
	}
	file, err := take(filepath.Dir(l.path), l.path)
	if err != nil {
		return err
	}
	l.file.Close()
	l.file = file
	return nil
}

// Unlock gives the directory up. The file stays: removing it would let a third
// process lock another file of the same name.
func (l *DirLock) Unlock() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}

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
