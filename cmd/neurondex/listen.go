package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
)

// unixPrefix begins the address of a Unix socket, and systemdAddress stands for the sockets that
// systemd hands to the process.
const (
	unixPrefix     = "unix:"
	systemdAddress = "systemd"
)

func isListenAddress(text string) error {
	path, isUnix := strings.CutPrefix(text, unixPrefix)
	_, _, err := net.SplitHostPort(withHost(text))
	switch {
	case text == systemdAddress, isUnix && path != "", !isUnix && err == nil:
		return nil
	default:
		return fmt.Errorf("must be a port, host:port, unix:PATH or systemd, like 8000 or 127.0.0.1:8000 or :8000, not %q", text)
	}
}

// withHost returns an address of loopback if text is only a port.
func withHost(text string) string {
	if _, err := strconv.ParseUint(text, 10, 16); err == nil {
		return net.JoinHostPort("127.0.0.1", text)
	}
	return text
}

// listen listens on addresses that [isListenAddress] accepts.
func listen(ctx context.Context, addresses []string) (all []net.Listener, err error) {
	defer func() {
		if err != nil {
			closeAll(all)
			all = nil
		}
	}()
	for _, address := range addresses {
		path, isUnix := strings.CutPrefix(address, unixPrefix)
		switch {
		case address == systemdAddress:
			handed, err := activation.Listeners()
			handed = slices.DeleteFunc(handed, func(l net.Listener) bool { return l == nil }) // what is not a stream socket
			all = append(all, handed...)
			if err == nil && len(handed) == 0 {
				err = errors.New("systemd handed no sockets to this process; start it through a .socket unit")
			}
			if err != nil {
				return all, err
			}
		case isUnix:
			l, err := listenUnix(ctx, path)
			if err != nil {
				return all, err
			}
			all = append(all, l)
		default:
			l, err := new(net.ListenConfig).Listen(ctx, "tcp", withHost(address))
			if err != nil {
				return all, err
			}
			all = append(all, l)
		}
	}
	return all, nil
}

func closeAll(all []net.Listener) {
	for _, l := range all {
		l.Close()
	}
}

// socketMode lets the owner and the group of a Unix socket connect.
const socketMode = 0o660

// listenUnix listens on a Unix socket. It replaces a socket that nobody listens on any more, as a
// process that is killed leaves one.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
		c, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err == nil {
			c.Close()
			return nil, fmt.Errorf("%s: another process listens on this socket", path)
		}
		if refused(err) {
			if err := os.Remove(path); err != nil {
				return nil, err
			}
		}
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, socketMode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// isLocal reports whether only processes of this machine reach an address.
func isLocal(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}
