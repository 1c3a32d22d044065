package etcdstore_test

import (
	"fmt"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neurondex/neurondex/release"
	_ "github.com/neurondex/neurondex/release/etcdstore"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startEtcd starts a server of one member and returns its address.
func startEtcd(t *testing.T) string {
	t.Helper()
	config := embed.NewConfig()
	config.Dir = t.TempDir()
	config.LogLevel = "error"
	config.UnsafeNoFsync = true
	any := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	config.ListenClientUrls, config.ListenPeerUrls = []url.URL{any}, []url.URL{any}
	server, err := embed.StartEtcd(config)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	select {
	case <-server.Server.ReadyNotify():
	case <-time.After(time.Minute):
		t.Fatal("etcd does not become ready")
	}
	return server.Clients[0].Addr().String()
}

func TestStore(t *testing.T) {
	address := startEtcd(t)
	var prefixes atomic.Int64
	storetest.Run(t, func(t *testing.T) func() release.Store {
		prefix := fmt.Sprintf("tests/%d", prefixes.Add(1))
		return func() release.Store { return open(t, "etcd://"+address+"/"+prefix) }
	})
}

func open(t *testing.T, url string) release.Store {
	t.Helper()
	s, err := release.Open(t.Context(), url)
	require.NoError(t, err)
	return s
}
