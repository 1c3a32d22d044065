// Package watchtest provides helpers for tests that follow a directory with a watcher.
package watchtest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/require"
)

// timeout is how long a test waits for what must happen.
const timeout = 20 * time.Second

// TOML returns a document with a dataset of each name, all with one path.
func TOML(path string, names ...string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "[[datasets]]\nshort_name = %q\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = %q\nneuron_dataset_path = %q\n\n", name, name, path)
	}
	return b.String()
}

// A Rig is a directory and a watcher that follows it.
type Rig struct {
	*testing.T
	Dir     string // does not exist yet
	LogText *Buffer
	W       *watcher.Watcher
}

// New returns a rig without a watcher.
func New(t *testing.T) *Rig {
	t.Helper()
	return &Rig{T: t, Dir: filepath.Join(t.TempDir(), "datasets"), LogText: NewBuffer()}
}

// Open follows the directory with the defaults.
func (r *Rig) Open(opts ...watcher.Option) {
	r.Helper()
	r.Follow(&dir.Dir{Path: r.Dir}, opts...)
}

// OpenDir follows the directory with the settings of d.
func (r *Rig) OpenDir(d dir.Dir, opts ...watcher.Option) {
	r.Helper()
	d.Path = r.Dir
	r.Follow(&d, opts...)
}

// Follow follows a source until the test ends.
func (r *Rig) Follow(s source.Source, opts ...watcher.Option) {
	r.Helper()
	opts = append(opts, watcher.WithLogger(slog.New(slog.NewTextHandler(r.LogText, nil))))
	w, err := watcher.Follow(context.Background(), s, opts...)
	require.NoError(r, err)
	r.W = w
	r.Cleanup(func() {
		require.NoError(r, w.Close())
		if r.Failed() {
			r.Log(r.LogText)
		}
	})
}

// Path returns the path of a file.
func (r *Rig) Path(name string) string { return filepath.Join(r.Dir, name) }

// Write writes a file in place.
func (r *Rig) Write(name, content string) {
	r.Helper()
	require.NoError(r, os.MkdirAll(filepath.Dir(r.Path(name)), 0o755))
	require.NoError(r, os.WriteFile(r.Path(name), []byte(content), 0o644))
}

// Served returns the datasets as name=path, in order.
func (r *Rig) Served() string {
	var out []string
	for d := range r.W.Snapshot().All() {
		out = append(out, d.ShortName()+"="+d.NeuronDatasetPath())
	}
	return strings.Join(out, " ")
}

// WaitFor waits until Served returns want and the watcher's status and log agree with it.
func (r *Rig) WaitFor(want string) {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for range r.W.Updates(ctx) {
		if r.Served() == want {
			r.waitForLog(ctx, r.W.Snapshot().Generation())
			return
		}
	}
	require.Equal(r, want, r.Served())
}

// waitForLog waits until the watcher has logged a generation. Subscribers receive an update
// before the watcher updates its status. The log comes last.
func (r *Rig) waitForLog(ctx context.Context, generation uint64) {
	r.Helper()
	for line := fmt.Sprintf(" generation=%d ", generation); generation > 0; {
		text, more := r.LogText.Read()
		if strings.Contains(text, line) {
			return
		}
		select {
		case <-more:
		case <-ctx.Done():
			require.FailNow(r, "generation is not logged", line)
		}
	}
}

// Sync calls the watcher's Sync.
func (r *Rig) Sync() error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return r.W.Sync(ctx)
}

// A Buffer is a bytes.Buffer for concurrent use.
type Buffer struct {
	mu   sync.Mutex // guards the rest
	buf  bytes.Buffer
	more chan struct{} // closed by the next Write
}

// NewBuffer returns an empty buffer.
func NewBuffer() *Buffer { return &Buffer{more: make(chan struct{})} }

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.more)
	b.more = make(chan struct{})
	return b.buf.Write(p)
}

// String returns what was written.
func (b *Buffer) String() string {
	text, _ := b.Read()
	return text
}

// Read returns what was written, and a channel that is closed by the next Write.
func (b *Buffer) Read() (text string, more <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String(), b.more
}
