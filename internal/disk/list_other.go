//go:build !linux || (!amd64 && !arm64)

package disk

// A lister holds nothing: the portable way has no memory to reuse.
type lister struct{}

func (w *Walker) list(dir string, visit func(Entry)) (dirs []Entry, err error) {
	return w.listPortably(dir, visit)
}
