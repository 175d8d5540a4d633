//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package embed

import (
	"fmt"
	"os"
	"runtime"
)

func flock(*os.File) error {
	return fmt.Errorf("a data directory cannot be locked on %s; use daemon { nats { url } }", runtime.GOOS)
}
