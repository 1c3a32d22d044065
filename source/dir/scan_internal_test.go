//go:build unix

package dir

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestScansOfNames checks what a scan of single names finds, and which changes of directories it
// cannot deal with.
func TestScansOfNames(t *testing.T) {
	verify := func(list ...string) scope {
		s := names(list...)
		s.verify = true
		return s
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		require.NoError(t, err)
	}
	// A place is a directory that was scanned once.
	type place struct {
		root    string
		mounted map[string]int
		remote  bool
		asked   int // how often the mounts were
	}
	for name, tt := range map[string]struct {
		change func(t *testing.T, p *place)
		scope  scope
		want   map[string]bool // the files found, and whether they are as they were
		full   bool            // a full scan is needed
		asks   bool
	}{
		"nothing": {func(*testing.T, *place) {}, names(), nil, false, false},
		"a file":  {func(*testing.T, *place) {}, names("a.toml", "sub/b.toml"), map[string]bool{"a.toml": true, "sub/b.toml": true}, false, false},
		"a changed file": {func(t *testing.T, p *place) {
			must(t, os.WriteFile(filepath.Join(p.root, "a.toml"), []byte("xyz"), 0o644))
		}, names("a.toml"), map[string]bool{"a.toml": false}, false, false},
		"a file, gone": {func(t *testing.T, p *place) { must(t, os.Remove(filepath.Join(p.root, "a.toml"))) }, names("a.toml"), nil, false, false},
		"a new file": {func(t *testing.T, p *place) {
			must(t, os.WriteFile(filepath.Join(p.root, "new.toml"), []byte("x"), 0o644))
		}, names("new.toml"), map[string]bool{"new.toml": false}, false, false},
		"a new link": {func(t *testing.T, p *place) {
			must(t, os.Symlink("sub/b.toml", filepath.Join(p.root, "new.toml")))
		}, names("new.toml"), map[string]bool{"new.toml": false}, false, false},
		"a directory now": {func(t *testing.T, p *place) { must(t, os.Mkdir(filepath.Join(p.root, "x.toml"), 0o755)) }, names("x.toml"), nil, true, false},
		"in a new directory": {func(t *testing.T, p *place) {
			must(t, os.Mkdir(filepath.Join(p.root, "new"), 0o755))
		}, names("new/a.toml"), nil, true, false},
		"in a directory that is gone": {func(t *testing.T, p *place) { must(t, os.RemoveAll(filepath.Join(p.root, "sub"))) }, names("sub/b.toml"), nil, true, false},
		"in a directory that is another": {func(t *testing.T, p *place) {
			must(t, os.Rename(filepath.Join(p.root, "sub"), filepath.Join(p.root, "old")))
			must(t, os.Mkdir(filepath.Join(p.root, "sub"), 0o755))
		}, names("sub/b.toml"), nil, true, false},
		"beside a directory that is another": {func(t *testing.T, p *place) {
			must(t, os.Rename(filepath.Join(p.root, "sub"), filepath.Join(p.root, "old")))
			must(t, os.Mkdir(filepath.Join(p.root, "sub"), 0o755))
		}, names("a.toml"), map[string]bool{"a.toml": true}, false, false},
		"a link": {func(*testing.T, *place) {}, names("link.toml"), map[string]bool{"link.toml": true}, false, false},
		"a link, swapped": {func(t *testing.T, p *place) {
			must(t, os.Remove(filepath.Join(p.root, "link.toml")))
			must(t, os.Symlink("sub/b.toml", filepath.Join(p.root, "link.toml")))
		}, names("link.toml"), nil, true, false},
		"a link that leads nowhere": {func(t *testing.T, p *place) {
			must(t, os.Symlink("nowhere", filepath.Join(p.root, "new.toml")))
		}, names("new.toml"), map[string]bool{"new.toml": false}, false, false},

		"verifying":            {func(*testing.T, *place) {}, verify("a.toml"), map[string]bool{"a.toml": true}, false, true},
		"verifying, new mount": {func(_ *testing.T, p *place) { p.mounted = map[string]int{"/elsewhere": 7} }, verify(), nil, true, true},
		"verifying, new mount of a file": {func(_ *testing.T, p *place) {
			p.mounted = map[string]int{"/": 1, filepath.Join(p.root, "a.toml"): 7}
		}, verify(), nil, true, true},
		"everything, new mount":  {func(_ *testing.T, p *place) { p.mounted = map[string]int{"/elsewhere": 7} }, fullScope, nil, false, true},
		"everything, remote now": {func(_ *testing.T, p *place) { p.remote = true }, fullScope, nil, false, true},
		"not verifying, mounted": {func(_ *testing.T, p *place) { p.mounted = map[string]int{"/elsewhere": 7} }, names(), nil, false, false},
		"verifying, remote now":  {func(_ *testing.T, p *place) { p.remote = true }, verify(), nil, true, true},
		"not verifying, remote":  {func(_ *testing.T, p *place) { p.remote = true }, names(), nil, false, false},
		"verifying, another directory": {func(t *testing.T, p *place) {
			must(t, os.Rename(filepath.Join(p.root, "sub"), filepath.Join(p.root, "old")))
			must(t, os.Mkdir(filepath.Join(p.root, "sub"), 0o755))
		}, verify(), nil, true, true},
		"verifying, a link leads to a directory now": {func(t *testing.T, p *place) { must(t, os.Mkdir(filepath.Join(p.root, "later"), 0o755)) }, verify(), nil, true, true},
		"verifying, a link leads to a file now": {func(t *testing.T, p *place) {
			must(t, os.WriteFile(filepath.Join(p.root, "later"), nil, 0o644))
		}, verify(), nil, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := &place{root: t.TempDir(), mounted: map[string]int{"/": 1}}
			must(t, os.Mkdir(filepath.Join(p.root, "sub"), 0o755))
			for _, name := range []string{"a.toml", "sub/b.toml"} {
				path := filepath.Join(p.root, name)
				must(t, os.WriteFile(path, []byte("x"), 0o644))
				old := time.Now().Add(-time.Hour)
				must(t, os.Chtimes(path, old, old))
			}
			must(t, os.Symlink("a.toml", filepath.Join(p.root, "link.toml")))
			must(t, os.Symlink("later", filepath.Join(p.root, "dangling")))
			d := &Dir{Path: p.root, Polling: true, Settle: time.Nanosecond, system: realSystem}
			d.system.remote = func(string) bool { return p.remote }
			d.system.mounts = func() mounts { p.asked++; return mounts{ids: p.mounted} }
			require.Eventually(t, func() bool {
				_, err := d.Poll(t.Context(), source.PollAll)
				must(t, err)
				return len(d.pending.delivered) == 3
			}, 10*time.Second, time.Millisecond)

			tt.change(t, p)
			files, err := openDisk(p.root, false)
			must(t, err)
			defer files.Close()
			p.asked = 0
			found, err := d.scan(files, tt.scope, source.PollNotified)
			assert.Equal(t, tt.asks, p.asked > 0, "asks for the mounts")
			if tt.full {
				require.ErrorIs(t, err, errDirectoryChanged)
				return
			}
			must(t, err)
			assert.Len(t, found.files, len(tt.want))
			for name, same := range tt.want {
				f, ok := found.files[name]
				assert.True(t, ok, name)
				assert.Equal(t, same, d.pending.delivered[name].same(f), name)
			}
		})
	}
}

