package watcher

import (
	"path"

	"github.com/neurondex/neurondex/registry"
)

// hasDatasets reports whether a snapshot has datasets of a document.
func hasDatasets(s *registry.Snapshot, document string) bool {
	n, _ := s.DocumentLen(document)
	return n > 0
}

// A served knows of which documents and directories a snapshot has datasets.
type served struct {
	snapshot    *registry.Snapshot
	directories map[string]bool // nil until needed
}

// has reports whether the snapshot has datasets of a document.
func (s *served) has(document string) bool { return hasDatasets(s.snapshot, document) }

// stateOfInvalid returns the state of a document that is invalid, or of a directory that
// cannot be listed.
func (s *served) stateOfInvalid(name string) State {
	if s.has(name) || s.hasBelow(name) {
		return StateStale
	}
	return StateInvalid
}

// hasBelow reports whether the snapshot has datasets of documents below a directory.
func (s *served) hasBelow(directory string) bool {
	if s.directories == nil {
		s.directories = make(map[string]bool)
		for document, n := range s.snapshot.Documents() {
			for dir := path.Dir(document); n > 0 && !s.directories[dir]; dir = path.Dir(dir) {
				s.directories[dir] = true
			}
		}
	}
	return s.directories[directory]
}
