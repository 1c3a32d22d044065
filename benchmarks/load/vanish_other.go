//go:build !linux

package main

import (
	"errors"
	"net"
)

// vanish makes a connection look to its peer as if this machine had lost its power.
func vanish(*net.TCPConn) error { return errors.ErrUnsupported }
