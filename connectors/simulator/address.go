package simulator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// FreeAddress returns a HOST:PORT on loopback at which nothing listens, for a
// server that another process will start there. It is below the ports that
// operating systems hand out by themselves, so that no connection made
// meanwhile takes it.
func FreeAddress() (string, error) {
	const lowest, highest = 10_000, 30_000
	var err error
	for range 50 {
		address := fmt.Sprint("127.0.0.1:", lowest+rand.IntN(highest-lowest))
		var listener net.Listener
		if listener, err = new(net.ListenConfig).Listen(context.Background(), "tcp", address); err == nil {
			return address, listener.Close()
		}
	}
	return "", errors.Join(errors.New("there is no free port"), err)
}
