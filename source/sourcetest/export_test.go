package sourcetest

import "maps"

// SkipChange makes s miss the changes made so far.
func (s *MemorySource) SkipChange() { _, s.changed, _ = s.memory.read() }

// Changed returns the channel that Wait receives from.
func (s *MemorySource) Changed() <-chan struct{} { return s.changed }

// Forget clears what s delivered, and returns the names of those documents.
func (s *MemorySource) Forget() (names []string) {
	for name := range maps.Keys(s.delivered) {
		names = append(names, name)
	}
	s.delivered = nil
	return names
}
