package server

import "github.com/neurondex/neurondex/internal/redact"

// text returns what an error says, without paths of the server's disk unless they may be
// shown: of a path that the operating system could not use, only the last element is left.
func (h *Handler) text(err error) string { return h.withoutPaths(err.Error(), err) }

// withoutPaths removes from a text the absolute paths of the errors of the operating system
// in a tree of errors.
func (h *Handler) withoutPaths(text string, err error) string {
	if h.options.ExposePaths {
		return text
	}
	return redact.Paths(text, err)
}
