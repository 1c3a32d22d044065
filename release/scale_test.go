package release_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var scaleDocuments = flag.Int("scale.documents", 500, "number of documents of TestScale, of 100 datasets each")

// TestScale changes one of many documents: the second push uploads, and a reader downloads,
// that document and the difference of the manifest only.
func TestScale(t *testing.T) {
	n := *scaleDocuments
	document := func(i, version int) string {
		var b strings.Builder
		for j := range 100 {
			fmt.Fprintf(&b, "[[datasets]]\nshort_name = \"model-%d-%d\"\nderived_scalar_type = \"mlp_post_act\"\n", i, j)
			fmt.Fprintf(&b, "user_visible_name = \"Model %d, %d\"\nneuron_dataset_path = \"https://host.example/models/%d/%d/%d\"\n", i, j, version, i, j)
		}
		return b.String()
	}
	documents := make(map[string]string)
	for i := range n {
		documents[fmt.Sprintf("models/%05d.toml", i)] = document(i, 1)
	}
	store := new(storetest.Memory)
	repo := &release.Repository{Store: store}
	reader := repo.Source(release.SourceOptions{})
	push := func(what string) {
		start := time.Now()
		c, err := catalogOf(documents)
		require.NoError(t, err)
		read := time.Since(start)
		head, err := repo.Head(t.Context())
		require.NoError(t, err)
		store.Requests()
		start = time.Now()
		r, err := repo.Push(t.Context(), c, head, release.PushOptions{})
		require.NoError(t, err)
		t.Logf("%s: %d datasets, %d bytes; read in %v, pushed in %v: %+v", what, r.Datasets, r.Bytes, read, time.Since(start), store.Requests())
	}
	poll := func(what string) (source.Batch, storetest.Requests) {
		start := time.Now()
		b, err := reader.Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
		requests := store.Requests()
		t.Logf("%s: %v: %+v", what, time.Since(start), requests)
		return b, requests
	}
	push("first push")
	b, _ := poll("first pull")
	require.Len(t, b.Changed, n)

	documents["models/00007.toml"] = document(7, 2)
	c, err := catalogOf(documents)
	require.NoError(t, err)
	head, err := repo.Head(t.Context())
	require.NoError(t, err)
	store.Requests()
	_, err = repo.Push(t.Context(), c, head, release.PushOptions{})
	require.NoError(t, err)
	pushed := store.Requests()
	t.Logf("second push: %+v", pushed)
	assert.Equal(t, 4, pushed.Creates, "document, shard, root and record")
	assert.Zero(t, pushed.Gets)
	b, pulled := poll("second pull")
	assert.Equal(t, []string{"models/00007.toml"}, names(b))
	assert.Equal(t, 4, pulled.Gets, "document, shard, root and record")
	assert.Equal(t, pushed.Written, pulled.Read)
	assert.Less(t, pulled.Read, int64(20_000))
	push("third push, of nothing")
}
