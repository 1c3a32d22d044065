//go:build unix && !linux

package dir_test

import "syscall"

// wholeSeconds leaves out the field of the time: its name differs between systems.
func wholeSeconds(st *syscall.Stat_t) *syscall.Stat_t { return st }
