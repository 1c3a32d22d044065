package source_test

import (
	"context"
	"testing"

	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/sourcetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An ignorer is a source that ignores files.
type ignorer struct {
	source.Source
	files []source.Ignored
}

func (g ignorer) Poll(ctx context.Context, depth source.Depth) (source.Batch, error) {
	b, err := g.Source.Poll(ctx, depth)
	b.Health.Ignored = g.files
	return b, err
}

func TestJoinIgnored(t *testing.T) {
	m := sourcetest.NewMemory()
	files := []source.Ignored{{Name: "a.yaml", Why: "why"}}
	s, err := source.Join(source.Part{Prefix: "1/", Source: m.Open()}, source.Part{Prefix: "2/", Source: ignorer{m.Open(), files}}, source.Part{Prefix: "3/", Source: ignorer{m.Open(), files}})
	require.NoError(t, err)
	b, err := s.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	assert.Equal(t, []source.Ignored{{Name: "2/a.yaml", Why: "why"}, {Name: "3/a.yaml", Why: "why"}}, b.Health.Ignored)
	assert.Equal(t, "a.yaml", files[0].Name)
	require.NoError(t, s.Close())
}
