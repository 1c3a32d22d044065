package config

import "strconv"

// A place is where in a document a dataset stands. Its path is only put together where
// a diagnostic needs it.
type place struct {
	list  string
	key   string // of a map, if index is named
	index int
}

const (
	alone = -1 // the dataset is the document
	named = -2 // it has a key, not an index
)

// String returns the path, like datasets[2]; empty for a dataset that is the document.
func (w place) String() string {
	switch {
	case w.index == alone:
		return ""
	case w.index == named && w.list == "":
		return cut(w.key)
	case w.index == named:
		return w.list + "." + cut(w.key)
	}
	return w.list + "[" + strconv.Itoa(w.index) + "]"
}

// field returns the path of a field of the dataset.
func (w place) field(name string) string {
	if w.index == alone {
		return cut(name)
	}
	return w.String() + "." + cut(name)
}
