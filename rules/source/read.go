package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// The sizes that are read.
const (
	MaxFile  = 1 << 20  // of one file of a configuration
	MaxTotal = 64 << 20 // of all files of a configuration
)

// ErrTooLarge is wrapped by errors about files that are larger than asked for.
var ErrTooLarge = errors.New("too large")

// Read reads a regular file of at most limit bytes. It waits for no writer of a
// pipe and reads from no device. Its errors do not name the path.
func Read(ctx context.Context, path string, limit int64) ([]byte, error) {
	file, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return Drain(ctx, file, limit)
}

func openRegular(path string) (*os.File, error) {
	// Opening a device can have effects, so the kind is asked for before, and
	// again of what was opened.
	info, err := os.Stat(path)
	if err == nil {
		err = regular(info)
	}
	if err != nil {
		return nil, bare(err)
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, bare(err)
	}
	if info, err = file.Stat(); err == nil {
		err = regular(info)
	}
	if err != nil {
		_ = file.Close()
		return nil, bare(err)
	}
	return file, nil
}

// ReadInput reads a file that a person named, which may be a pipe: one that
// nobody has opened for writing is empty.
func ReadInput(ctx context.Context, path string, limit int64) (content []byte, err error) {
	err = WithInput(ctx, path, func(r io.Reader) error {
		content, err = Drain(ctx, r, limit)
		return err
	})
	return content, err
}

// WithInput has such a file read as a stream.
func WithInput(ctx context.Context, path string, read func(io.Reader) error) error {
	info, err := os.Stat(path)
	if err != nil {
		return bare(err)
	}
	if info.Mode()&fs.ModeNamedPipe == 0 {
		file, err := openRegular(path)
		if err != nil {
			return err
		}
		defer file.Close()
		return read(&interrupted{ctx, file})
	}
	pipe, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return bare(err)
	}
	defer pipe.Close()
	defer context.AfterFunc(ctx, func() { _ = pipe.SetReadDeadline(time.Now()) })()
	return read(&interrupted{ctx, pipe})
}

// Drain reads a stream of at most limit bytes to its end.
func Drain(ctx context.Context, r io.Reader, limit int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(&interrupted{ctx, r}, limit+1))
	switch {
	case err != nil:
		return nil, bare(err)
	case int64(len(content)) > limit:
		return nil, fmt.Errorf("it is larger than %s: %w", Size(limit), ErrTooLarge)
	}
	return content, nil
}

// interrupted ends a stream with its context.
type interrupted struct {
	ctx context.Context
	r   io.Reader
}

func (i *interrupted) Read(p []byte) (int, error) {
	if err := context.Cause(i.ctx); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

// regular says why a file is not a regular one.
func regular(info fs.FileInfo) error {
	kind := ""
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = "directory"
	case mode&fs.ModeNamedPipe != 0:
		kind = "named pipe"
	case mode&fs.ModeSocket != 0:
		kind = "socket"
	case mode&fs.ModeDevice != 0:
		kind = "device"
	default:
		return errors.New("it is not a regular file")
	}
	return fmt.Errorf("it is a %s, not a regular file", kind)
}

// bare returns an error without the path that the message has anyway.
func bare(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

// Size writes a size that is a whole number of MiB or KiB.
func Size(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