// TestUnmounted checks which directories look as if they were unmounted.
func TestUnmounted(t *testing.T) {
	sub := directory{id: fileID{device: 2, number: 1}, mount: 2, real: "/data/sub"}
	for name, tt := range map[string]struct {
		now    directory
		change func(*scanner)
		want   bool
	}{
		"another device":       {directory{id: fileID{device: 1, number: 1}, mount: 2}, func(*scanner) {}, true},
		"another mount":        {directory{id: fileID{device: 2, number: 7}, mount: 1}, func(*scanner) {}, true},
		"another directory":    {directory{id: fileID{device: 2, number: 7}, mount: 2}, func(*scanner) {}, false},
		"with files":           {directory{mount: 1}, func(s *scanner) { s.tree.files["sub/new.toml"] = file{} }, false},
		"with files as before": {directory{mount: 1}, func(s *scanner) { s.tree.same.add(0) }, false},
		"with files beside it": {directory{mount: 1}, func(s *scanner) { s.tree.files["new.toml"] = file{}; s.tree.same.add(1) }, true},
		"without files before": {directory{mount: 1}, func(s *scanner) { delete(s.delivered, "sub/a.toml") }, false},
		"not there before":     {directory{mount: 1}, func(s *scanner) { s.dirs = nil }, false},
	} {
		s := &scanner{
			root: "/data", tree: newTree(), dirs: map[string]directory{"sub": sub, "other": sub},
			delivered: map[string]delivery{"sub/a.toml": {name: "sub/a.toml"}, "b.toml": {name: "b.toml", number: 1}},
		}
		s.tree.dirs["sub"] = tt.now
		tt.change(s)
		require.NoError(t, s.keepUnmounted(), name)
		if !tt.want {
			assert.Empty(t, s.tree.unlisted, name)
			assert.Equal(t, tt.now, s.tree.dirs["sub"], name)
			assert.NotContains(t, s.tree.files, "sub", name)
			continue
		}
		assert.Equal(t, []string{"sub/"}, s.tree.unlisted, name)
		assert.Equal(t, sub, s.tree.dirs["sub"], "%s: the next scan finds the same", name)
		assert.Equal(t, errUnmounted.Error(), s.tree.files["sub"].err, name)
	}
	s := &scanner{root: "/data", tree: newTree(), dirs: map[string]directory{".": sub}, delivered: map[string]delivery{"a.toml": {}}}
	s.tree.dirs["."] = directory{mount: 1}
	require.ErrorIs(t, s.keepUnmounted(), errUnmounted)
	assert.ErrorContains(t, s.keepUnmounted(), "/data")
}

