package main

import (
	"github.com/neurondex/neurondex/registry"
	"github.com/pelletier/go-toml/v2"
	"github.com/puzpuzpuz/xsync/v4"
)

// openXsync is [store.open] of xsync's map.
func openXsync(all []dataset) (*openStore, error) {
	m := xsync.NewMap[registry.Key, dataset]()
	for _, d := range all {
		m.Store(d.key(), d)
	}
	return &openStore{
		find: func(keys []registry.Key) (total int) {
			for _, k := range keys {
				d, _ := m.Load(k)
				total += len(d.NeuronDatasetPath)
			}
			return total
		},
		reload: func(_ string, data []byte) error {
			var doc document
			if err := toml.Unmarshal(data, &doc); err != nil {
				return err
			}
			for _, d := range doc.Datasets {
				m.Store(d.key(), d)
			}
			return nil
		},
	}, nil
}
