package source_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/sourcetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A closeFailer is a source whose Close fails.
type closeFailer struct {
	source.Source
	err error
}

func (f closeFailer) Close() error { return f.err }

// TestJoinConformance runs the conformance suite on a source of several stores, one for each
// first letter of a name.
func TestJoinConformance(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Store {
		prefixes := []string{"a", "b", "c", "d", "e", "s"}
		stores := make(map[string]*sourcetest.Memory)
		for _, p := range prefixes {
			stores[p] = sourcetest.NewMemory()
		}
		return sourcetest.Store{
			Open: func() source.Source {
				var parts []source.Part
				for _, p := range prefixes {
					parts = append(parts, source.Part{Prefix: p, Source: stores[p].Open()})
				}
				s, err := source.Join(parts...)
				require.NoError(t, err)
				return s
			},
			Put:    func(name, content string) error { return stores[name[:1]].Put(name[1:], content) },
			Remove: func(name string) error { return stores[name[:1]].Remove(name[1:]) },
			SetReachable: func(reachable bool) error {
				var errs []error
				for _, s := range stores {
					errs = append(errs, s.SetReachable(reachable))
				}
				return errors.Join(errs...)
			},
		}
	})
}

func TestJoinRejectsPrefixes(t *testing.T) {
	for name, prefixes := range map[string][]string{
		"unsorted":          {"b/", "a/"},
		"equal":             {"a/", "a/"},
		"prefix of another": {"a", "ab"},
		"empty":             {"", "a/"},
	} {
		t.Run(name, func(t *testing.T) {
			var parts []source.Part
			for _, p := range prefixes {
				parts = append(parts, source.Part{Prefix: p, Source: sourcetest.NewMemory().Open()})
			}
			_, err := source.Join(parts...)
			assert.ErrorContains(t, err, "must sort after")
		})
	}
}

func TestJoinNoParts(t *testing.T) {
	s, err := source.Join()
	require.NoError(t, err)
	b, err := s.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	assert.Empty(t, b.Changed)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Wait(ctx), context.Canceled)
	require.NoError(t, s.Close())
}

// TestJoinUnreachablePart makes one part unreachable. The other one is still followed.
func TestJoinUnreachablePart(t *testing.T) {
	base, site := sourcetest.NewMemory(), sourcetest.NewMemory()
	require.NoError(t, base.Put("x.toml", "1"))
	require.NoError(t, site.Put("x.toml", "2"))
	s, err := source.Join(source.Part{Prefix: "1-base/", Source: base.Open()}, source.Part{Prefix: "2-site/", Source: site.Open()})
	require.NoError(t, err)
	poll := func() (string, error) {
		b, err := s.Poll(t.Context(), source.PollNotified)
		var list []string
		for _, d := range b.Changed {
			list = append(list, d.Name+"="+string(d.Data))
		}
		for _, name := range b.Removed {
			list = append(list, "-"+name)
		}
		slices.Sort(list)
		assert.Equal(t, "memory", b.Health.Mode)
		assert.True(t, b.Health.Notified)
		assert.False(t, b.Health.LastScan.IsZero())
		return strings.Join(list, " "), err
	}
	got, err := poll()
	require.NoError(t, err)
	assert.Equal(t, "1-base/x.toml=1 2-site/x.toml=2", got)

	require.NoError(t, base.SetReachable(false))
	require.NoError(t, site.Put("y.toml", "3"))
	require.NoError(t, s.Wait(t.Context()))
	got, err = poll()
	require.ErrorIs(t, err, sourcetest.ErrUnreachable)
	require.ErrorContains(t, err, "1-base/")
	assert.Equal(t, "2-site/y.toml=3", got)
	require.NoError(t, site.Remove("x.toml"))
	require.NoError(t, s.Wait(t.Context()))
	got, err = poll()
	require.ErrorIs(t, err, sourcetest.ErrUnreachable)
	assert.Equal(t, "-2-site/x.toml", got)
	require.NoError(t, base.SetReachable(true))
	require.NoError(t, base.Put("x.toml", "4"))
	require.NoError(t, s.Wait(t.Context()))
	got, err = poll()
	require.NoError(t, err)
	assert.Equal(t, "1-base/x.toml=4", got)
}

func TestJoinClose(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	m := sourcetest.NewMemory()
	s, err := source.Join(source.Part{Prefix: "1/", Source: closeFailer{m.Open(), first}}, source.Part{Prefix: "2/", Source: closeFailer{m.Open(), second}})
	require.NoError(t, err)
	err = s.Close()
	assert.ErrorIs(t, err, first)
	assert.ErrorIs(t, err, second)
}
