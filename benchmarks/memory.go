package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/neurondex/neurondex/registry"
)

// memory measures the live heap per dataset.
func memory(ctx context.Context, s scale) (result, error) {
	n := s.memorySize
	t := table{
		title: fmt.Sprintf("Live heap with %s datasets", grouped(n)),
		head:  []string{"", "bytes per dataset", "/ map of structs"},
	}
	p := panel{x: "bytes per dataset"}
	var base float64
	for _, kind := range []struct {
		name string
		make func(n int) (any, error)
	}{
		{"map of structs", mapOf},
		{"neurondex", registryOf},
		{"sync.Map of pointers", syncMapOf},
	} {
		if ctx.Err() != nil {
			return result{}, ctx.Err()
		}
		before := liveHeap()
		value, err := kind.make(n)
		if err != nil {
			return result{}, err
		}
		each := (float64(liveHeap()) - float64(before)) / float64(n)
		runtime.KeepAlive(value)
		if base == 0 {
			base = each
		}
		t.add(kind.name, digits(each), ratio(each/base))
		p.dot(kind.name, each, each)
		if isOurs(kind.name) {
			p.title = fmt.Sprintf("A dataset takes %s bytes of memory, among %s", digits(each), grouped(n))
		}
	}
	return result{tables: []table{t}, panels: []panel{p}}, nil
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC() // frees what only finalizers held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func mapOf(n int) (any, error) {
	m := make(map[registry.Key]dataset, n)
	for _, d := range newDatasets(n) {
		m[d.key()] = d
	}
	return m, nil
}

func syncMapOf(n int) (any, error) {
	var m sync.Map
	for _, d := range newDatasets(n) {
		m.Store(d.key(), &d)
	}
	return &m, nil
}

func registryOf(n int) (any, error) {
	reg := registry.New()
	var c registry.Change
	all := newDatasets(n)
	const each = 1000 // datasets in a document
	for i := 0; i < n; i += each {
		doc := registry.Document{Name: documentName(i)}
		for _, d := range all[i:min(i+each, n)] {
			doc.Datasets = append(doc.Datasets, d.spec())
		}
		c.Put = append(c.Put, doc)
	}
	_, err := reg.Apply(c)
	return reg, err
}
