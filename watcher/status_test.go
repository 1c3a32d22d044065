package watcher_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestStatusBeforeTheFirstLoad: a watcher that waits for its source has an empty status, not a
// part of one.
func TestStatusBeforeTheFirstLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.prepare(errors.New("unreachable"))
		w := follow(t, src, watcher.WithWait())
		s := w.Status()
		assert.Equal(t, "unreachable", s.SourceError)
		assert.NotNil(t, s.Documents, "JSON has an empty list")
		assert.Empty(t, s.Documents)
		assert.Zero(t, s.Datasets)
	})
}

// TestErrorsListDocumentsByName: of many documents, those that are stale or pending are listed in
// order.
func TestErrorsListDocumentsByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var invalid source.Batch
		var names []string
		for i := range 20 {
			names = append(names, fmt.Sprintf("%02d.toml", i))
			invalid.Changed = append(invalid.Changed, source.Document{Name: names[i], Data: []byte("x")})
		}
		list := func(err error) (got []string) {
			t.Helper()
			stale, ok := errors.AsType[*watcher.StaleError](err)
			require.True(t, ok)
			for _, d := range stale.Documents {
				got = append(got, d.Name)
			}
			return got
		}
		r := newRig(t, invalid)
		assert.Equal(t, names, list(r.w.Sync(t.Context())))
		require.ErrorContains(t, r.w.CheckHealth(), "20 of 20")
		r.src.prepare(nil, source.Batch{Pending: names})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.Equal(t, names, list(r.w.Sync(ctx)))
	})
}

// TestSyncIsCancelledWithNothingPending: the error is only that of the context.
func TestSyncIsCancelledWithNothingPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		w := follow(t, &slow{src, time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.Equal(t, context.DeadlineExceeded, w.Sync(ctx))
	})
}

// TestCancelledReloadAcceptsNothing: a reload whose caller has left does not accept what comes
// later.
func TestCancelledReloadAcceptsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, documents("a.toml", watchtest.TOML("1", "a")), watcher.WithMaxShrink(0))
		r.src.prepare(nil, source.Batch{Pending: []string{"a.toml"}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, r.w.Reload(ctx), context.DeadlineExceeded)
		assert.Contains(t, r.poll(nil, source.Batch{Removed: []string{"a.toml"}}), "change held")
		assert.Len(t, served(r.w), 1)
	})
}

// TestSyncAcceptsNothing: a Sync that waits for a pending document does not accept its removal.
func TestSyncAcceptsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, documents("a.toml", watchtest.TOML("1", "a")), watcher.WithMaxShrink(0))
		r.src.prepare(nil, source.Batch{Pending: []string{"a.toml"}}, source.Batch{Removed: []string{"a.toml"}})
		synced := make(chan error, 1)
		go func() { synced <- r.w.Sync(t.Context()) }()
		synctest.Wait()
		r.src.event <- struct{}{}
		require.ErrorIs(t, <-synced, watcher.ErrShrink)
		assert.Len(t, served(r.w), 1)
	})
}

// TestReloadThatFailsAcceptsNothing: a reload that cannot read the source accepts nothing of what
// comes beside the error.
func TestReloadThatFailsAcceptsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.prepare(nil, documents("a.toml", watchtest.TOML("1", "a"), "b.toml", watchtest.TOML("1", "b")))
		both := &partly{Source: src}
		w := follow(t, both, watcher.WithMaxShrink(0))
		both.err = errors.New("a part is unreachable")
		src.prepare(nil, source.Batch{Removed: []string{"a.toml"}})
		require.ErrorIs(t, w.Reload(t.Context()), watcher.ErrSource)
		assert.Len(t, served(w), 2)
		require.ErrorIs(t, w.CheckHealth(), watcher.ErrShrink)
	})
}

// A partly source returns an error beside each batch.
type partly struct {
	source.Source
	err error
}

func (p *partly) Poll(ctx context.Context, depth source.Depth) (source.Batch, error) {
	b, err := p.Source.Poll(ctx, depth)
	return b, errors.Join(err, p.err)
}

// TestNamesAreLogged: what an update adds, changes and removes is named, up to ten of each.
func TestNamesAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := func(n int) (list []string) {
			for i := range n {
				list = append(list, fmt.Sprintf("d%02d", i))
			}
			return list
		}
		r := newRig(t, documents("a.toml", watchtest.TOML("1", names(11)...)))
		text := r.logged()
		assert.Contains(t, text, `msg="datasets loaded: 11 added, 0 updated, 0 removed" generation=1 datasets=11 documents=1 took=0s added="[d00/mlp_post_act `)
		assert.Contains(t, text, `d09/mlp_post_act ...]"`)
		assert.NotContains(t, text, "updated=")
		assert.NotContains(t, text, "removed=")
		text = r.poll(nil, documents("a.toml", watchtest.TOML("2", names(10)...)))
		assert.Contains(t, text, `updated="[d00/mlp_post_act `)
		assert.Contains(t, text, `d09/mlp_post_act]" removed=[d10/mlp_post_act]`)
		assert.NotContains(t, text, "added=")
		// A document without datasets changes none.
		assert.NotContains(t, r.poll(nil, documents("b.toml", "datasets = []")), "ed=[")
	})
}

// TestManyOverridesAreLogged: up to 20 are one line each, and no line says how many more.
func TestManyOverridesAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var names []string
		for i := range 20 {
			names = append(names, fmt.Sprint("m", i))
		}
		r := newRig(t, documents("10.toml", watchtest.TOML("1", names...), "20.toml", watchtest.TOML("2", names...)))
		text := r.logged()
		assert.Contains(t, text, `level=WARN msg="dataset is overridden" dataset=m19/mlp_post_act file=10.toml`)
		assert.NotContains(t, text, "more datasets")
	})
}

