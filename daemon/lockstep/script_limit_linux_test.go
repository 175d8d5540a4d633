package main

import "golang.org/x/sys/unix"

// limitFiles bounds the length of what a process writes into a file; nil: no
// longer.
func limitFiles(pid int, size *uint64) error {
	var now unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &now); err != nil {
		return err
	}
	now.Cur = now.Max
	if size != nil {
		now.Cur = *size
	}
	return unix.Prlimit(pid, unix.RLIMIT_FSIZE, &now, nil)
}
