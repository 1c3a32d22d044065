package enginetest

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neurondex/neurondex/internal/loopbacktest"
	"github.com/neurondex/neurondex/release"
	_ "github.com/neurondex/neurondex/release/etcdstore"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// A cluster is an etcd cluster in this process.
type cluster struct {
	*testing.T
	configs []*embed.Config
	members []*embed.Etcd // nil while a member is stopped
}

// startCluster starts a cluster that stops at the end of the test.
func startCluster(t *testing.T, members int, configure ...func(*embed.Config)) *cluster {
	t.Helper()
	c := &cluster{T: t, members: make([]*embed.Etcd, members)}
	var initial []string
	for i := range members {
		config := embed.NewConfig()
		config.Name = fmt.Sprintf("member%d", i)
		config.Dir = t.TempDir()
		config.LogLevel = "panic"
		config.UnsafeNoFsync = true
		config.TickMs, config.ElectionMs = 20, 200
		client, peer := url.URL{Scheme: "http", Host: loopbacktest.Address(t)}, url.URL{Scheme: "http", Host: loopbacktest.Address(t)}
		config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
		config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
		for _, f := range configure {
			f(config)
		}
		initial = append(initial, config.Name+"="+peer.String())
		c.configs = append(c.configs, config)
	}
	t.Cleanup(func() {
		for i := range c.members {
			c.stop(i)
		}
	})
	for i := range members {
		c.configs[i].InitialCluster = strings.Join(initial, ",")
		c.start(i)
	}
	for _, m := range c.members {
		c.ready(m)
	}
	return c
}

// start starts a member.
func (c *cluster) start(i int) {
	c.Helper()
	m, err := embed.StartEtcd(c.configs[i])
	require.NoError(c, err)
	c.members[i] = m
}

// ready waits until a member has joined.
func (c *cluster) ready(m *embed.Etcd) {
	c.Helper()
	select {
	case <-m.Server.ReadyNotify():
	case <-time.After(time.Minute):
		require.Fail(c, "etcd does not become ready")
	}
}

// stop stops a member.
func (c *cluster) stop(i int) {
	if m := c.members[i]; m != nil {
		m.Close()
		c.members[i] = nil
	}
}

// leader returns the leader of the cluster, or -1 if there is none.
func (c *cluster) leader() int {
	for i, m := range c.members {
		if m != nil && m.Server.Leader() == m.Server.MemberID() {
			return i
		}
	}
	return -1
}

// hosts returns the addresses of the members, as a URL has them.
func (c *cluster) hosts() string {
	var all []string
	for _, config := range c.configs {
		all = append(all, config.ListenClientUrls[0].Host)
	}
	return strings.Join(all, ",")
}

// client returns a client of the cluster.
func (c *cluster) client() *clientv3.Client {
	c.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: strings.Split(c.hosts(), ",")})
	require.NoError(c, err)
	c.Cleanup(func() { assert.NoError(c, client.Close()) })
	return client
}

// opener returns a function that opens the store of a URL.
func opener(t *testing.T, url string) func() release.Store {
	return func() release.Store {
		s, err := release.Open(context.Background(), url)
		require.NoError(t, err)
		return s
	}
}

func TestEtcd(t *testing.T) {
	hosts := startCluster(t, 1).hosts()
	var prefixes atomic.Int64
	storetest.Run(t, func(t *testing.T) func() release.Store {
		return opener(t, fmt.Sprintf("etcd://%s/tests/%d", hosts, prefixes.Add(1)))
	})
}

// TestEtcdProcess tries the server that is installed, such as that of a distribution, which
// may be older than the client.
func TestEtcdProcess(t *testing.T) {
	path, err := exec.LookPath("etcd")
	if err != nil {
		t.Skip("etcd is not installed; install the package etcd-server")
	}
	version, err := exec.Command(path, "--version").Output()
	require.NoError(t, err)
	t.Logf("%s", version)
	p := &process{T: t, path: path, address: loopbacktest.Address(t)}
	dir, peer := t.TempDir(), loopbacktest.Address(t)
	p.args = []string{
		"--data-dir", dir, "--log-level", "error", "--auto-compaction-retention", "1h",
		"--listen-client-urls", "http://" + p.address, "--advertise-client-urls", "http://" + p.address,
		"--listen-peer-urls", "http://" + peer, "--initial-advertise-peer-urls", "http://" + peer, "--initial-cluster", "default=http://" + peer,
	}
	p.start()
	t.Cleanup(p.kill)
	var prefixes atomic.Int64
	newStore := func(t *testing.T) func() release.Store {
		return opener(t, fmt.Sprintf("etcd://%s/tests/%d", p.address, prefixes.Add(1)))
	}
	storetest.Run(t, newStore)
	t.Run("Killed", func(t *testing.T) {
		report := fleet{
			Open: newStore(t), Replicas: *replicas, Releases: *releases, Interval: 200 * time.Millisecond,
			Disturb: p.restart,
		}.run(t)
		t.Log(report)
	})
}

