package main

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
)

// openRegistry is [store.open] of a registry.
func openRegistry(all []dataset) (*openStore, error) {
	reg := registry.New()
	var c registry.Change
	for i := 0; i < len(all); i += documentSize {
		doc := registry.Document{Name: documentName(i)}
		for _, d := range all[i:min(i+documentSize, len(all))] {
			doc.Datasets = append(doc.Datasets, d.spec())
		}
		c.Put = append(c.Put, doc)
	}
	if _, err := reg.Apply(c); err != nil {
		return nil, err
	}
	return &openStore{
		find: func(keys []registry.Key) (total int) {
			for _, k := range keys {
				d, _ := reg.Snapshot().Lookup(k.ShortName, k.DerivedScalarType)
				total += len(d.NeuronDatasetPath())
			}
			return total
		},
		reload: parseAndApply(reg),
	}, nil
}

// parseAndApply returns a function that does what a reload of one file does after reading it.
func parseAndApply(reg *registry.Registry) func(name string, data []byte) error {
	var specs []registry.Spec
	return func(name string, data []byte) error {
		var found config.Diagnostics
		specs, found = config.AppendParse(specs[:0], name, data)
		if err := found.Err(); err != nil {
			return err
		}
		_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: name, Datasets: specs}}})
		return err
	}
}

// registryPath returns a [follower.path].
func registryPath(reg registry.Reader, all []dataset) func(int) (string, bool) {
	return func(i int) (string, bool) {
		s := reg.Snapshot()
		d, _ := s.Lookup(all[i].ShortName, registry.DerivedScalarType(all[i].DerivedScalarType))
		return d.NeuronDatasetPath(), s.Len() == len(all)
	}
}

// neurondex follows a directory of TOML files with one dataset each, through events.
func neurondex(settings dir.Dir) peer {
	return peer{
		name: "neurondex",
		file: tomlFile,
		follow: func(ctx context.Context, path string, all []dataset, _ bool) (*follower, error) {
			settings := settings
			settings.Path = path
			w, err := watcher.Follow(ctx, &settings, watcher.WithLogger(nil))
			if err != nil {
				return nil, err
			}
			f := newFollower()
			f.path = registryPath(w, all)
			f.sync = f.waitNotified
			var updates sync.WaitGroup
			updates.Go(func() {
				for range w.Updates(ctx) {
					f.notify()
				}
			})
			f.wait = func() {
				updates.Wait()
				<-w.Done()
			}
			return f, nil
		},
	}
}

// neurondexSync is neurondex with a call of Sync after each change.
func neurondexSync() peer {
	return peer{
		name: "neurondex, Sync",
		file: tomlFile,
		follow: func(ctx context.Context, path string, all []dataset, _ bool) (*follower, error) {
			w, err := watcher.Open(ctx, path, watcher.WithLogger(nil))
			if err != nil {
				return nil, err
			}
			f := newFollower()
			f.path = registryPath(w, all)
			f.sync = func(ctx context.Context, _ string) error { return w.Sync(ctx) }
			f.losses = func() int { return int(w.Status().Source.Overflows) }
			f.wait = func() { <-w.Done() }
			return f, nil
		},
	}
}

// neurondexApply reads, parses and applies the file that changed. It does not watch.
func neurondexApply() peer {
	return peer{
		name: "neurondex, Parse and Apply alone",
		file: tomlFile,
		follow: func(_ context.Context, dir string, all []dataset, _ bool) (*follower, error) {
			loaded, err := config.LoadDir(dir)
			if err != nil {
				return nil, err
			}
			reg := registry.New()
			if _, err := reg.Apply(loaded.Change()); err != nil {
				return nil, err
			}
			f := newFollower()
			f.path = registryPath(reg, all)
			reload := parseAndApply(reg)
			f.sync = func(_ context.Context, name string) error {
				data, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					return err
				}
				return reload(name, data)
			}
			return f, nil
		},
	}
}
