package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// control makes connections time out whose peers acknowledge nothing, unless that is the fault.
func (f *fake) control(_, _ string, c syscall.RawConn) (err error) {
	if f.fault == "vanished" {
		return nil
	}
	_ = c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 500) })
	return err
}
