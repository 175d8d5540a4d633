package main

import (
	"context"
	"sync"
)

// atOnce is how many records somebody waits for at a time: they wait for systems.
const atOnce = 8

// inOrder does n things, a few at once, and takes what came of them in their order. It
// ends when take fails.
func inOrder[T any](ctx context.Context, n int, do func(ctx context.Context, i int) T, take func(i int, done T) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel()
	done := make([]chan T, n)
	for i := range done {
		done[i] = make(chan T, 1)
	}
	free := make(chan struct{}, atOnce)
	working.Go(func() {
		for i := range n {
			select {
			case free <- struct{}{}:
			case <-ctx.Done():
				return
			}
			working.Go(func() {
				defer func() { <-free }()
				done[i] <- do(ctx, i)
			})
		}
	})
	for i := range n {
		select {
		case one := <-done[i]:
			if err := take(i, one); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
