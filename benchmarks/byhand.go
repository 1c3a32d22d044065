package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/fsnotify/fsnotify"
	"github.com/neurondex/neurondex/registry"
	"github.com/pelletier/go-toml/v2"
)

// openAtomic is [store.open] of a map that is never modified, behind an atomic pointer.
func openAtomic(all []dataset) (*openStore, error) {
	var p atomic.Pointer[map[registry.Key]dataset]
	m := make(map[registry.Key]dataset, len(all))
	for _, d := range all {
		m[d.key()] = d
	}
	p.Store(&m)
	return &openStore{
		find: func(keys []registry.Key) (total int) {
			for _, k := range keys {
				total += len((*p.Load())[k].NeuronDatasetPath)
			}
			return total
		},
		reload: func(_ string, data []byte) error {
			var doc document
			if err := toml.Unmarshal(data, &doc); err != nil {
				return err
			}
			old := *p.Load()
			m := make(map[registry.Key]dataset, len(old))
			for k, d := range old {
				m[k] = d
			}
			for _, d := range doc.Datasets {
				m[d.key()] = d
			}
			p.Store(&m)
			return nil
		},
	}, nil
}

// openMutex is [store.open] of a map behind a mutex.
func openMutex(all []dataset) (*openStore, error) {
	var mu sync.RWMutex
	m := make(map[registry.Key]dataset, len(all)) // guarded by mu
	for _, d := range all {
		m[d.key()] = d
	}
	return &openStore{
		find: func(keys []registry.Key) (total int) {
			for _, k := range keys {
				mu.RLock()
				d := m[k]
				mu.RUnlock()
				total += len(d.NeuronDatasetPath)
			}
			return total
		},
		reload: func(_ string, data []byte) error {
			var doc document
			if err := toml.Unmarshal(data, &doc); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for _, d := range doc.Datasets {
				m[d.key()] = d
			}
			return nil
		},
	}, nil
}

// openSyncMap is [store.open] of a [sync.Map].
func openSyncMap(all []dataset) (*openStore, error) {
	var m sync.Map
	for i := range all {
		m.Store(all[i].key(), &all[i])
	}
	return &openStore{
		find: func(keys []registry.Key) (total int) {
			for _, k := range keys {
				if d, ok := m.Load(k); ok {
					total += len(d.(*dataset).NeuronDatasetPath)
				}
			}
			return total
		},
		reload: func(_ string, data []byte) error {
			var doc document
			if err := toml.Unmarshal(data, &doc); err != nil {
				return err
			}
			for i := range doc.Datasets {
				m.Store(doc.Datasets[i].key(), &doc.Datasets[i])
			}
			return nil
		},
	}, nil
}

// byHand decodes every file of the directory into a new map, and puts that behind a mutex.
// It follows the directory with fsnotify, and does so after each event.
func byHand() peer {
	return peer{
		name: "by hand: go-toml, every file",
		file: tomlFile,
		follow: func(ctx context.Context, dir string, all []dataset, watch bool) (*follower, error) {
			var mu sync.RWMutex
			var current map[registry.Key]dataset // guarded by mu
			load := func(context.Context, string) error {
				entries, err := os.ReadDir(dir)
				if err != nil {
					return err
				}
				m := make(map[registry.Key]dataset, len(entries))
				for _, e := range entries {
					if !isTOML(e.Name()) {
						continue
					}
					if err := decodeInto(m, filepath.Join(dir, e.Name())); err != nil {
						return err
					}
				}
				mu.Lock()
				defer mu.Unlock()
				current = m
				return nil
			}
			f := newFollower()
			f.sync = load
			f.path = func(i int) (string, bool) {
				mu.RLock()
				defer mu.RUnlock()
				return current[all[i].key()].NeuronDatasetPath, len(current) == len(all)
			}
			if !watch {
				return f, load(ctx, "")
			}
			w, err := fsnotify.NewWatcher()
			if err != nil {
				return nil, err
			}
			if err := errors.Join(w.Add(dir), load(ctx, "")); err != nil {
				return nil, errors.Join(err, w.Close())
			}
			var watching sync.WaitGroup
			watching.Go(func() {
				for {
					select {
					case e, ok := <-w.Events:
						if !ok {
							return
						}
						if isTOML(e.Name) && load(ctx, "") == nil {
							f.notify()
						}
					case _, ok := <-w.Errors:
						if !ok {
							return
						}
					}
				}
			})
			f.wait = func() {
				_ = w.Close()
				watching.Wait()
			}
			return f, nil
		},
	}
}

func isTOML(name string) bool { return filepath.Ext(name) == ".toml" }

// decodeInto decodes a file and adds its datasets to a map.
func decodeInto(m map[registry.Key]dataset, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var doc document
	if err := toml.Unmarshal(data, &doc); err != nil {
		return err
	}
	for _, d := range doc.Datasets {
		m[d.key()] = d
	}
	return nil
}
