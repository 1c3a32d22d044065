package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// A site is a temporary directory with two subdirectories: dir, which peers follow, and
// staged, for files that are written in advance and renamed into dir later.
type site struct{ root, dir, staged string }

func newSite() (site, error) {
	root, err := os.MkdirTemp("", "neurondex-benchmarks-")
	if err != nil {
		return site{}, err
	}
	s := site{root, filepath.Join(root, "files"), filepath.Join(root, "staged")}
	for _, dir := range []string{s.dir, s.staged} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return site{}, err
		}
	}
	return s, nil
}

func (s site) remove() { _ = os.RemoveAll(s.root) }

// fill writes the files of a peer for all datasets.
func (s site) fill(p peer, all []dataset) error {
	for i := range all {
		name, data := p.file(all, i)
		if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o644); err != nil {
			return err
		}
		if p.single {
			break
		}
	}
	return nil
}

// replaceStopped renames all staged files into dir while the process of a peer is stopped, so
// that it takes no event meanwhile. That may be this process, so another one does it.
func (s site) replaceStopped(ctx context.Context, pid int) error {
	const script = `trap 'kill -CONT "$1"' EXIT && cd "$2" && kill -STOP "$1" && mv -f -- * "$3"`
	out, err := exec.CommandContext(ctx, "sh", "-c", script, "sh", strconv.Itoa(pid), s.staged, s.dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// replace changes a file atomically: it writes a temporary file beside it and renames that
// over it. It returns the time before the rename. The time after it would be too late: the
// kernel may run a reader before the writer continues.
func (s site) replace(name string, data []byte) (time.Time, error) {
	staged := filepath.Join(s.dir, "."+name+".tmp")
	if err := os.WriteFile(staged, data, 0o644); err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	return at, os.Rename(staged, filepath.Join(s.dir, name))
}

// overwrite changes a file in place, as [os.WriteFile] does: it truncates it and writes once.
// It returns the time before the write.
func (s site) overwrite(name string, data []byte) (time.Time, error) {
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return at, err
}
