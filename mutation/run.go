package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A runner runs tests with the mutants of a program in it.
type runner struct {
	root    string
	work    string // a temporary directory
	workers int
	prog    *program
	suites  []*suite
}

// A suite is the compiled tests of a package.
type suite struct {
	binary string
	dir    string
	flags  []string
	tests  []*test
}

// A test is a test, example or fuzz target.
type test struct {
	name    string
	time    time.Duration
	reaches map[int]bool // mutants
}

// build compiles the tests.
func (r *runner) build(ctx context.Context, cfg *config) error {
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for path, text := range r.prog.files {
		file := filepath.Join(r.work, filepath.Base(path))
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return err
		}
		overlay.Replace[path] = file
	}
	data, err := json.Marshal(overlay)
	if err != nil {
		return err
	}
	list := filepath.Join(r.work, "overlay.json")
	if err := os.WriteFile(list, data, 0o600); err != nil {
		return err
	}
	for i, pkg := range cfg.Tests {
		s := &suite{
			binary: filepath.Join(r.work, fmt.Sprintf("%d.test", i)),
			dir:    filepath.Join(r.root, pkg),
			flags:  append([]string{"-test.failfast", "-test.paniconexit0"}, cfg.Flags...),
		}
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", list, "-o", s.binary, ".")
		cmd.Dir = s.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("compile the tests of %s: %w\n%s", pkg, err, out)
		}
		r.suites = append(r.suites, s)
	}
	return nil
}

