package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
)

// A peer keeps the datasets of a process in step with files: neurondex, or what a user
// could choose instead, used as its own documentation shows.
type peer struct {
	name   string
	single bool // one file holds all datasets

	// file returns the name and the current content of the file of the i-th dataset.
	file func(all []dataset, i int) (name string, data []byte)

	// follow loads the files of dir and, if watch is set, follows them until ctx is done.
	follow func(ctx context.Context, dir string, all []dataset, watch bool) (*follower, error)
}

// start calls follow. [follower.close] ends what it started.
func (p peer) start(ctx context.Context, dir string, all []dataset, watch bool) (*follower, error) {
	ctx, cancel := context.WithCancel(ctx)
	f, err := p.follow(ctx, dir, all, watch)
	if err != nil {
		cancel()
		if f != nil {
			f.wait()
		}
		return nil, err
	}
	f.cancel = cancel
	return f, nil
}

// A follower is a peer that follows a directory.
type follower struct {
	// notified receives a value after path may have changed; it holds one.
	notified chan struct{}

	// path returns the path of the i-th dataset as the process reads it now, and whether
	// the process has all datasets.
	path func(i int) (path string, complete bool)

	// sync returns when an earlier change of the named file may be readable: it reloads
	// the file, or waits for the peer to do so. It is nil if only latency is measured.
	sync func(ctx context.Context, name string) error

	// pid is the process that receives the events of the files.
	pid int

	// losses returns how often events were lost so far.
	losses func() int

	// wait returns when everything has ended. The context of follow must be done.
	wait func()

	cancel context.CancelFunc
}

func newFollower() *follower {
	return &follower{notified: make(chan struct{}, 1), pid: os.Getpid(), losses: func() int { return 0 }, wait: func() {}}
}

func (f *follower) notify() {
	select {
	case f.notified <- struct{}{}:
	default:
	}
}

// waitNotified waits for a notification.
func (f *follower) waitNotified(ctx context.Context, _ string) error {
	select {
	case <-f.notified:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close ends the follower and waits for it.
func (f *follower) close() {
	f.cancel()
	f.wait()
}

// tomlFile is [peer.file] of peers that read a TOML file for each dataset.
func tomlFile(all []dataset, i int) (string, []byte) {
	return fmt.Sprintf("%07d.toml", i), all[i].appendTOML(nil)
}

// singleName is the file of peers that read one TOML file with all datasets.
const singleName = "all.toml"

// singleTOMLFile is [peer.file] of these peers.
func singleTOMLFile(all []dataset, _ int) (string, []byte) { return singleName, toTOML(all) }

func singlePath(dir string) string { return filepath.Join(dir, singleName) }

// A decodedFile is the state of these peers.
type decodedFile struct{ current atomic.Pointer[document] }

// path returns a [follower.path].
func (d *decodedFile) path(all []dataset) func(int) (string, bool) {
	return func(i int) (string, bool) {
		doc := d.current.Load()
		if i >= len(doc.Datasets) {
			return "", false
		}
		return doc.Datasets[i].NeuronDatasetPath, len(doc.Datasets) == len(all)
	}
}
