package main

import (
	"context"
	"crypto/sha256"
	"errors"
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
// decoding the same files into structs, for many datasets in each file and for one. Reading
// the files, and hashing them, says how fast it can be.
func coldStart(ctx context.Context, s scale) (result, error) {
	var res result
	for i, layout := range []coldLayout{{s.coldFiles, s.coldEach}, {s.coldSingles, 1}} {
		t, seconds, err := layout.measure(ctx, s.coldRounds)
		if err != nil {
			return res, err
		}
		res.tables = append(res.tables, t)
		if i > 0 {
			continue
		}
		p := panel{x: "time (s)"}
		for i, l := range loaders {
			p.dot(l.name, seconds[i], seconds[i])
			if isOurs(l.name) {
				p.title = fmt.Sprintf("%s datasets in %s files are served %s s after the start", grouped(layout.files*layout.each), grouped(layout.files), digits(seconds[i]))
			}
		}
		res.panels = append(res.panels, p)
	}
	return res, nil
}

// A loader reads a directory. It returns what it made of it, and the number of datasets.
type loader struct {
	name  string
	load  func(dir string) (state any, datasets int, err error)
	bound bool // no dataset is decoded: this is how fast a start can be
}

// decoding is the loader that others are compared with.
const decoding = 2

var loaders = []loader{
	{name: "bound: read the files", load: readDir, bound: true},
	{name: "bound: read and hash the files", load: hashDir, bound: true},
	decoding: {name: "go-toml into structs", load: decodeDir},
	{name: "neurondex: LoadDir and Apply", load: loadDir},
}

// A coldLayout is a directory of files with datasets.
type coldLayout struct{ files, each int }

// measure returns the table, and the seconds of each loader on all cores.
func (c coldLayout) measure(ctx context.Context, rounds int) (t table, seconds []float64, err error) {
	n := c.files * c.each
	t = table{
		title: fmt.Sprintf("Cold start: %s datasets in %s TOML files", grouped(n), grouped(c.files)),
		head:  []string{"", "cores", "time", "datasets per second", "/ go-toml into structs"},
	}
	site, err := newSite()
	if err != nil {
		return t, nil, err
	}
	defer site.remove()
	all := newDatasets(n)
	for i := range c.files {
		data := toTOML(all[i*c.each : (i+1)*c.each])
		if err := os.WriteFile(filepath.Join(site.dir, documentName(i)), data, 0o644); err != nil {
			return t, nil, err
		}
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
		for round := range rounds {
			for i, l := range loaders {
				if ctx.Err() != nil {
					return t, nil, ctx.Err()
				}
				runtime.GC()
				start := time.Now()
				state, count, err := l.load(site.dir)
				d := time.Since(start)
				runtime.KeepAlive(state)
				if err != nil {
					return t, nil, fmt.Errorf("%s: %w", l.name, err)
				}
				if count != n && !l.bound {
					return t, nil, fmt.Errorf("%s: loaded %d of %d datasets", l.name, count, n)
				}
				took[i] = append(took[i], d)
			}
			for i := range loaders {
				ratios[i] = append(ratios[i], float64(took[i][round])/float64(took[decoding][round]))
			}
		}
		for i, l := range loaders {
			d := median(took[i])
			t.add(l.name, fmt.Sprint(procs), span(d), digits(float64(n)/d*1e9), ratio(median(ratios[i])))
			if procs == cores[0] {
				seconds = append(seconds, d/1e9)
			}
		}
	}
	return t, seconds, nil
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

// decodeDir decodes the files of a directory.
func decodeDir(dir string) (any, int, error) {
	documents, err := fromFiles(dir, func(data []byte) (doc document, err error) {
		return doc, toml.Unmarshal(data, &doc)
	})
	count := 0
	for _, doc := range documents {
		count += len(doc.Datasets)
	}
	return documents, count, err
}

// readDir reads the files of a directory.
func readDir(dir string) (any, int, error) {
	sizes, err := fromFiles(dir, func(data []byte) (int, error) { return len(data), nil })
	return sizes, 0, err
}

// hashDir reads and hashes the files of a directory.
func hashDir(dir string) (any, int, error) {
	sums, err := fromFiles(dir, func(data []byte) ([sha256.Size]byte, error) { return sha256.Sum256(data), nil })
	return sums, 0, err
}

// fromFiles reads the files of a directory, and makes a value of each, on all cores.
func fromFiles[T any](dir string, from func(data []byte) (T, error)) ([]T, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	values, errs := make([]T, len(entries)), make([]error, len(entries))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(entries); i = int(next.Add(1)) - 1 {
				data, err := os.ReadFile(filepath.Join(dir, entries[i].Name()))
				if err == nil {
					values[i], err = from(data)
				}
				errs[i] = err
			}
		})
	}
	wg.Wait()
	return values, errors.Join(errs...)
}
