//go:build !linux

package watcher

func isRemote(string) bool { return false }
