package enginetest

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/require"
)

var scaleDocuments = flag.Int("scale.documents", 100, "number of documents of TestEtcdScale, of 100 datasets each")

// TestEtcdScale publishes a large catalog to etcd, follows it, and changes one document.
func TestEtcdScale(t *testing.T) {
	c := startCluster(t, 1)
	open := opener(t, "etcd://"+c.hosts()+"/scale")
	store := open()
	defer store.Close()
	repo := &release.Repository{Store: store}
	documents := make([]source.Document, *scaleDocuments)
	for i := range documents {
		name := fmt.Sprintf("%05d.toml", i)
		documents[i] = source.Document{Name: name, Data: document(name, 0, 100)}
	}
	push := func() {
		start := time.Now()
		catalog, err := release.NewCatalog(documents)
		require.NoError(t, err)
		head, err := repo.Head(t.Context())
		require.NoError(t, err)
		r, err := repo.Push(t.Context(), catalog, head, release.PushOptions{})
		require.NoError(t, err)
		t.Logf("release %d, %d datasets: validated and published in %v", r.Number, r.Datasets, time.Since(start))
	}
	push()
	status, err := c.client().Status(t.Context(), c.hosts())
	require.NoError(t, err)
	t.Logf("size of the database: %d bytes", status.DbSizeInUse)

	replica := open()
	defer replica.Close()
	start := time.Now()
	w, err := watcher.Follow(t.Context(), (&release.Repository{Store: replica}).Source(release.SourceOptions{}), watcher.WithLogger(nil))
	require.NoError(t, err)
	defer w.Close()
	require.Equal(t, 100**scaleDocuments, w.Snapshot().Len())
	t.Logf("loaded in %v", time.Since(start))

	documents[7].Data = document(documents[7].Name, 1, 100)
	push()
	start = time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for u := range w.Updates(ctx) {
		if d, err := u.After.Get(documents[7].Name+"-0", "mlp_post_act"); err == nil && d.UserVisibleName() == "Version 1" {
			break
		}
	}
	require.NoError(t, ctx.Err())
	t.Logf("the change was visible %v after it was published", time.Since(start))
}
