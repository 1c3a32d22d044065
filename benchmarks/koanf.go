package main

import (
	"context"
	"errors"

	ktoml "github.com/knadh/koanf/parsers/toml/v2"
	kfile "github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/neurondex/neurondex/registry"
	"github.com/pelletier/go-toml/v2"
)

// openKoanf is [store.open] of koanf. It looks up a string, not a dataset, because koanf
// copies maps.
func openKoanf(all []dataset) (*openStore, error) {
	k := koanf.New(".")
	if err := k.Load(mapProvider(nested(all)), nil); err != nil {
		return nil, err
	}
	return &openStore{
		find: func(keys []registry.Key) (total int) {
			for _, key := range keys {
				total += len(k.String(key.ShortName + "." + string(key.DerivedScalarType) + ".neuron_dataset_path"))
			}
			return total
		},
		reload: func(_ string, data []byte) error {
			var doc document
			if err := toml.Unmarshal(data, &doc); err != nil {
				return err
			}
			return k.Load(mapProvider(nested(doc.Datasets)), nil)
		},
	}, nil
}

// A mapProvider provides nested maps to koanf.
type mapProvider map[string]any

// Read implements [koanf.Provider].
func (p mapProvider) Read() (map[string]any, error) { return p, nil }

// ReadBytes implements [koanf.Provider].
func (p mapProvider) ReadBytes() ([]byte, error) { return nil, errors.ErrUnsupported }

// koanfFile loads and unmarshals one file, and follows it with the file provider.
func koanfFile() peer {
	return peer{
		name:   "koanf, one file",
		single: true,
		file:   singleTOMLFile,
		follow: func(ctx context.Context, dir string, all []dataset, watch bool) (*follower, error) {
			provider := kfile.Provider(singlePath(dir))
			var state decodedFile
			load := func(context.Context, string) error {
				k := koanf.New(".")
				if err := k.Load(provider, ktoml.Parser()); err != nil {
					return err
				}
				var doc document
				if err := k.Unmarshal("", &doc); err != nil {
					return err
				}
				state.current.Store(&doc)
				return nil
			}
			f := newFollower()
			f.path, f.sync = state.path(all), load
			if err := load(ctx, ""); err != nil {
				return nil, err
			}
			if watch {
				f.wait = func() { _ = provider.Unwatch() }
				return f, provider.Watch(func(_ any, err error) {
					if err == nil && load(ctx, "") == nil {
						f.notify()
					}
				})
			}
			return f, nil
		},
	}
}
