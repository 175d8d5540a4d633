//go:build !linux

package main

import "errors"

// limitFiles cannot be done to another process here; scripts skip it.
func limitFiles(int, *uint64) error { return errors.ErrUnsupported }
