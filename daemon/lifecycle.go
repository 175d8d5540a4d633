package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// steps are what has been started, each with a name and the way to end it.
type steps struct {
	log  *slog.Logger
	list []step
}

type step struct {
	name string
	end  func(context.Context) error
}

// started remembers how to end what has just been started.
func (s *steps) started(name string, end func(context.Context) error) {
	s.list = append(s.list, step{name, end})
}

// end ends everything, the last started first. A step that fails does not
// keep the others from being ended; all errors are returned.
func (s *steps) end(ctx context.Context) error {
	var failed []error
	for i := len(s.list) - 1; i >= 0; i-- {
		step := s.list[i]
		if err := step.end(ctx); err != nil {
			failed = append(failed, fmt.Errorf("stop %s: %w", step.name, err))
		}
		s.log.Debug("stopped", "what", step.name)
	}
	s.list = nil
	return errors.Join(failed...)
}
