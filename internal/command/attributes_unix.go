//go:build linux || darwin

package command

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// hardLinks returns the number of names that a file has.
func hardLinks(info fs.FileInfo) int {
	return int(info.Sys().(*syscall.Stat_t).Nlink)
}

// keepAttributes gives f the owner and the extended attributes of the file from.
func keepAttributes(f *os.File, from string, info fs.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	want, got := info.Sys().(*syscall.Stat_t), now.Sys().(*syscall.Stat_t)
	if want.Uid != got.Uid || want.Gid != got.Gid {
		if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
			return fmt.Errorf("%w: cannot keep its owner %d:%d: %w; run as that user", errNotWritten, want.Uid, want.Gid, errors.Unwrap(err))
		}
	}
	names, err := attributeNames(from)
	if err != nil {
		return err
	}
	inherited, err := attributeNames(f.Name())
	if err != nil {
		return err
	}
	for _, name := range inherited {
		if !slices.Contains(names, name) {
			if err := unix.Removexattr(f.Name(), name); err != nil {
				return fmt.Errorf("%w: cannot remove the attribute %s, which it does not have: %w", errNotWritten, name, err)
			}
		}
	}
	for _, name := range names {
		value, err := attribute(from, name)
		if err != nil {
			return err
		}
		if have, err := attribute(f.Name(), name); err == nil && bytes.Equal(have, value) {
			continue
		}
		if err := unix.Setxattr(f.Name(), name, value, 0); err != nil {
			return fmt.Errorf("%w: cannot keep its attribute %s: %w", errNotWritten, name, err)
		}
	}
	return nil
}

// systemAttributes are set by the system alone.
var systemAttributes = []string{"com.apple.provenance", "security.evm", "security.ima"}

// attributeNames returns the names of the extended attributes of a file.
func attributeNames(path string) ([]string, error) {
	list, err := attributeBytes(func(into []byte) (int, error) { return unix.Listxattr(path, into) })
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	names := strings.FieldsFunc(string(list), func(r rune) bool { return r == 0 })
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(systemAttributes, name) }), err
}

// attribute returns the value of an extended attribute of a file.
func attribute(path, name string) ([]byte, error) {
	return attributeBytes(func(into []byte) (int, error) { return unix.Getxattr(path, name, into) })
}

// attributeBytes calls read to learn the size, and again to fill a buffer of it.
func attributeBytes(read func([]byte) (int, error)) ([]byte, error) {
	size, err := read(nil)
	if err != nil || size == 0 {
		return nil, err
	}
	b := make([]byte, size)
	n, err := read(b)
	return b[:max(n, 0)], err
}
