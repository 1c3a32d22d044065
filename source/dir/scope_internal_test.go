//go:build unix

package dir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestScopes checks what a poll examines, by its depth, the events and the time.
func TestScopes(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"plain.txt", ".hidden"} {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), nil, 0o644))
	}
	for _, name := range []string{"sub", "new"} {
		require.NoError(t, os.Mkdir(filepath.Join(root, name), 0o755))
	}
	require.NoError(t, os.Symlink("new", filepath.Join(root, "link")))
	files, err := openDisk(root, false)
	require.NoError(t, err)
	defer files.Close()

	// A poll is what a scope depends on.
	type poll struct {
		d      *Dir
		depth  source.Depth
		told   bool
		events events
		now    time.Time
	}
	event := func(name string) func(*poll) {
		return func(p *poll) { p.events.others[filepath.Join(root, name)] = true }
	}
	start := time.Now()
	part := func(verify bool, list ...string) scope {
		s := names(list...)
		s.verify = verify
		return s
	}
	many := func(n int) func(*poll) {
		return func(p *poll) {
			for i := range n {
				p.events.documents[fmt.Sprint(i, ".toml")] = written
			}
		}
	}
	var sixteen []string
	for i := range 16 {
		sixteen = append(sixteen, fmt.Sprint(i, ".toml"))
	}
	for name, tt := range map[string]struct {
		change func(*poll)
		want   scope
	}{
		"nothing":                         {func(*poll) {}, part(false)},
		"everything":                      {func(p *poll) { p.depth = source.PollAll }, fullScope},
		"everything, told":                {func(p *poll) { p.depth, p.told = source.PollAll, true }, part(true, "hard.toml")},
		"read again":                      {func(p *poll) { p.depth = source.PollReread }, fullScope},
		"events were lost":                {func(p *poll) { p.events.lost = true }, fullScope},
		"a resync":                        {func(p *poll) { p.now = start.Add(time.Hour) }, fullScope},
		"before a resync":                 {func(p *poll) { p.d.pending.verify = start.Add(time.Hour); p.now = p.d.pending.fullScan.at.Add(-1) }, part(false)},
		"verifying":                       {func(p *poll) { p.now = start.Add(verifyInterval) }, part(true, "hard.toml")},
		"before verifying":                {func(p *poll) { p.now = start.Add(verifyInterval - 1) }, part(false)},
		"verifying, a watch has ended":    {func(p *poll) { p.now = start.Add(verifyInterval); p.d.watches.watched["/x"] = fileID{} }, fullScope},
		"a watch has ended":               {func(p *poll) { p.d.watches.watched["/x"] = fileID{} }, part(false)},
		"two names of one directory":      {func(p *poll) { p.d.watches.aliased = true }, part(false)},
		"an event of one of them":         {func(p *poll) { p.d.watches.aliased = true; p.events.documents["a.toml"] = written }, fullScope},
		"an event of a file":              {func(p *poll) { p.events.documents["a.toml"] = written }, part(false, "a.toml")},
		"an event of an excluded file":    {func(p *poll) { p.events.documents["out/a.toml"] = written }, part(false)},
		"an event of another file":        {event("plain.txt"), part(false)},
		"an event of a file that is gone": {event("gone.txt"), part(false)},
		"an event of a directory":         {event("sub"), fullScope},
		"an event of a new directory":     {event("new"), fullScope},
		"an event of a link":              {event("link"), fullScope},
		"an event below a file":           {event("plain.txt/x"), fullScope}, // plain.txt may be a directory by now
		"an event of a hidden file":       {event(".hidden"), part(false)},
		"an event of a hidden file beside a link to a directory": {func(p *poll) {
			event(".hidden")(p)
			p.d.dirs["sub"] = directory{link: true}
		}, fullScope},
		"an event of a hidden file below a link": {func(p *poll) {
			event(".hidden")(p)
			p.d.dirs["."] = directory{link: true}
		}, part(false)},
		"many events":     {many(16), part(false, sixteen...)},
		"too many events": {many(17), fullScope},
		"many events of many files": {func(p *poll) {
			p.d.pending.delivered = map[string]delivery{"x": {}, "y": {}}
			many(17)(p)
		}, part(false, append(sixteen[:16:16], "16.toml")...)},
		"too many events of many files": {func(p *poll) {
			p.d.pending.delivered = map[string]delivery{"x": {}, "y": {}}
			many(18)(p)
		}, fullScope},
		"an event of a directory that is gone": {func(p *poll) {
			event("gone")(p)
			p.d.dirs["gone"] = directory{}
		}, fullScope},
	} {
		t.Run(name, func(t *testing.T) {
			n := newScript()
			w := newWatches(root, system{remote: func(string) bool { return false }, notify: func() (notifier, error) { return n, nil }}, false)
			w.begin()
			defer w.stop()
			p := &poll{
				d:      &Dir{root: root, Exclude: []string{"out"}, watches: w, pending: newPending(testSettle, testMaxDelay, testResync), dirs: map[string]directory{".": {}, "sub": {}}},
				events: newEvents(), now: start,
			}
			p.d.pending.scanned(true, start)
			p.d.pending.silent["hard.toml"] = false
			tt.change(p)
			assert.Equal(t, tt.want, p.d.scope(files, p.depth, p.told, p.events, p.now))
		})
	}
}

// TestFirstScope checks that the first scan covers everything.
func TestFirstScope(t *testing.T) {
	d := &Dir{pending: newPending(testSettle, testMaxDelay, testResync), watches: newWatches("/nowhere", system{}, true)}
	assert.Equal(t, fullScope, d.scope(nil, source.PollNotified, false, newEvents(), time.Now()))
}

// TestRemovals checks that only removals need no reading.
func TestRemovals(t *testing.T) {
	for k, want := range map[kind]bool{edited: false, open: false, placed: false, removed: true, moved: true, touched: false} {
		assert.Equal(t, want, k.isRemoval(), k)
	}
}

// TestRootIsChecked checks that the root must be a directory.
func TestRootIsChecked(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	for path, want := range map[string]string{root: "", file: "read " + file + ": not a directory", filepath.Join(root, "gone"): "no such file or directory"} {
		files, err := openDisk(path, false)
		require.NoError(t, err)
		err = (&scanner{files: files, root: path}).checkRoot()
		if want == "" {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, want)
		}
		require.NoError(t, files.Close())
	}
}

func TestReason(t *testing.T) {
	assert.Equal(t, "file does not exist", reason(fmt.Errorf("x: %w", &os.PathError{Op: "open", Path: "/secret", Err: os.ErrNotExist})))
	assert.Equal(t, "plain", reason(errors.New("plain")))
}
