package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/dir"
	"golang.org/x/sys/unix"
)

// scans measures a full scan of a directory in which nothing changed, relative to reading the
// metadata of its files.
func scans(ctx context.Context, s scale) (result, error) {
	cores := runtime.GOMAXPROCS(0)
	t := table{
		title: fmt.Sprintf("Full scan of %s files, nothing changed", grouped(s.scanSize)),
		head:  []string{"", "time", "/ loop, one core", fmt.Sprintf("/ loop, %d core%s", cores, plural(cores)), "CPU time", "allocations", "bytes allocated"},
		note:  "The loop calls readdir and fstatat.",
	}
	site, err := newSite()
	if err != nil {
		return result{}, err
	}
	defer site.remove()
	all := newDatasets(s.scanSize)
	if err := site.fill(peer{file: tomlFile}, all); err != nil {
		return result{}, err
	}
	d := &dir.Dir{Path: site.dir, Polling: true}
	defer func() { _ = d.Close() }()
	if err := settle(ctx, d); err != nil {
		return result{}, err
	}

	scanners := []*scanner{
		{name: "loop, one core", scan: func() error { return statAll(site.dir, 1) }},
		{name: "loop, all cores", scan: func() error { return statAll(site.dir, cores) }},
		{name: "neurondex: Poll", scan: func() error {
			batch, err := d.Poll(ctx, source.PollAll)
			if len(batch.Changed)+len(batch.Removed)+len(batch.Pending) > 0 {
				err = errors.Join(err, errors.New("files changed"))
			}
			return err
		}},
	}
	for range s.rounds {
		for _, sc := range scanners {
			if ctx.Err() != nil {
				return result{}, ctx.Err()
			}
			if err := sc.measure(); err != nil {
				return result{}, fmt.Errorf("%s: %w", sc.name, err)
			}
		}
	}
	for _, sc := range scanners {
		t.add(sc.name, span(median(sc.took)), ratio(sc.relativeTo(scanners[0])), ratio(sc.relativeTo(scanners[1])),
			span(median(sc.cpu)), digits(median(sc.allocations)), digits(median(sc.bytes)))
	}
	return result{tables: []table{t}}, nil
}

// settle polls until all files were delivered.
func settle(ctx context.Context, d *dir.Dir) error {
	for {
		batch, err := d.Poll(ctx, source.PollAll)
		if err != nil {
			return err
		}
		if len(batch.Changed)+len(batch.Pending) == 0 {
			return nil
		}
		if err := sleep(ctx, dir.DefaultSettle); err != nil {
			return err
		}
	}
}

// A scanner is a way to scan a directory, and what each scan took.
type scanner struct {
	name string
	scan func() error

	took, cpu          []time.Duration
	allocations, bytes []float64
}

func (s *scanner) measure() error {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start, cpu := time.Now(), cpuTime()
	err := s.scan()
	s.took, s.cpu = append(s.took, time.Since(start)), append(s.cpu, cpuTime()-cpu)
	runtime.ReadMemStats(&after)
	s.allocations = append(s.allocations, float64(after.Mallocs-before.Mallocs))
	s.bytes = append(s.bytes, float64(after.TotalAlloc-before.TotalAlloc))
	return err
}

// relativeTo returns the median over the rounds of the time relative to another scanner's.
func (s *scanner) relativeTo(other *scanner) float64 {
	ratios := make([]float64, len(s.took))
	for i := range ratios {
		ratios[i] = float64(s.took[i]) / float64(other.took[i])
	}
	return median(ratios)
}

// statAll reads the names and the metadata of all files of a directory.
func statAll(path string, goroutines int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	names, err := f.Readdirnames(-1)
	if err != nil || len(names) == 0 {
		return err
	}
	fd := int(f.Fd())
	share := (len(names) + goroutines - 1) / goroutines
	errs := make(chan error, goroutines)
	var wg sync.WaitGroup
	for part := range slices.Chunk(names, share) {
		wg.Go(func() {
			var st unix.Stat_t
			for _, name := range part {
				if err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
					errs <- fmt.Errorf("%s: %w", filepath.Join(path, name), err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}
