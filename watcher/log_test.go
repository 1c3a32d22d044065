package watcher_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
)

// TestLogOfHintsAndCounts checks what is logged of a hint, and of a warning about one dataset and
// about two.
func TestLogOfHintsAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, source.Batch{})
		log := r.poll(nil, documents("a.toml", watchtest.TOML("az://account/data", "a")))
		assert.Contains(t, log, `level=INFO msg="file has a hint" file=a.toml`)
		one := watchtest.TOML("p", "b") + "colour = 1\n"
		log = r.poll(nil, documents("b.toml", one))
		assert.Contains(t, log, `level=WARN msg="file has a warning" file=b.toml`)
		assert.NotContains(t, log, "datasets=1 rule", "the number of datasets is worth a word if there are several")
		log = r.poll(nil, documents("c.toml", strings.ReplaceAll(one, `"b"`, `"c"`)+strings.ReplaceAll(one, `"b"`, `"d"`)))
		assert.Contains(t, log, " datasets=2 rule=unknown-field")
	})
}

// TestLogOfNothingLoaded checks that nothing is said to be loaded while the source cannot be read.
func TestLogOfNothingLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, src: newFakeSource(), log: watchtest.NewBuffer()}
		r.src.prepare(errors.New("away"))
		r.w = follow(t, r.src, watcher.WithWait(), watcher.WithLogger(r.logger()))
		assert.NotContains(t, r.logged(), "datasets loaded")
		assert.Contains(t, r.poll(nil, source.Batch{}), "datasets loaded: none")
		assert.NotContains(t, r.poll(nil, source.Batch{}), "datasets loaded")
	})
}

// TestStatusOfHeldRemoval checks that a document whose removal is held is listed once, also while
// a file of its name is changing.
func TestStatusOfHeldRemoval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, documents("a.toml", watchtest.TOML("1", "a"), "b.toml", watchtest.TOML("1", "b")), watcher.WithMaxShrink(0.4))
		states := func() (all []string) {
			for _, d := range r.w.Status().Documents {
				all = append(all, d.Name+" "+string(d.State))
			}
			return all
		}
		r.poll(nil, source.Batch{Removed: []string{"a.toml"}})
		assert.Equal(t, []string{"a.toml held", "b.toml ok"}, states())
		r.poll(nil, source.Batch{Pending: []string{"a.toml"}})
		assert.Equal(t, []string{"a.toml pending", "b.toml ok"}, states())
	})
}