// A locked file system has a directory that cannot be listed.
type locked struct {
	fileSystem
	dir string
	err error
}

func (l *locked) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == l.dir && l.err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: l.err}
	}
	return l.fileSystem.ReadDir(name)
}

// TestFullScan checks everything that a full scan finds.
func TestFullScan(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	outside, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	at := func(name string) string { return filepath.Join(root, name) }
	old := time.Now().Add(-time.Hour)
	for _, dir := range []string{at("sub/deep"), at("locked"), filepath.Join(outside, "in")} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	for _, path := range []string{at("a.toml"), at("hard.toml"), at("mount.toml"), at("sub/b.toml"), at("sub/deep/c.toml"), at("x.yaml"), filepath.Join(outside, "in/d.toml")} {
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o644))
		require.NoError(t, os.Chtimes(path, old, old))
	}
	require.NoError(t, os.Link(at("hard.toml"), filepath.Join(outside, "hard")))
	require.NoError(t, syscall.Mkfifo(at("pipe.toml"), 0o644))
	for name, target := range map[string]string{"link.toml": "sub/b.toml", "loop.toml": "loop.toml", "linked": outside, "lost": "nowhere"} {
		require.NoError(t, os.Symlink(target, at(name)))
	}
	inner, err := openDisk(root, false)
	require.NoError(t, err)
	defer inner.Close()
	files := &locked{inner, "locked", syscall.EACCES}
	d := &Dir{Path: root, Polling: true, Settle: time.Nanosecond, system: realSystem}
	d.system.open = func(string, bool) (fileSystem, error) { return files, nil }
	d.system.remote = func(string) bool { return false }
	d.system.mounts = func() mounts {
		return mounts{ids: map[string]int{"/": 1, at("mount.toml"): 2}, parents: map[string]bool{root: true}}
	}
	require.NoError(t, d.start())
	found, err := d.scan(files, fullScope, source.PollNotified)
	require.NoError(t, err)

	// Properties of a file other than its metadata.
	type said struct {
		link, linked, silent, examined, unknown bool
		real, err                               string
	}
	got := make(map[string]said)
	for name, f := range found.files {
		got[name] = said{f.link, f.linked, f.stat.linked, f.examined, f.unknown, f.real, f.err}
	}
	loop := got["loop.toml"].err
	assert.NotEmpty(t, loop)
	assert.Equal(t, map[string]said{
		"a.toml":           {examined: true, real: root},
		"hard.toml":        {examined: true, real: root, silent: true},
		"mount.toml":       {examined: true, real: root, silent: true},
		"pipe.toml":        {examined: true, real: root, err: "is not a regular file"},
		"sub/b.toml":       {examined: true, real: at("sub")},
		"sub/deep/c.toml":  {examined: true, real: at("sub/deep")},
		"link.toml":        {examined: true, link: true, linked: true, real: at("sub/b.toml")},
		"linked/in/d.toml": {examined: true, linked: true, real: filepath.Join(outside, "in")},
		"loop.toml":        {link: true, err: loop},
		"locked":           {err: "permission denied", unknown: true},
	}, got)
	gotDirs := make(map[string]directory)
	for name, dir := range found.dirs {
		assert.NotZero(t, dir.id, name)
		dir.id = fileID{}
		gotDirs[name] = dir
	}
	delete(gotDirs, "locked")
	assert.Equal(t, map[string]directory{
		".": {mount: 1, real: root}, "sub": {mount: 1, real: at("sub")}, "sub/deep": {mount: 1, real: at("sub/deep")},
		"linked": {mount: 1, real: outside, link: true, linked: true}, "linked/in": {mount: 1, real: filepath.Join(outside, "in"), linked: true},
	}, gotDirs)
	assert.Equal(t, []string{"locked/"}, found.unlisted)
	assert.Equal(t, []string{"lost"}, found.dangling)
	assert.Equal(t, map[string]string{"x.yaml": "not .toml, .json or .jsonc"}, found.ignored)

	// Unchanged files are recorded as such.
	require.Eventually(t, func() bool {
		_, err := d.Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
		return len(d.pending.delivered) == len(got)
	}, 10*time.Second, time.Millisecond)
	again, err := d.scan(files, fullScope, source.PollNotified)
	require.NoError(t, err)
	assert.Equal(t, 8, again.same.count(), "all but those that cannot be examined")
	assert.Len(t, again.files, 2)

	// A directory that still cannot be listed is unchanged. One that can be listed again, or fails
	// for another reason, has changed.
	part, err := d.scan(files, names("locked"), source.PollNotified)
	require.NoError(t, err)
	assert.Equal(t, []string{"locked/"}, part.unlisted)
	assert.Equal(t, d.pending.delivered["locked"].file, part.files["locked"])
	for _, fault := range []error{syscall.EIO, nil} {
		files.err = fault
		_, err = d.scan(files, names("locked"), source.PollNotified)
		require.ErrorIs(t, err, errDirectoryChanged)
	}

	// A file in its place is neither, even if listing it fails for the same reason, and no document.
	require.NoError(t, os.Remove(at("locked")))
	require.NoError(t, os.WriteFile(at("locked"), []byte("x"), 0o644))
	files.err = syscall.EACCES
	part, err = d.scan(files, names("locked"), source.PollNotified)
	require.NoError(t, err)
	assert.Empty(t, part.unlisted)
	assert.True(t, part.files["locked"].stat.mode.IsRegular())
	all, err := d.scan(inner, fullScope, source.PollNotified)
	require.NoError(t, err)
	assert.NotContains(t, all.files, "locked")
	assert.Empty(t, all.unlisted)
}

