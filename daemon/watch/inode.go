package watch

import (
	"fmt"
	"io/fs"
	"syscall"
)

// inode tells a file from another of the same name, size and time.
func inode(info fs.FileInfo) string {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d", s.Dev, s.Ino)
	}
	return ""
}
