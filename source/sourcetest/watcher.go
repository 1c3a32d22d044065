package sourcetest

import (
	"context"

	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/require"
)

// watcherTests test a source behind a watcher.
var watcherTests = map[string]func(*rig){
	"Follows":            testFollows,
	"Invalid":            testInvalid,
	"Unchanged":          testUnchanged,
	"Unreachable":        testWatcherUnreachable,
	"UnreachableAtStart": testUnreachableAtStart,
	"Random":             testRandom,
	"Bursts":             testBursts,
}

// testFollows checks that documents are served in order: once Follow or Sync returns, and
// in time without Sync.
func testFollows(r *rig) {
	all := r.store.names()
	r.put(all[1], 1)
	r.put(all[2], 1)
	r.open()
	require.Equal(r, state(r.documents), r.served(), "datasets served after Follow returned")
	require.True(r, r.watcher.Status().Ready)
	r.put(all[3], 1)
	r.sync()
	r.put(all[0], 1)
	r.put(all[2], 2)
	r.sync()
	r.remove(all[1])
	r.sync()
	r.put(all[1], 3)
	r.follow()
	r.put(all[3], 3)
	r.follow()
	r.remove(all[0])
	r.remove(all[2])
	r.follow()
	r.close()
	require.ErrorIs(r, r.callSync(), watcher.ErrClosed)
	require.Equal(r, state(r.documents), r.served(), "datasets served after the watcher ended")
}

// testInvalid checks that an invalid or emptied document keeps its last good datasets, and
// delays no other document.
func testInvalid(r *rig) {
	if r.store.Valid {
		r.Skip("Store.Valid is set")
	}
	r.put("a.toml", 1)
	r.put("b.json", 1)
	r.open()
	for version, invalid := range []string{"[[datasets", "", "[[datasets]]\nshort_name = \"a\"\n"} {
		r.putInvalid("a.toml", invalid)
		r.sync()
		r.put("b.json", version)
		r.sync()
		r.put("a.toml", version)
		r.sync()
	}
	r.putInvalid("c.jsonc", "[}") // never valid
	r.sync()
	r.putInvalid("a.toml", "= 1")
	r.sync()
	r.remove("a.toml")
	r.sync()
	r.remove("c.jsonc")
	r.sync()
	require.Len(r, r.watcher.Status().Documents, 1)
}

// testUnchanged checks that writing the same content again changes nothing.
func testUnchanged(r *rig) {
	r.put("a.toml", 1)
	r.put("b.json", 1)
	r.open()
	before := r.watcher.Snapshot()
	r.put("a.toml", 1)
	r.sync()
	r.remove("b.json")
	r.put("b.json", 1)
	r.sync()
	ctx, cancel := r.timeout()
	defer cancel()
	require.NoError(r, r.watcher.Reload(ctx))
	require.Equal(r, served(before), r.served())
	after := r.watcher.Snapshot()
	require.LessOrEqual(r, after.Generation(), before.Generation()+2, "only b.json may have been removed and put again")
	r.put("a.toml", 1)
	r.sync()
	require.NoError(r, r.watcher.Reload(ctx))
	require.Same(r, after, r.watcher.Snapshot())
}

// testWatcherUnreachable checks that the last good datasets stay in service while the store
// is unreachable.
func testWatcherUnreachable(r *rig) {
	if r.store.SetReachable == nil {
		r.Skip("Store.SetReachable is nil")
	}
	all := r.store.names()
	for _, name := range all {
		r.put(name, 1)
	}
	r.open()
	for version := range 2 {
		r.setReachable(false)
		before := r.watcher.Snapshot()
		err := r.callSync()
		require.Error(r, err, "Sync with an unreachable store")
		require.NotErrorIs(r, err, context.DeadlineExceeded, "Sync did not return in time")
		require.Same(r, before, r.watcher.Snapshot(), "last good datasets")
		require.ErrorIs(r, r.watcher.CheckHealth(), watcher.ErrSource)
		require.True(r, r.watcher.Status().Ready)
		if version > 0 {
			r.remove(all[0])
		}
		r.put(all[1], 2+version)
		r.setReachable(true)
		r.follow()
		r.sync()
		require.NoError(r, r.watcher.CheckHealth())
	}
}

// testUnreachableAtStart checks that a watcher waits for its store if WithWait is given.
func testUnreachableAtStart(r *rig) {
	if r.store.SetReachable == nil {
		r.Skip("Store.SetReachable is nil")
	}
	r.put("a.toml", 1)
	r.setReachable(false)
	_, err := watcher.Follow(r.Context(), r.store.Open())
	require.Error(r, err, "Follow without WithWait")
	r.open(watcher.WithWait())
	require.False(r, r.watcher.Status().Ready)
	require.ErrorIs(r, r.watcher.CheckHealth(), watcher.ErrSource)
	r.setReachable(true)
	r.follow()
	r.sync()
	require.True(r, r.watcher.Status().Ready)
	require.NoError(r, r.watcher.CheckHealth())
}
