package config

import "strconv"

// A place is the position of a dataset in the structure of its document. Its path is built
// only when a diagnostic needs it.
type place struct {
	list  string // key of the list or map; empty at the top level
	key   string // in a map, if index is inMap
	index int    // in a list, or one of the constants below
}

const (
	single = -1 // the document is the dataset
	inMap  = -2 // the dataset has a key instead of an index
)

// String returns the path of the dataset, such as datasets[2]. It is empty if the document
// is the dataset.
func (w place) String() string {
	switch {
	case w.index == single:
		return ""
	case w.index == inMap && w.list == "":
		return truncate(w.key)
	case w.index == inMap:
		return w.list + "." + truncate(w.key)
	}
	return element(w.list, w.index)
}

// element returns the path of the i-th element of a list.
func element(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// field returns the path of a field of the dataset.
func (w place) field(name string) string {
	if w.index == single {
		return truncate(name)
	}
	return w.String() + "." + truncate(name)
}