// trace runs each test by itself, without a mutant, and notes which mutants it reaches.
func (r *runner) trace(ctx context.Context) error {
	for _, s := range r.suites {
		out, err := exec.CommandContext(ctx, s.binary, "-test.list", "^(Test|Fuzz|Example)").Output()
		if err != nil {
			return fmt.Errorf("list the tests of %s: %w", s.dir, err)
		}
		for name := range strings.FieldsSeq(string(out)) {
			s.tests = append(s.tests, &test{name: name, reaches: map[int]bool{}})
		}
		err = r.each(len(s.tests), func(i int) error {
			t := s.tests[i]
			file := filepath.Join(r.work, fmt.Sprintf("trace-%s-%s", filepath.Base(s.binary), t.name))
			if err := createShared(file); err != nil {
				return err
			}
			start := time.Now()
			ok, out, err := r.run(ctx, s, []*test{t}, 10*time.Minute, "MUTANT_TRACE="+file)
			if err != nil {
				return err
			}
			if !ok {
				return fmt.Errorf("%s fails without a mutant:\n%s", t.name, out)
			}
			t.time = time.Since(start)
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for id := range strings.FieldsSeq(string(data)) {
				n, err := strconv.Atoi(id)
				if err != nil {
					return err
				}
				t.reaches[n] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
		slices.SortStableFunc(s.tests, func(a, b *test) int { return cmp.Compare(a.time, b.time) })
	}
	return nil
}

// test sets the status of the mutants.
func (r *runner) test(ctx context.Context, mutants []*mutant) error {
	var mu sync.Mutex
	done := 0
	return r.each(len(mutants), func(i int) error {
		m := mutants[i]
		if err := r.testOne(ctx, m); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		done++
		if m.status != killed {
			fmt.Fprintf(os.Stderr, "%d/%d %s %v\n", done, len(mutants), statusNames[m.status], m)
		}
		return nil
	})
}

// testOne runs the tests that reach m, those of the package itself and quick ones first, until a
// group of them notices it.
func (r *runner) testOne(ctx context.Context, m *mutant) error {
	for _, s := range r.suites {
		for tests := range groups(s.tests, m.id) {
			st, err := r.testWith(ctx, s, tests, m)
			if err != nil {
				return err
			}
			m.status = st
			if st == killed || st == hung {
				return nil
			}
		}
	}
	return nil
}

// groupTime is how long the tests of a group take, unless it is a single one. A mutant that hangs
// takes several times as long.
const groupTime = 2 * time.Second

// groups yields the tests that reach a mutant in groups, in order.
func groups(tests []*test, mutant int) iter.Seq[[]*test] {
	return func(yield func([]*test) bool) {
		var group []*test
		var total time.Duration
		for _, t := range tests {
			if !t.reaches[mutant] {
				continue
			}
			if total += t.time; len(group) > 0 && total > groupTime {
				if !yield(group) {
					return
				}
				group, total = nil, t.time
			}
			group = append(group, t)
		}
		if len(group) > 0 {
			yield(group)
		}
	}
}

// testWith runs tests with a mutant. A mutant hangs if they take five times as long as
// without it. As the machine may have become slower, they run without the mutant once more
// before that is believed.
func (r *runner) testWith(ctx context.Context, s *suite, tests []*test, m *mutant) (status, error) {
	limit := 5 * time.Second
	for _, t := range tests {
		limit += 5 * t.time
	}
	for {
		ok, _, err := r.run(ctx, s, tests, limit, "MUTANT="+strconv.Itoa(m.id))
		switch {
		case err == nil && ok:
			return lived, nil
		case err == nil:
			return killed, nil
		case !errors.Is(err, context.DeadlineExceeded):
			return 0, err
		}
		start := time.Now()
		if _, _, err := r.run(ctx, s, tests, limit); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return 0, err
		}
		if time.Since(start) < limit/4 {
			return hung, nil
		}
		limit *= 2
	}
}

// run runs tests, and reports whether they pass. The error is context.DeadlineExceeded if
// they take longer than limit.
func (r *runner) run(ctx context.Context, s *suite, tests []*test, limit time.Duration, env ...string) (ok bool, out []byte, err error) {
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	names := make([]string, len(tests))
	for i, t := range tests {
		names[i] = t.name
	}
	temp, err := makeTemp(r.work)
	if err != nil {
		return false, nil, err
	}
	defer os.RemoveAll(temp)

	args := append([]string{"-test.run", "^(" + strings.Join(names, "|") + ")$", "-test.timeout", "0"}, s.flags...)
	cmd := exec.CommandContext(timed, s.binary, args...)
	limitMemory(cmd)
	cmd.Dir = s.dir
	cmd.Env = append(append(os.Environ(), "TMPDIR="+temp), env...)
	cmd.WaitDelay = 5 * time.Second
	var tail tailWriter
	cmd.Stdout, cmd.Stderr = &tail, &tail
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return false, nil, ctx.Err()
	case timed.Err() != nil:
		return false, nil, context.DeadlineExceeded
	case errors.As(err, &exit):
		return false, tail.text, nil
	case errors.Is(err, exec.ErrWaitDelay): // a child of the tests still has their output open
		err = nil
	}
	return err == nil, tail.text, err
}

// makeTemp makes a temporary directory that is open to other users, as whom some tests run
// themselves.
func makeTemp(in string) (string, error) {
	dir, err := os.MkdirTemp(in, "mutation")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// createShared creates a file that other users can write, too.
func createShared(name string) error {
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		return err
	}
	return os.Chmod(name, 0o666) //nolint:gosec // for the tests that run as another user
}

// limitMemory makes a mutant that allocates without end fail.
func limitMemory(cmd *exec.Cmd) {
	cmd.Args = append([]string{"sh", "-c", `ulimit -v 8000000; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
}

// A tailWriter keeps the end of what is written to it.
type tailWriter struct{ text []byte }

func (w *tailWriter) Write(p []byte) (int, error) {
	w.text = append(w.text, p...)
	if len(w.text) > 1<<16 {
		w.text = bytes.Clone(w.text[len(w.text)-1<<14:])
	}
	return len(p), nil
}

var _ io.Writer = (*tailWriter)(nil)

// each calls f for 0 to n-1 on the workers, until one fails.
func (r *runner) each(n int, f func(int) error) error {
	var wg sync.WaitGroup
	next := make(chan int)
	failed := make(chan error, r.workers)
	for range r.workers {
		wg.Go(func() {
			for i := range next {
				if err := f(i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	var err error
	for i := 0; i < n && err == nil; i++ {
		select {
		case next <- i:
		case err = <-failed:
		}
	}
	close(next)
	wg.Wait()
	select {
	case err = <-failed:
	default:
	}
	return err
}