// TestEtcdFleet reports how long releases take to be visible.
func TestEtcdFleet(t *testing.T) {
	hosts := startCluster(t, 1).hosts()
	report := fleet{Open: opener(t, "etcd://"+hosts+"/fleet"), Replicas: *replicas, Releases: *releases, Datasets: *datasets}.run(t)
	t.Log(report)
}

// TestEtcdPushers lets two pushers race, while blobs are pruned as early as possible.
func TestEtcdPushers(t *testing.T) {
	hosts := startCluster(t, 1).hosts()
	open := opener(t, "etcd://"+hosts+"/fleet")
	report := fleet{
		Open: open, Replicas: 3, Pushers: 2, Releases: *releases,
		Disturb: func() {
			s := open()
			defer s.Close()
			_, _ = (&release.Repository{Store: s}).Prune(t.Context(), 1<<20, 0)
		},
	}.run(t)
	t.Log(report)
}

// TestEtcdCompaction compacts what replicas watch while they are cut off, and while not.
func TestEtcdCompaction(t *testing.T) {
	c := startCluster(t, 1)
	client, p := c.client(), newProxy(t, c.hosts())
	compact := func() {
		resp, err := client.Put(t.Context(), "other", "")
		require.NoError(t, err)
		_, err = client.Compact(t.Context(), resp.Header.Revision)
		require.NoError(t, err)
	}
	report := fleet{
		Open: opener(t, "etcd://"+p.Listen+"/fleet"), Replicas: *replicas, Releases: *releases, Interval: 200 * time.Millisecond,
		Disturb: func() {
			compact()
			p.Stop()
			compact()
			require.NoError(t, p.Start())
			time.Sleep(100 * time.Millisecond)
		},
	}.run(t)
	t.Log(report)
}

// TestEtcdRestart stops the only member and starts it again.
func TestEtcdRestart(t *testing.T) {
	c := startCluster(t, 1)
	report := fleet{
		Open: opener(t, "etcd://"+c.hosts()+"/fleet"), Replicas: *replicas, Releases: *releases, Interval: 200 * time.Millisecond,
		Disturb: func() {
			c.stop(0)
			c.start(0)
			time.Sleep(300 * time.Millisecond)
		},
	}.run(t)
	t.Log(report)
}

// TestEtcdLeader stops the leader of three members again and again.
func TestEtcdLeader(t *testing.T) {
	c := startCluster(t, 3)
	report := fleet{
		Open: opener(t, "etcd://"+c.hosts()+"/fleet"), Replicas: *replicas, Releases: *releases, Interval: 200 * time.Millisecond,
		Disturb: func() {
			i := c.leader()
			require.GreaterOrEqual(t, i, 0, "there is a leader")
			c.stop(i)
			require.Eventually(t, func() bool { return c.leader() >= 0 }, 10*time.Second, 10*time.Millisecond)
			time.Sleep(300 * time.Millisecond)
			c.start(i)
			c.ready(c.members[i])
		},
	}.run(t)
	t.Log(report)
}

// TestEtcdConnection cuts and stalls connections.
func TestEtcdConnection(t *testing.T) {
	p := newProxy(t, startCluster(t, 1).hosts())
	report := fleet{
		Open: opener(t, "etcd://"+p.Listen+"/fleet"), Replicas: *replicas, Releases: *releases, Interval: 200 * time.Millisecond,
		Disturb: p.disturb,
	}.run(t)
	t.Log(report)
}

