package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// How long the end takes at the most, whatever hangs. What is in work has
// drainTimeout. A step whose time is over has stepTimeout to stop, and is
// then left behind; when stopTimeout is over, the rest has no more than a
// moment each.
const (
	drainTimeout = 20 * time.Second
	frontTimeout = 5 * time.Second // of what ends before the engine
	stepTimeout  = 3 * time.Second
	stopTimeout  = 27 * time.Second
	moment       = 100 * time.Millisecond
)

// errLeftBehind says that a step did not end in its time.
var errLeftBehind = errors.New("it does not end, and is left behind")

// steps are what has been started, each with a name and the way to end it.
type steps struct {
	log  *slog.Logger
	list []step
	left bool // something was left behind
}

type step struct {
	name string
	end  func(context.Context) error
}

// started remembers how to end what has just been started.
func (s *steps) started(name string, end func(context.Context) error) {
	s.list = append(s.list, step{name, end})
}

// end ends everything, the last started first. A step that fails or hangs does
// not keep the others from being ended; all errors are returned.
func (s *steps) end(ctx context.Context) error {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	var failed []error
	for _, step := range slices.Backward(s.list) {
		if err := s.endOne(ctx, last, step); err != nil {
			failed = append(failed, fmt.Errorf("stop %s: %w", step.name, err))
		}
		s.log.Debug("stopped", "what", step.name)
	}
	s.list = nil
	return errors.Join(failed...)
}

func (s *steps) endOne(ctx, last context.Context, step step) error {
	ended := begin(ctx, step.end)
	either, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(last, cancel)()
	err := await(either, ended)
	if errors.Is(err, errLeftBehind) {
		more, cancel := context.WithTimeout(last, stepTimeout)
		defer cancel()
		err = await(more, ended)
	}
	if errors.Is(err, errLeftBehind) {
		more, cancel := context.WithTimeout(context.WithoutCancel(last), moment)
		defer cancel()
		err = await(more, ended)
	}
	s.left = s.left || errors.Is(err, errLeftBehind)
	return err
}

// inFront returns a step that ends before the engine, and has less time than the
// others.
func inFront(end func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, frontTimeout)
		defer cancel()
		ended := begin(ctx, end)
		err := await(ctx, ended)
		if errors.Is(err, errLeftBehind) {
			more, cancel := context.WithTimeout(context.WithoutCancel(ctx), moment)
			defer cancel()
			err = await(more, ended)
		}
		return err
	}
}

func begin(ctx context.Context, end func(context.Context) error) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- end(ctx) }()
	return ended
}

// await returns errLeftBehind if nothing has ended when ctx has.
func await(ctx context.Context, ended <-chan error) error {
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return errLeftBehind
	}
}
