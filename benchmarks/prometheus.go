package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/file"
	"github.com/prometheus/prometheus/discovery/targetgroup"
)

// prometheusFiles follows a directory of JSON files with one target group each, through
// Prometheus's file discovery alone. In Prometheus its discovery manager delays changes by
// up to another five seconds.
func prometheusFiles(refresh time.Duration) peer {
	return peer{
		name: "Prometheus file discovery",
		file: targetFile,
		follow: func(ctx context.Context, dir string, all []dataset, _ bool) (*follower, error) {
			conf := file.SDConfig{Files: []string{filepath.Join(dir, "*.json")}, RefreshInterval: model.Duration(refresh)}
			discovery, err := file.NewDiscovery(&conf, nil, conf.NewDiscovererMetrics(prometheus.NewRegistry(), nil))
			if err != nil {
				return nil, err
			}
			var mu sync.RWMutex
			groups := make(map[string]*targetgroup.Group, len(all)) // guarded by mu
			sources := make([]string, len(all))
			for i := range sources {
				sources[i] = filepath.Join(dir, targetFileName(i)) + ":0"
			}
			f := newFollower()
			f.path = func(i int) (string, bool) {
				mu.RLock()
				defer mu.RUnlock()
				g := groups[sources[i]]
				if g == nil {
					return "", false
				}
				return string(g.Labels["neuron_dataset_path"]), len(groups) == len(all)
			}
			refreshed := make(chan struct{}, 1) // receives a value when the last file was delivered
			f.sync = func(ctx context.Context, _ string) error {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-refreshed:
					return nil
				}
			}
			updates := make(chan []*targetgroup.Group)
			var running sync.WaitGroup
			running.Go(func() {
				defer close(updates)
				discovery.Run(ctx, updates)
			})
			running.Go(func() {
				for update := range updates {
					changed, last := false, false
					mu.Lock()
					for _, g := range update {
						old := groups[g.Source]
						if len(g.Targets) == 0 {
							delete(groups, g.Source)
						} else {
							groups[g.Source] = g
						}
						changed = changed || old == nil || old.Labels["neuron_dataset_path"] != g.Labels["neuron_dataset_path"]
						last = last || g.Source == sources[len(sources)-1]
					}
					mu.Unlock()
					if changed {
						f.notify()
					}
					if last {
						select {
						case refreshed <- struct{}{}:
						default:
						}
					}
				}
			})
			f.wait = running.Wait
			return f, f.sync(ctx, "")
		},
	}
}

func targetFileName(i int) string { return fmt.Sprintf("%07d.json", i) }

// targetFile is [peer.file]: the labels of a target group hold the dataset.
func targetFile(all []dataset, i int) (string, []byte) {
	d := &all[i]
	data, err := json.Marshal([]any{map[string]any{
		"targets": []string{"host.example"},
		"labels": map[string]string{
			"short_name": d.ShortName, "derived_scalar_type": d.DerivedScalarType,
			"user_visible_name": d.UserVisibleName, "neuron_dataset_path": d.NeuronDatasetPath,
		},
	}})
	if err != nil {
		panic(err) // unreachable: the value holds only strings
	}
	return targetFileName(i), data
}
