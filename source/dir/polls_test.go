//go:build unix

package dir_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A pollRig polls a directory on a faulty system. Nothing settles but files that are old.
type pollRig struct {
	*testing.T
	d      *dir.Dir
	system *faultySystem
	known  map[string]string // contents that were delivered
}

func newPollRig(t *testing.T) *pollRig {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	r := &pollRig{t, &dir.Dir{Path: root, Settle: never, MaxDelay: never, Resync: never}, newFaultySystem(), make(map[string]string)}
	t.Cleanup(func() { require.NoError(t, r.d.Close()) })
	return r
}

func (r *pollRig) path(name string) string { return filepath.Join(r.d.Path, name) }

// write writes a file that is old.
func (r *pollRig) write(name, content string) {
	r.Helper()
	require.NoError(r, os.MkdirAll(filepath.Dir(r.path(name)), 0o755))
	require.NoError(r, os.WriteFile(r.path(name), []byte(content), 0o644))
	old := time.Now().Add(-2 * never)
	require.NoError(r, os.Chtimes(r.path(name), old, old))
}

// poll returns what is new in a batch, like "a.toml=1 -b.toml": names of documents with their
// content or error, and removed ones.
func (r *pollRig) poll(depth source.Depth) (string, source.Batch) {
	r.Helper()
	b, err := r.d.Poll(r.Context(), depth)
	require.NoError(r, err)
	var news []string
	for _, doc := range b.Changed {
		content := string(doc.Data)
		if doc.Err != nil {
			content = doc.Err.Error()
		}
		if known, ok := r.known[doc.Name]; !ok || known != content {
			news = append(news, doc.Name+"="+content)
		}
		r.known[doc.Name] = content
	}
	for _, name := range b.Removed {
		news = append(news, "-"+name)
		delete(r.known, name)
	}
	slices.Sort(news)
	return strings.Join(news, " "), b
}

func (r *pollRig) polls(want string) source.Batch {
	r.Helper()
	got, b := r.poll(source.PollAll)
	assert.Equal(r, want, got)
	return b
}

// TestFileAppearsWhileOthersAreRead: a file that comes while another is read is delivered with
// it, not after it.
func TestFileAppearsWhileOthersAreRead(t *testing.T) {
	r := newPollRig(t)
	r.d.Polling = true // a poll after an event scans only what the event names
	r.system.use(r.d)
	r.polls("")
	r.write("a.toml", "1")
	r.system.before["read a.toml"] = func() { r.write("b.toml", "1") }
	b := r.polls("")
	assert.Equal(t, []string{"a.toml"}, b.Pending)
	r.polls("a.toml=1 b.toml=1")
}

// TestFileComesAndGoes: a file that is removed before it was delivered is neither delivered nor
// removed, and pending no more.
func TestFileComesAndGoes(t *testing.T) {
	r := newPollRig(t)
	r.system.use(r.d)
	r.write("a.toml", "1")
	r.polls("a.toml=1")
	require.NoError(t, os.WriteFile(r.path("b.toml"), []byte("1"), 0o644))
	assert.Contains(t, r.polls("").Pending, "b.toml")
	require.NoError(t, os.Remove(r.path("b.toml")))
	b := r.polls("")
	assert.NotContains(t, b.Pending, "b.toml")
	assert.Empty(t, b.Removed)
	r.write("c.toml", "1") // it delays nothing
	r.polls("c.toml=1")
}

// TestSecondScanFails: what was read before a scan that fails is not delivered, and comes when
// the directory can be read again.
func TestSecondScanFails(t *testing.T) {
	r := newPollRig(t)
	r.system.use(r.d)
	r.write("a.toml", "1")
	r.polls("a.toml=1")
	r.write("a.toml", "2")
	r.write("b.toml", "1")
	r.system.before["read b.toml"] = func() {
		r.system.fail("stat .", syscall.EIO)
		r.system.fail("list .", syscall.EIO)
	}
	b, err := r.d.Poll(t.Context(), source.PollReread)
	require.ErrorIs(t, err, syscall.EIO)
	assert.Empty(t, b.Changed)
	assert.Empty(t, b.Removed)
	assert.False(t, b.Health.Notified)
	b, err = r.d.Poll(t.Context(), source.PollNotified)
	require.ErrorIs(t, err, syscall.EIO)
	assert.Empty(t, b.Changed)
	r.system.fail("stat .", nil)
	r.system.fail("list .", nil)
	b = r.polls("a.toml=2 b.toml=1")
	assert.True(t, b.Health.Notified)
}

// TestDirectorySwappedWhileRead swaps a directory while its files are read: no batch has files
// of both.
func TestDirectorySwappedWhileRead(t *testing.T) {
	for _, depth := range []source.Depth{source.PollAll, source.PollReread} {
		r := newPollRig(t)
		r.system.use(r.d)
		r.write("sub/a.toml", "1")
		r.write("sub/b.toml", "1")
		r.write(".next/a.toml", "2")
		r.write(".next/c.toml", "2")
		r.system.before["read sub/b.toml"] = func() {
			assert.NoError(t, os.Rename(r.path("sub"), r.path(".old")))
			assert.NoError(t, os.Rename(r.path(".next"), r.path("sub")))
		}
		got, _ := r.poll(depth)
		assert.Empty(t, got)
		r.polls("sub/a.toml=2 sub/c.toml=2")
	}
}