// TestEtcdUnfinished checks that nothing is left of a value that was not completed.
func TestEtcdUnfinished(t *testing.T) {
	c := startCluster(t, 1)
	client := c.client()
	count := func() int64 {
		resp, err := client.Get(t.Context(), "", clientv3.WithPrefix(), clientv3.WithCountOnly())
		require.NoError(t, err)
		return resp.Count
	}
	p := newProxy(t, c.hosts())
	s := opener(t, "etcd://"+p.Listen)()
	defer s.Close()
	value := make([]byte, 4<<20)
	require.NoError(t, s.Create(t.Context(), "blobs/a", value))
	whole := count()
	require.EqualValues(t, 9, whole, "a head and eight chunks")

	p.slow(t, 2<<10)
	created := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() { created <- s.Create(ctx, "blobs/b", value) }()
	require.Eventually(t, func() bool { return count() > whole }, 10*time.Second, time.Millisecond, "chunks of the second value")
	p.Stop()
	require.Error(t, <-created)
	require.Greater(t, count(), whole)
	leases, err := client.Leases(t.Context())
	require.NoError(t, err)
	require.Len(t, leases.Leases, 1)
	_, err = client.Revoke(t.Context(), leases.Leases[0].ID) // as when it expires
	require.NoError(t, err)
	require.Equal(t, whole, count())

	p.Toxics.ResetToxics(t.Context())
	require.NoError(t, p.Start())
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, s.Create(t.Context(), "blobs/b", value))
	}, 20*time.Second, 50*time.Millisecond, "once the client has connected again")
	require.NoError(t, s.Delete(t.Context(), "blobs/a"))
	require.NoError(t, s.Delete(t.Context(), "blobs/b"))
	require.Zero(t, count())
	leases, err = client.Leases(t.Context())
	require.NoError(t, err)
	require.Empty(t, leases.Leases)
}

// TestEtcdMalformed checks that what the store did not write is refused.
func TestEtcdMalformed(t *testing.T) {
	c := startCluster(t, 1)
	client, s := c.client(), opener(t, "etcd://"+c.hosts())()
	defer s.Close()
	value := make([]byte, 1<<20)
	require.NoError(t, s.Create(t.Context(), "blobs/whole", value))
	chunks, err := client.Get(t.Context(), "chunks/", clientv3.WithPrefix(), clientv3.WithKeysOnly())
	require.NoError(t, err)
	require.Len(t, chunks.Kvs, 2)
	for name, test := range map[string]func() error{
		"no head":         func() error { return put(client, "blobs/whole", "hello") },
		"no JSON":         func() error { return put(client, "blobs/whole", "hello\n") },
		"another size":    func() error { return put(client, "blobs/whole", `{"size":3}`+"\nab") },
		"negative size":   func() error { return put(client, "blobs/whole", `{"size":-1,"chunks":"x"}`+"\n") },
		"no chunks":       func() error { return put(client, "blobs/whole", `{"size":5,"chunks":"x"}`+"\n") },
		"chunks of other": func() error { return put(client, "blobs/whole", `{"size":5,"chunks":"x/y"}`+"\n") },
		"chunk too long":  func() error { return put(client, string(chunks.Kvs[1].Key), strings.Repeat("x", 1<<20)) },
		"chunk too short": func() error { return put(client, string(chunks.Kvs[1].Key), "x") },
		"empty chunk":     func() error { return put(client, string(chunks.Kvs[1].Key), "") },
		"one chunk":       func() error { _, err := client.Delete(context.Background(), string(chunks.Kvs[1].Key)); return err },
	} {
		before, err := client.Get(t.Context(), "", clientv3.WithPrefix())
		require.NoError(t, err)
		require.NoError(t, test(), name)
		_, err = s.Get(t.Context(), "blobs/whole", 1<<30)
		assert.ErrorIs(t, err, release.ErrMalformed, name)
		for _, kv := range before.Kvs {
			require.NoError(t, put(client, string(kv.Key), string(kv.Value)))
		}
	}
	got, err := s.Get(t.Context(), "blobs/whole", 1<<30)
	require.NoError(t, err)
	require.Equal(t, value, got)

	require.NoError(t, put(client, "blobs/whole", "hello"))
	for _, err := range s.List(t.Context(), "blobs/", "") {
		require.ErrorIs(t, err, release.ErrMalformed)
	}
	require.NoError(t, s.Delete(t.Context(), "blobs/whole"), "so that it can be stored again")
	require.NoError(t, s.Create(t.Context(), "blobs/whole", value))
}

