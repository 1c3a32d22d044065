package disk

import (
	"fmt"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Patterns match names below a root that are left out, files and directories. A pattern
// with a slash matches whole names ("**" matches any number of directories), one without
// matches base names.
type Patterns []string

// Check returns an error for a malformed pattern.
func (p Patterns) Check() error {
	for _, pattern := range p {
		if !doublestar.ValidatePattern(pattern) {
			return fmt.Errorf("malformed pattern %q", pattern)
		}
	}
	return nil
}

// Match reports whether a pattern matches a name or a directory above it.
func (p Patterns) Match(name string) bool {
	if len(p) == 0 {
		return false
	}
	for ; name != "."; name = path.Dir(name) {
		if p.matchOne(name) {
			return true
		}
	}
	return false
}

func (p Patterns) matchOne(name string) bool {
	for _, pattern := range p {
		subject := name
		if !strings.Contains(pattern, "/") {
			subject = path.Base(name)
		}
		if doublestar.MatchUnvalidated(strings.TrimPrefix(pattern, "/"), subject) {
			return true
		}
	}
	return false
}
