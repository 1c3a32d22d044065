package dir_test

import "syscall"

// wholeSeconds returns what a file system that counts whole seconds says.
func wholeSeconds(st *syscall.Stat_t) *syscall.Stat_t {
	c := *st
	c.Ctim.Nsec = 0
	return &c
}
