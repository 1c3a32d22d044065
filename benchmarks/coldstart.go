package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/pelletier/go-toml/v2"
)

// coldStart measures the time to read, check and index all datasets, relative to only
// decoding the same files into structs.
func coldStart(ctx context.Context, s scale) (result, error) {
	n := s.coldFiles * s.coldEach
	t := table{
		title: fmt.Sprintf("Cold start: %s datasets in %s TOML files", grouped(n), grouped(s.coldFiles)),
		head:  []string{"", "cores", "time", "datasets per second", "/ go-toml into structs"},
	}
	p := panel{title: fmt.Sprintf("Cold start, %s datasets", grouped(n)), x: "time (s)"}
	site, err := newSite()
	if err != nil {
		return result{}, err
	}
	defer site.remove()
	all := newDatasets(n)
	for i := range s.coldFiles {
		data := toTOML(all[i*s.coldEach : (i+1)*s.coldEach])
		if err := os.WriteFile(filepath.Join(site.dir, documentName(i)), data, 0o644); err != nil {
			return result{}, err
		}
	}

	loaders := []struct {
		name string
		load func(dir string) (any, int, error)
	}{
		{"go-toml into structs", decodeDir},
		{"neurondex: LoadDir and Apply", loadDir},
	}
	cores := []int{runtime.GOMAXPROCS(0)}
	if cores[0] > 1 {
		cores = append(cores, 1)
	}
	defer runtime.GOMAXPROCS(cores[0])
	for _, procs := range cores {
		runtime.GOMAXPROCS(procs)
		took := make([][]time.Duration, len(loaders))
		ratios := make([][]float64, len(loaders))
		for range s.coldRounds {
			for i, l := range loaders {
				if ctx.Err() != nil {
					return result{}, ctx.Err()
				}
				runtime.GC()
				start := time.Now()
				state, count, err := l.load(site.dir)
				d := time.Since(start)
				runtime.KeepAlive(state)
				if err != nil {
					return result{}, fmt.Errorf("%s: %w", l.name, err)
				}
				if count != n {
					return result{}, fmt.Errorf("%s: loaded %d of %d datasets", l.name, count, n)
				}
				took[i] = append(took[i], d)
				ratios[i] = append(ratios[i], float64(d)/float64(took[0][len(took[0])-1]))
			}
		}
		for i, l := range loaders {
			d := median(took[i])
			t.add(l.name, fmt.Sprint(procs), span(d), digits(float64(n)/d*1e9), ratio(median(ratios[i])))
			p.dot(fmt.Sprintf("%s, %d core%s", l.name, procs, plural(procs)), d/1e9, d/1e9)
		}
	}
	return result{tables: []table{t}, panels: []panel{p}}, nil
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// loadDir loads a directory into a registry.
func loadDir(dir string) (any, int, error) {
	loaded, err := config.LoadDir(dir)
	if err != nil {
		return nil, 0, err
	}
	if err := loaded.Diagnostics.Err(); err != nil {
		return nil, 0, err
	}
	reg := registry.New()
	if _, err := reg.Apply(loaded.Change()); err != nil {
		return nil, 0, err
	}
	return reg, reg.Snapshot().Len(), nil
}

// decodeDir decodes the files of a directory on all cores.
func decodeDir(dir string) (any, int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, err
	}
	documents, errs := make([]document, len(entries)), make([]error, len(entries))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(entries) {
					return
				}
				data, err := os.ReadFile(filepath.Join(dir, entries[i].Name()))
				if err == nil {
					err = toml.Unmarshal(data, &documents[i])
				}
				errs[i] = err
			}
		})
	}
	wg.Wait()
	count := 0
	for i, doc := range documents {
		if errs[i] != nil {
			return nil, 0, errs[i]
		}
		count += len(doc.Datasets)
	}
	return documents, count, nil
}
