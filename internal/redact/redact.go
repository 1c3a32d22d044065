// Package redact removes from texts for others what only the operator of a server may know.
package redact

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Paths returns a text in which only the last element is left of each absolute path of the errors
// of the operating system in a tree of errors.
func Paths(text string, err error) string {
	for _, path := range pathsOf(err) {
		if filepath.IsAbs(path) {
			text = strings.ReplaceAll(text, path, filepath.Base(path))
		}
	}
	return text
}

// pathsOf returns the paths of the errors of the operating system in a tree of errors.
func pathsOf(err error) []string {
	switch e := err.(type) { //nolint:errorlint // walks the tree itself
	case *fs.PathError:
		return []string{e.Path}
	case *os.LinkError:
		return []string{e.Old, e.New}
	case interface{ Unwrap() error }:
		return pathsOf(e.Unwrap())
	case interface{ Unwrap() []error }:
		var all []string
		for _, part := range e.Unwrap() {
			all = append(all, pathsOf(part)...)
		}
		return all
	}
	return nil
}
