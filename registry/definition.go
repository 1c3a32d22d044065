package registry

import "iter"

// Definitions yields every definition of a key and where it is: first the one that readers
// get, then the hidden ones, the last document first.
func (s *Snapshot) Definitions(k Key) iter.Seq2[Place, Dataset] {
	return func(yield func(Place, Dataset) bool) {
		_, root := s.index.definitions(k.ShortName, k.DerivedScalarType)
		root.eachOf(k.DerivedScalarType, func(r *record) bool { return yield(s.place(r), Dataset{r}) })
	}
}
