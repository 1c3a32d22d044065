package watcher

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// A watch is a directory that the notifier was asked to watch.
type watch struct {
	info fs.FileInfo // what it was then: a watch follows the directory, not its path
}

// A directory is how a directory looked.
type directory struct {
	info fs.FileInfo
	link bool   // its name is that of a link
	real string // where its path leads, links resolved: swaps show here, and a new directory may be taken for a removed one
}

func (d directory) same(e directory) bool { return os.SameFile(d.info, e.info) && d.real == e.real }

// A fileID tells a file from every other one of the machine.
type fileID struct{ device, number uint64 }

// listen makes sure that there is a notifier, unless polling is asked for or all that can
// be had, and forgets the watches that have ended.
func (d *Dir) listen() {
	if d.Polling || d.system.remote(d.root) {
		d.blind, d.health.Mode = true, "poll"
		if d.notices != nil {
			_ = d.notices.close() // what it would tell is of no use
			d.notices = nil
			clear(d.watches)
		}
		return
	}
	d.blind, d.health.Mode = false, notifierName()
	if d.notices == nil {
		n, err := d.system.notify()
		if err != nil {
			d.blind, d.health.Mode = true, "poll"
			d.health.WatchErrors++
			return
		}
		d.notices = newNotices(n, d.root)
	}
	standing := d.notices.WatchList()
	slices.Sort(standing)
	for path := range d.watches {
		if _, ok := slices.BinarySearch(standing, path); !ok {
			delete(d.watches, path)
		}
	}
	if runtime.GOOS == "linux" { // kqueue would open every file beside the root
		parent := filepath.Dir(d.root)
		if info, err := os.Stat(parent); err == nil && parent != d.root {
			_ = d.watch(parent, info) // it only saves time: the pulse finds a new root, too
		}
	}
}

// watch has a directory watched. A watch of what the path led to before ends.
func (d *Dir) watch(path string, info fs.FileInfo) error {
	old, ok := d.watches[path]
	if ok && os.SameFile(old.info, info) {
		return nil
	}
	d.unwatch(path)
	if err := d.notices.Add(path); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			d.health.WatchErrors++
		}
		return err
	}
	d.watches[path] = watch{info}
	return nil
}

func (d *Dir) unwatch(path string) {
	if _, ok := d.watches[path]; !ok {
		return
	}
	delete(d.watches, path)
	// It fails where the directory is gone, and its watch with it.
	_ = d.notices.Remove(path)
}

// told reports whether every watch still stands. That they are of what the paths lead to,
// looking at the directories tells.
func (d *Dir) told() bool {
	standing := d.notices.WatchList()
	slices.Sort(standing)
	for path := range d.watches {
		if _, ok := slices.BinarySearch(standing, path); !ok {
			return false
		}
	}
	return true
}

func (d *Dir) full(name string) string { return filepath.Join(d.root, filepath.FromSlash(name)) }
