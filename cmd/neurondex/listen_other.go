//go:build !unix

package main

// refused reports whether nobody listens on the Unix socket that err is about. It is not known
// here.
func refused(error) bool { return false }