// TestUnlistedRoot checks that a full scan that fails changes nothing of what is known of events:
// the type of a file system that cannot be read, for one, cannot be asked for.
func TestUnlistedRoot(t *testing.T) {
	root := t.TempDir()
	inner, err := openDisk(root, false)
	require.NoError(t, err)
	defer inner.Close()
	files, remote := &locked{inner, ".", nil}, true
	d := &Dir{Path: root, system: realSystem}
	d.system.remote = func(string) bool { return remote }
	require.NoError(t, d.start())
	defer d.Close()
	for _, fault := range []error{nil, syscall.EACCES} {
		files.err, remote = fault, fault == nil
		_, err = d.scan(files, fullScope, source.PollNotified)
		require.ErrorIs(t, err, fault)
		assert.Equal(t, problemRemote, d.watches.health().Problem)
		assert.Equal(t, modePoll, d.watches.health().Mode)
	}
	files.err = nil
	_, err = d.scan(files, fullScope, source.PollNotified)
	require.NoError(t, err)
	assert.Empty(t, d.watches.health().Problem)
	assert.Equal(t, notifierName(), d.watches.health().Mode)
}

// TestPortableStat checks what is known of a file whose metadata is not that of the system.
func TestPortableStat(t *testing.T) {
	at := time.Unix(1_000_000, 5)
	info, err := fs.Stat(fstest.MapFS{"a": {Data: []byte("xyz"), ModTime: at, Mode: 0o600}}, "a")
	require.NoError(t, err)
	assert.Equal(t, stat{size: 3, modified: at.UnixNano(), changed: at.UnixNano(), mode: 0o600}, newStat(info))
}
