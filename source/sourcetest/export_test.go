package sourcetest

import "maps"

// SkipChange makes s miss the changes so far.
func (s *MemorySource) SkipChange() { _, s.changed, _ = s.memory.read() }

// Changed returns the channel that Wait waits for.
func (s *MemorySource) Changed() <-chan struct{} { return s.changed }

// Forget makes s forget what it delivered, and returns the names.
func (s *MemorySource) Forget() (names []string) {
	for name := range maps.Keys(s.delivered) {
		names = append(names, name)
	}
	s.delivered = nil
	return names
}
