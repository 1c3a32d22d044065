package main

import (
	"context"

	"github.com/fsnotify/fsnotify"
	"github.com/neurondex/neurondex/registry"
	"github.com/spf13/viper"
)

// openViper is [store.open] of Viper. It has no reload: Viper is not safe for concurrent
// reads and writes.
func openViper(all []dataset) (*openStore, error) {
	v := viper.New()
	if err := v.MergeConfigMap(nested(all)); err != nil {
		return nil, err
	}
	return &openStore{find: func(keys []registry.Key) (total int) {
		for _, k := range keys {
			if d, ok := v.Get(k.ShortName + "." + string(k.DerivedScalarType)).(map[string]any); ok {
				total += len(d["neuron_dataset_path"].(string))
			}
		}
		return total
	}}, nil
}

// viperFile reads and unmarshals one file, and follows it with WatchConfig.
func viperFile() peer {
	return peer{
		name:   "viper, one file",
		single: true,
		file:   singleTOMLFile,
		follow: func(ctx context.Context, dir string, all []dataset, watch bool) (*follower, error) {
			v := viper.New()
			v.SetConfigFile(singlePath(dir))
			var state decodedFile
			publish := func() error {
				var doc document
				if err := v.Unmarshal(&doc); err != nil {
					return err
				}
				state.current.Store(&doc)
				return nil
			}
			load := func(context.Context, string) error {
				if err := v.ReadInConfig(); err != nil {
					return err
				}
				return publish()
			}
			f := newFollower()
			f.path, f.sync = state.path(all), load
			if err := load(ctx, ""); err != nil {
				return nil, err
			}
			if watch {
				v.OnConfigChange(func(fsnotify.Event) {
					if publish() == nil {
						f.notify()
					}
				})
				v.WatchConfig() // it ends only when the file is removed
			}
			return f, nil
		},
	}
}
