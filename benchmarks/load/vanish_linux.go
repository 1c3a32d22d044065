package main

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// vanish makes a connection look to its peer as if this machine had lost its power: the kernel
// drops every packet that arrives for it, so that nothing is acknowledged, and there is neither
// a FIN nor a reset.
func vanish(c *net.TCPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0} // accept 0 bytes of each packet
	program := unix.SockFprog{Len: 1, Filter: &drop}
	return errors.Join(raw.Control(func(fd uintptr) {
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program)
	}), err)
}
