package main

import "github.com/neurondex/neurondex/registry"

// A store is a data structure in which datasets are looked up by two strings.
type store struct {
	name string
	max  int // the most datasets that it is measured with; 0 means no limit

	open func(all []dataset) (*openStore, error)
}

// An openStore loops over keys itself, so that what is measured is the lookup and not an
// indirect call.
type openStore struct {
	// find looks up all keys and returns the total length of what it found, so that the
	// compiler cannot omit lookups.
	find func(keys []registry.Key) int

	// reload parses a document and applies it. It may be called during find, and is nil
	// if that is not safe.
	reload func(name string, data []byte) error
}

// documentSize is how many datasets a document of the lookup section holds.
const documentSize = 100

// stores returns all stores. The others are compared with the first one.
func stores() []store {
	return []store{
		{name: "map behind atomic.Pointer", open: openAtomic},
		{name: "neurondex", open: openRegistry},
		{name: "map behind RWMutex", open: openMutex},
		{name: "sync.Map", open: openSyncMap},
		{name: "xsync.Map", open: openXsync},
		{name: "viper", max: 10_000, open: openViper},
		{name: "koanf", max: 10_000, open: openKoanf},
	}
}

// nested returns datasets in the form of configuration libraries: nested maps whose keys
// are the two strings.
func nested(all []dataset) map[string]any {
	tree := make(map[string]any)
	for _, d := range all {
		byType, ok := tree[d.ShortName].(map[string]any)
		if !ok {
			byType = make(map[string]any)
			tree[d.ShortName] = byType
		}
		byType[d.DerivedScalarType] = map[string]any{
			"user_visible_name":   d.UserVisibleName,
			"neuron_dataset_path": d.NeuronDatasetPath,
		}
	}
	return tree
}
