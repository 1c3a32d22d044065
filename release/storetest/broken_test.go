package storetest_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A broken store replaces methods of a memory.
type broken struct {
	*storetest.Memory
	get    func(ctx context.Context, key string, limit int64) ([]byte, error)
	create func(ctx context.Context, key string, value []byte) error
	list   func(ctx context.Context, prefix, after string) iter.Seq2[release.Entry, error]
	remove func(ctx context.Context, key string) error
	wait   func(ctx context.Context, prefix, after string) error
}

func (b *broken) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	if b.get != nil {
		return b.get(ctx, key, limit)
	}
	return b.Memory.Get(ctx, key, limit)
}

func (b *broken) Create(ctx context.Context, key string, value []byte) error {
	if b.create != nil {
		return b.create(ctx, key, value)
	}
	return b.Memory.Create(ctx, key, value)
}

func (b *broken) List(ctx context.Context, prefix, after string) iter.Seq2[release.Entry, error] {
	if b.list != nil {
		return b.list(ctx, prefix, after)
	}
	return b.Memory.List(ctx, prefix, after)
}

func (b *broken) Delete(ctx context.Context, key string) error {
	if b.remove != nil {
		return b.remove(ctx, key)
	}
	return b.Memory.Delete(ctx, key)
}

func (b *broken) Wait(ctx context.Context, prefix, after string) error {
	if b.wait != nil {
		return b.wait(ctx, prefix, after)
	}
	return b.Memory.Wait(ctx, prefix, after)
}

// edit changes the entries that a list yields.
func edit(m *storetest.Memory, change func([]release.Entry) []release.Entry) func(context.Context, string, string) iter.Seq2[release.Entry, error] {
	return func(ctx context.Context, prefix, after string) iter.Seq2[release.Entry, error] {
		return func(yield func(release.Entry, error) bool) {
			var all []release.Entry
			for e, err := range m.List(ctx, prefix, after) {
				if err != nil {
					yield(e, err)
					return
				}
				all = append(all, e)
			}
			for _, e := range change(all) {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// brokenStores are stores, and the tests that must fail for them.
var brokenStores = map[string]struct {
	fails []string
	open  func(*storetest.Memory) *broken
}{
	"create overwrites": {[]string{"Values", "Racing", "Reopen"}, func(m *storetest.Memory) *broken {
		return &broken{create: func(_ context.Context, key string, value []byte) error { m.Put(key, value); return nil }}
	}},
	"create looks first": {[]string{"Racing"}, func(m *storetest.Memory) *broken {
		return &broken{create: func(ctx context.Context, key string, value []byte) error {
			if _, err := m.Get(ctx, key, 1<<30); err == nil {
				return fs.ErrExist
			}
			time.Sleep(time.Millisecond) // as long as a request takes
			m.Put(key, value)
			return nil
		}}
	}},
	"create writes in parts": {[]string{"Whole"}, func(m *storetest.Memory) *broken {
		return &broken{create: func(ctx context.Context, key string, value []byte) error {
			if err := m.Create(ctx, key, value[:len(value)/2]); err != nil {
				return err
			}
			time.Sleep(time.Millisecond)
			m.Put(key, value)
			return nil
		}}
	}},
	"no limit": {[]string{"Limit"}, func(m *storetest.Memory) *broken {
		return &broken{get: func(ctx context.Context, key string, _ int64) ([]byte, error) { return m.Get(ctx, key, 1<<30) }}
	}},
	"values are cut": {[]string{"Values"}, func(m *storetest.Memory) *broken {
		return &broken{get: func(ctx context.Context, key string, limit int64) ([]byte, error) {
			v, err := m.Get(ctx, key, limit)
			return bytes.TrimRight(v, "\x00")[:len(v)/2], err
		}}
	}},
	"one page": {[]string{"Pages"}, func(m *storetest.Memory) *broken {
		return &broken{list: edit(m, func(all []release.Entry) []release.Entry { return all[:min(len(all), 1000)] })}
	}},
	"no sizes": {[]string{"List"}, func(m *storetest.Memory) *broken {
		return &broken{list: edit(m, func(all []release.Entry) []release.Entry {
			for i := range all {
				all[i].Size = 0
			}
			return all
		})}
	}},
	"list ignores after": {[]string{"List", "Pages"}, func(m *storetest.Memory) *broken {
		return &broken{list: func(ctx context.Context, prefix, _ string) iter.Seq2[release.Entry, error] {
			return m.List(ctx, prefix, "")
		}}
	}},
	"delete reports what is not there": {[]string{"Delete"}, func(m *storetest.Memory) *broken {
		return &broken{remove: func(ctx context.Context, key string) error {
			if _, err := m.Get(ctx, key, 1<<30); err != nil {
				return err
			}
			return m.Delete(ctx, key)
		}}
	}},
	"wait fails": {[]string{"Wait"}, func(*storetest.Memory) *broken {
		return &broken{wait: func(context.Context, string, string) error { return errors.New("no watch") }}
	}},
	"no context": {[]string{"Context"}, func(m *storetest.Memory) *broken {
		return &broken{get: func(_ context.Context, key string, limit int64) ([]byte, error) {
			return m.Get(context.Background(), key, limit)
		}}
	}},
}

// TestBrokenStores runs the suite on broken stores, each in its own process, because a failed
// subtest fails its parents.
func TestBrokenStores(t *testing.T) {
	const env = "STORETEST_BROKEN"
	if name := os.Getenv(env); name != "" {
		storetest.Run(t, func(*testing.T) func() release.Store {
			m := new(storetest.Memory)
			return func() release.Store {
				b := brokenStores[name].open(m)
				b.Memory = m
				return b
			}
		})
		return
	}
	for name, store := range brokenStores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBrokenStores$", "-test.timeout=1m")
			cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", env+"="+name)
			out, err := cmd.CombinedOutput()
			var failed *exec.ExitError
			require.ErrorAs(t, err, &failed, "store passed the suite")
			for _, test := range store.fails {
				assert.Contains(t, string(out), "--- FAIL: TestBrokenStores/"+test+" ", "%s passed", test)
			}
			assert.NotContains(t, string(out), "panic:")
		})
	}
}
