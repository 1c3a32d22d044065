package blobstore_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/blobstore"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/stretchr/testify/require"
)

// gateway starts versitygw, an S3 server over a directory, until the test ends. It returns a
// function that returns the URL of an empty bucket. The gate sets VERSITYGW to its path.
func gateway(t *testing.T, options ...string) (newBucket func() string) {
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
	dir, addr := t.TempDir(), freeAddress(t)
	var log bytes.Buffer
	args := []string{"--port", addr, "--access", "access", "--secret", "secret", "--region", "us-east-1", "--health", "/health", "--quiet", "posix"}
	cmd := exec.Command(path, append(append(args, options...), dir)...)
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("log of versitygw:\n%s", &log)
		}
	})
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + addr + "/health")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	}, 20*time.Second, 50*time.Millisecond, "versitygw does not respond")
	var buckets atomic.Int64
	return func() string {
		name := fmt.Sprintf("bucket%d", buckets.Add(1))
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
		return "s3://" + name + "/some/prefix?region=us-east-1&use_path_style=true&endpoint=http://" + addr
	}
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func TestS3(t *testing.T) {
	newBucket := gateway(t)
	storetest.Run(t, func(t *testing.T) func() release.Store {
		url := newBucket()
		return func() release.Store {
			s, err := release.Open(t.Context(), url)
			require.NoError(t, err)
			return s
		}
	})
}

// TestS3Unconditional checks a real server that ignores the condition: without its metadata
// versitygw does not know that an object exists.
func TestS3Unconditional(t *testing.T) {
	s, err := release.Open(t.Context(), gateway(t, "--nometa")())
	require.NoError(t, err)
	defer s.Close()
	require.ErrorIs(t, s.Create(t.Context(), "releases/00000001", []byte("1")), blobstore.ErrUnconditional)
	for e, err := range s.List(t.Context(), "releases/", "") {
		t.Errorf("%v %v is there", e, err)
	}
}
