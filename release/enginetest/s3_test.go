package enginetest

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neurondex/neurondex/internal/loopbacktest"
	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/blobstore"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/stretchr/testify/require"
)

// A gateway is versitygw, an S3 server over a directory.
type gateway struct {
	*process
	dir     string
	buckets atomic.Int64
}

// startGateway starts versitygw until the test ends. The gate sets VERSITYGW to its path.
func startGateway(t *testing.T, options ...string) *gateway {
	t.Helper()
	path := os.Getenv("VERSITYGW")
	if path == "" {
		var err error
		if path, err = exec.LookPath("versitygw"); err != nil {
			t.Skip("versitygw is not installed; go install github.com/versity/versitygw/cmd/versitygw@v1.8.0, and set VERSITYGW to its path")
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "access")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	g := &gateway{process: &process{T: t, path: path, address: loopbacktest.Address(t)}, dir: t.TempDir()}
	g.args = []string{"--port", g.address, "--access", "access", "--secret", "secret", "--region", "us-east-1", "--quiet", "posix"}
	g.args = append(append(g.args, options...), g.dir)
	g.start()
	t.Cleanup(g.kill)
	return g
}

// newBucket returns the URL of an empty bucket, at an address that leads to the gateway.
func (g *gateway) newBucket(address string) string {
	name := fmt.Sprintf("bucket%d", g.buckets.Add(1))
	require.NoError(g, os.Mkdir(filepath.Join(g.dir, name), 0o755))
	return "s3://" + name + "/some/prefix?region=us-east-1&use_path_style=true&endpoint=http://" + address
}

func TestS3(t *testing.T) {
	g := startGateway(t)
	storetest.Run(t, func(t *testing.T) func() release.Store { return opener(t, g.newBucket(g.address)) })
}

// TestS3Unconditional checks a real server that ignores the condition: without its metadata
// versitygw does not know that an object exists.
func TestS3Unconditional(t *testing.T) {
	g := startGateway(t, "--nometa")
	s := opener(t, g.newBucket(g.address))()
	defer s.Close()
	require.ErrorIs(t, s.Create(t.Context(), "releases/00000001", []byte("1")), blobstore.ErrUnconditional)
	for e, err := range s.List(t.Context(), "releases/", "") {
		t.Errorf("%v %v is there", e, err)
	}
}

// TestS3Fleet reports how long releases take to be visible: at most an interval and what it
// takes to read them.
func TestS3Fleet(t *testing.T) {
	g := startGateway(t)
	report := fleet{
		Open: opener(t, g.newBucket(g.address)), Replicas: *replicas, Releases: *releases, Datasets: *datasets, Interval: *interval,
	}.run(t)
	t.Logf("interval %v: %v", *interval, report)
}

// TestS3Pushers lets two pushers race, while blobs are pruned as early as possible.
func TestS3Pushers(t *testing.T) {
	g := startGateway(t)
	open := opener(t, g.newBucket(g.address))
	report := fleet{
		Open: open, Replicas: 3, Pushers: 2, Releases: *releases, Interval: 200 * time.Millisecond,
		Disturb: func() {
			s := open()
			defer s.Close()
			_, _ = (&release.Repository{Store: s}).Prune(t.Context(), 1<<20, 0)
		},
	}.run(t)
	t.Log(report)
}

// TestS3Killed kills the server and starts it again.
func TestS3Killed(t *testing.T) {
	g := startGateway(t)
	report := fleet{
		Open: opener(t, g.newBucket(g.address)), Replicas: *replicas, Releases: *releases, Interval: 200 * time.Millisecond,
		Disturb: g.restart,
	}.run(t)
	t.Log(report)
}

// TestS3Connection cuts and stalls connections.
func TestS3Connection(t *testing.T) {
	g := startGateway(t)
	p := newProxy(t, g.address)
	report := fleet{
		Open: opener(t, g.newBucket(p.Listen)), Replicas: *replicas, Releases: *releases, Interval: 200 * time.Millisecond,
		Disturb: p.disturb,
	}.run(t)
	t.Log(report)
}
