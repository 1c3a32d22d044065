package server

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// text returns what an error says, without paths of the server's disk unless they may be
// shown: of a path that the operating system could not use, only the last element is left.
func (h *Handler) text(err error) string { return h.withoutPaths(err.Error(), err) }

// withoutPaths removes from a text the absolute paths of the errors of the operating system
// in a tree of errors.
func (h *Handler) withoutPaths(text string, err error) string {
	if h.options.ExposePaths {
		return text
	}
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