func put(c *clientv3.Client, key, value string) error {
	_, err := c.Put(context.Background(), key, value)
	return err
}

// TestEtcdUser checks access by a password, also if the server cannot be reached at first.
func TestEtcdUser(t *testing.T) {
	c := startCluster(t, 1)
	client := c.client()
	for _, do := range []func() error{
		func() error { _, err := client.RoleAdd(t.Context(), "root"); return err },
		func() error { _, err := client.UserAdd(t.Context(), "root", "secret"); return err },
		func() error { _, err := client.UserGrantRole(t.Context(), "root", "root"); return err },
		func() error { _, err := client.AuthEnable(t.Context()); return err },
	} {
		require.NoError(t, do())
	}
	p := newProxy(t, c.hosts())
	p.Stop()
	s := opener(t, "etcd://root:secret@"+p.Listen+"/a")()
	defer s.Close()
	err := s.Create(t.Context(), "blobs/a", []byte("1"))
	require.ErrorContains(t, err, "connection refused")
	require.NoError(t, p.Start())
	require.NoError(t, s.Create(t.Context(), "blobs/a", []byte("1")))

	for user, want := range map[string]string{"": "user name is empty", "root:wrong@": "authentication failed"} {
		s := opener(t, "etcd://"+user+c.hosts()+"/a")()
		_, err := s.Get(t.Context(), "blobs/a", 10)
		assert.ErrorContains(t, err, want)
		require.NoError(t, s.Close())
	}
	t.Setenv("ETCDCTL_USER", "root")
	t.Setenv("ETCDCTL_PASSWORD", "secret")
	t.Setenv("ETCDCTL_ENDPOINTS", "http://"+c.hosts())
	byEnvironment := opener(t, "etcd:///a")()
	defer byEnvironment.Close()
	value, err := byEnvironment.Get(t.Context(), "blobs/a", 10)
	require.NoError(t, err)
	assert.Equal(t, "1", string(value))
}

// TestEtcdTLS checks certificates of the server and of the client.
func TestEtcdTLS(t *testing.T) {
	// A certificate that is its own authority serves as both.
	self, err := transport.SelfCert(zap.NewNop(), t.TempDir(), []string{loopbacktest.Address(t)}, 1, x509.ExtKeyUsageClientAuth)
	require.NoError(t, err)
	c := startCluster(t, 1, func(config *embed.Config) {
		config.ListenClientUrls[0].Scheme, config.AdvertiseClientUrls[0].Scheme = "https", "https"
		config.ClientTLSInfo = transport.TLSInfo{CertFile: self.CertFile, KeyFile: self.KeyFile, TrustedCAFile: self.CertFile, ClientCertAuth: true}
	})
	t.Setenv("ETCDCTL_CERT", self.CertFile)
	t.Setenv("ETCDCTL_KEY", self.KeyFile)
	s := opener(t, "etcd://"+c.hosts()+"/a?cacert="+self.CertFile)()
	defer s.Close()
	require.NoError(t, s.Create(t.Context(), "blobs/a", []byte("1")))

	for query, want := range map[string]string{
		"?insecure-transport=true":            "error reading server preface",
		"?cert=&key=&cacert=" + self.CertFile: "etcd: ",
		"":                                    "certificate signed by unknown authority",
	} {
		s := opener(t, "etcd://"+c.hosts()+"/a"+query)()
		_, err := s.Get(t.Context(), "blobs/a", 10)
		assert.ErrorContains(t, err, want, query)
		require.NoError(t, s.Close())
	}
}

// A process is a server that runs as a process.
type process struct {
	*testing.T
	path    string
	args    []string
	env     []string
	address string
	cmd     *exec.Cmd
}

// start starts it and waits until it listens.
func (p *process) start() {
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Env = append(os.Environ(), p.env...)
	require.NoError(p, p.cmd.Start())
	awaitListener(p, p.address)
}

// kill kills it as kill -9 does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// restart kills it, and lets it run for a moment after it was started again.
func (p *process) restart() {
	p.kill()
	p.start()
	time.Sleep(300 * time.Millisecond)
}
