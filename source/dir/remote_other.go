//go:build !linux

package dir

func isRemote(string) bool { return false }