// TestMountBelowRoot unmounts a file system of the same device below the root: that its
// directory is empty is not believed.
func TestMountBelowRoot(t *testing.T) {
	r := newPollRig(t)
	ids := map[string]int{"/": 1, r.path("sub"): 2}
	r.system.mounts = func() map[string]int { return ids }
	r.system.use(r.d)
	r.write("a.toml", "1")
	r.write("sub/b.toml", "1")
	r.write("sub/deep/c.toml", "1")
	r.polls("a.toml=1 sub/b.toml=1 sub/deep/c.toml=1")
	require.NoError(t, os.Rename(r.path("sub"), r.path(".away")))
	require.NoError(t, os.Mkdir(r.path("sub"), 0o755))
	ids = map[string]int{"/": 1}
	b := r.polls("")
	assert.Contains(t, b.Pending, "sub")
	assert.Empty(t, b.Removed)
	r.write("a.toml", "2")
	got, b := r.poll(source.PollReread)
	assert.Empty(t, b.Removed, "removals settle")
	assert.Contains(t, got+strings.Join(b.Pending, " "), "a.toml")
	assert.Equal(t, []string{"sub/b.toml", "sub/deep/c.toml"}, slices.DeleteFunc(b.Pending, func(name string) bool { return !isBelow(name, "sub") }))
}

func isBelow(name, dir string) bool { return strings.HasPrefix(name, dir+"/") }

// TestMountedFile has a file that another one is mounted on. The watch of its directory does not
// report changes of it, so verifying examines it.
func TestMountedFile(t *testing.T) {
	r := newFaultRig(t)
	root, err := filepath.EvalSymlinks(filepath.Dir(r.Dir))
	require.NoError(t, err)
	r.system.mounts = func() map[string]int { return map[string]int{"/": 1, filepath.Join(root, "datasets", "a.toml"): 2} }
	r.follow(dir.Dir{})
	require.NoError(t, r.Sync())
	r.system.set(func() { r.system.lost = r.Dir })
	scans := r.scans()
	r.Write("a.toml", strings.Replace(readFile(t, r.Path("a.toml")), `"1"`, `"2"`, 1))
	r.WaitFor("a=2")
	assert.Equal(t, scans, r.scans(), "a full scan is not needed")
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

// TestTwoNamesOfOneDirectory has a directory and a link to it. Events name one of them; changes
// are seen under both.
func TestTwoNamesOfOneDirectory(t *testing.T) {
	for _, link := range []string{"a-link", "z-link"} {
		t.Run(link, func(t *testing.T) {
			r := newPollRig(t)
			r.system.use(r.d)
			r.write("sub/b.toml", "1")
			require.NoError(t, os.Symlink("sub", r.path(link)))
			both := func(content string) string {
				list := []string{link + "/b.toml=" + content, "sub/b.toml=" + content}
				slices.Sort(list)
				return strings.Join(list, " ")
			}
			b := r.polls(both("1"))
			assert.True(t, b.Health.Notified)
			for _, name := range []string{"sub", link} {
				for _, content := range []string{"2" + name, "3" + name} {
					r.write(name+"/b.toml", content)
					r.polls(both(content))
				}
			}
		})
	}
}

// coarse is a FileInfo of a file system whose times are whole seconds.
type coarse struct{ fs.FileInfo }

func (c coarse) ModTime() time.Time { return c.FileInfo.ModTime().Truncate(time.Second) }

func (c coarse) Sys() any { return wholeSeconds(c.FileInfo.Sys().(*syscall.Stat_t)) }

// TestWholeSeconds has a file system whose times are whole seconds (FAT, ext3, HFS). A file that
// is written again in the second of its last change, with the same size and without an event, is
// read again.
func TestWholeSeconds(t *testing.T) {
	r := newFaultRig(t)
	r.system.seen = func(info fs.FileInfo) fs.FileInfo { return coarse{info} }
	second := time.Now().Truncate(time.Second).Add(time.Second) // when all of this happens, says the file
	require.NoError(t, os.Chtimes(r.Path("a.toml"), second, second))
	r.follow(dir.Dir{})
	require.Equal(t, "a=1", r.Served())
	require.NoError(t, r.Sync())
	r.system.set(func() { r.system.lost = r.Dir })
	time.Sleep(time.Until(second.Add(100 * time.Millisecond))) // finer times would have shown it by then
	r.Write("a.toml", strings.Replace(readFile(t, r.Path("a.toml")), `"1"`, `"2"`, 1))
	require.NoError(t, os.Chtimes(r.Path("a.toml"), second, second))
	r.WaitFor("a=2")
	assert.Zero(t, r.health().Resyncs)
}

// TestPollAfterContext checks that a Poll whose context is done delivers nothing, and that the
// next one delivers everything.
func TestPollAfterContext(t *testing.T) {
	r := newPollRig(t)
	r.write("a.toml", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	batch, err := r.d.Poll(ctx, source.PollAll)
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, batch.Changed)
	batch, err = r.d.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	assert.Len(t, batch.Changed, 1)
}
