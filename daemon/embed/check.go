package embed

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	// room is how much must fit into the directory before a server that had
	// given up is started on it again.
	room = 128 << 10
	// The pause before a server is started again doubles with each that did
	// not last.
	firstRestart = time.Second
	maxRestart   = 10 * time.Second
	lasting      = time.Minute
)

// Check says what keeps the server from storing what it is given; nil: nothing.
//
// At the first write that fails the server gives a stream up for as long as it
// runs. So when the directory takes writes again, Check starts another server
// in its place. It never does so on a directory that no longer holds the files:
// what a volume holds that is not mounted now would be lost sight of.
func (s *Server) Check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("the embedded NATS server is stopped")
	}
	failure := s.failure()
	if failure == nil {
		if s.restarts > 0 && time.Since(s.restart) > lasting {
			s.restarts = 0
		}
		return nil
	}
	if err := s.usable(); err != nil {
		return fmt.Errorf("data directory %s: %w", s.opts.Dir, err)
	}
	if s.restarts > 0 && time.Since(s.restart) < min(firstRestart<<(s.restarts-1), maxRestart) {
		return failure
	}
	s.restarts = min(s.restarts+1, 10)
	s.restart = time.Now()
	end(s.running.Swap(nil))
	if err := s.launch(); err != nil {
		return err
	}
	s.logger.Warn("the embedded NATS server was restarted", "after", failure)
	return nil
}

// Trouble receives when the server logged a warning or an error, which is when
// asking Check is worth it.
func (s *Server) Trouble() <-chan struct{} { return s.trouble }

// usable checks that the directory holds what it held, is this process's, and
// takes writes.
func (s *Server) usable() error {
	found, err := lookAt(s.opts.Dir)
	if err != nil {
		return err
	}
	if err := missing(s.streams, found.streams); err != nil {
		return err
	}
	if s.opts.Lock != nil {
		if err := s.opts.Lock.renew(); err != nil {
			return err
		}
	}
	return Writable(s.opts.Dir)
}

// Writable reports why a data directory takes no writes; nil: it does. It writes
// a file as long as the longest in the directory will soon be, most of it a
// hole: there may be room, and a limit on the length of a file.
func Writable(dir string) (err error) {
	var longest int64
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return ignoreGone(err)
		}
		info, err := d.Info()
		if err == nil {
			longest = max(longest, info.Size())
		}
		return ignoreGone(err)
	})
	if err != nil {
		return bare(err)
	}
	file, err := os.Create(filepath.Join(dir, "write-test"))
	if err != nil {
		return bare(err)
	}
	defer func() {
		err = bare(errors.Join(err, file.Close(), ignoreGone(os.Remove(file.Name()))))
	}()
	// Not zeros: a file system may keep those for nothing.
	if _, err := file.WriteAt(bytes.Repeat([]byte("lockstep"), room/8), longest); err != nil {
		return err
	}
	return file.Sync()
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// bare takes the name of the file that was tried off an error.
func bare(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
