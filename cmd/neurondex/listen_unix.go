//go:build unix

package main

import (
	"errors"
	"syscall"
)

// refused reports whether nobody listens on the Unix socket that err is about.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