// TestIndexesAreNoNews: an error of a list's element is not logged again when the element moves,
// and one of another field is.
func TestIndexesAreNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, bad := watchtest.TOML("1", "a"), watchtest.TOML("1", "b")+"layers = -1\n"
		r := newRig(t, documents("a.toml", bad))
		assert.Contains(t, r.logged(), "field=datasets[0].layers")
		text := r.poll(nil, documents("a.toml", good+bad))
		assert.Contains(t, text, "file has changed and is still invalid")
		assert.NotContains(t, text, "field=")
		text = r.poll(nil, documents("a.toml", good+watchtest.TOML("1", "b")+"units = -1\nlayers = -1\n"))
		assert.NotContains(t, text, "layers")
	})
}

// TestStaleBelowDirectory: a directory that cannot be listed is stale as long as datasets of any
// document below it are served.
func TestStaleBelowDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, documents("x/deep/a.toml", "datasets = []", "x/deep/b.toml", "datasets = []", "y/a.toml", watchtest.TOML("1", "a")))
		failed := source.Batch{Changed: []source.Document{{Name: "x", Err: errors.New("denied")}, {Name: "x/deep", Err: errors.New("denied")}, {Name: "y", Err: errors.New("denied")}}}
		r.poll(nil, failed)
		assert.Equal(t, watcher.StateInvalid, r.status("x").State)
		assert.Equal(t, watcher.StateInvalid, r.status("x/deep").State)
		assert.Equal(t, watcher.StateStale, r.status("y").State)
	})
}

// TestReadinessCounts: the documents that are valid, invalid and pending are counted apart.
func TestReadinessCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := documents("a.toml", "x", "b.toml", "y")
		b.Pending = []string{"c.toml", "d.toml"}
		r := newRig(t, b)
		require.ErrorIs(t, r.w.CheckHealth(), watcher.ErrNotReady)
		b = documents("a.toml", watchtest.TOML("1", "a"), "b.toml", watchtest.TOML("1", "b"))
		r.poll(nil, b)
		require.NoError(t, r.w.CheckHealth())
	})
}

// TestStateKeepsItsTime: a document that changes and stays valid, or stays held, came into that
// state before; one that is held no more comes into another.
func TestStateKeepsItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, documents("a.toml", watchtest.TOML("1", "a"), "b.toml", watchtest.TOML("1", "b")), watcher.WithMaxShrink(0))
		loaded := time.Now()
		time.Sleep(time.Minute)
		r.poll(nil, documents("a.toml", watchtest.TOML("2", "a")))
		assert.Equal(t, loaded, r.status("a.toml").Since)
		b := documents("n.toml", watchtest.TOML("1", "n"))
		b.Removed = []string{"b.toml"}
		r.poll(nil, b)
		held := time.Now()
		time.Sleep(time.Minute)
		r.poll(nil, source.Batch{})
		assert.Equal(t, "a.toml=ok b.toml=held n.toml=held", states(r.w))
		assert.Equal(t, held, r.status("n.toml").Since)
		require.NoError(t, r.w.Reload(t.Context()))
		assert.Equal(t, "a.toml=ok n.toml=ok", states(r.w))
		assert.Equal(t, time.Now(), r.status("n.toml").Since)
	})
}

// TestNumberOfProblemsIsNoNews: of a document with too many problems, only their number changes.
func TestNumberOfProblemsIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		problems := func(n int) source.Batch {
			return documents("a.toml", strings.Repeat(strings.ReplaceAll(watchtest.TOML("1", "a"), "mlp_post_act", "none"), n))
		}
		r := newRig(t, problems(150))
		found := r.status("a.toml").Diagnostics
		require.NotEmpty(t, found)
		r.logged()
		text := r.poll(nil, problems(160))
		assert.NotEqual(t, found, r.status("a.toml").Diagnostics)
		assert.Contains(t, text, "file has changed and is still invalid")
		assert.NotContains(t, text, "problem=")
	})
}

// TestAnotherFieldIsNews: the same problem of another field is logged.
func TestAnotherFieldIsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const half = "short_name = \"a\"\nderived_scalar_type = \"mlp_post_act\"\n"
		r := newRig(t, documents("a.toml", half+"user_visible_name = \"A\"\n"))
		assert.Contains(t, r.logged(), "field=neuron_dataset_path")
		assert.Contains(t, r.poll(nil, documents("a.toml", half+"neuron_dataset_path = \"1\"\n")), "field=user_visible_name")
	})
}

// A blocking source polls, after the first time, until the context is done.
type blocking struct {
	source.Source
	polls int
}

func (b *blocking) Poll(ctx context.Context, depth source.Depth) (source.Batch, error) {
	if b.polls++; b.polls > 1 {
		<-ctx.Done()
		return source.Batch{}, ctx.Err()
	}
	return b.Source.Poll(ctx, depth)
}

// TestCloseIsNoFault: that a poll ends with the watcher is not called an error of the source.
func TestCloseIsNoFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, log := newFakeSource(), watchtest.NewBuffer()
		src.prepare(nil, documents("a.toml", watchtest.TOML("1", "a")))
		w, err := watcher.Follow(t.Context(), &blocking{Source: src}, watcher.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
		require.NoError(t, err)
		src.event <- struct{}{}
		synctest.Wait()
		require.NoError(t, w.Close())
		assert.NotContains(t, log.String(), "cannot read source")
		assert.Empty(t, w.Status().SourceError)
	})
}
