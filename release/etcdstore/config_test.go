package etcdstore

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConfig(t *testing.T) {
	for _, test := range []struct {
		url       string
		env       map[string]string
		endpoints []string
		user      string
		password  string
		tls       bool
		err       string
	}{
		{url: "etcd:///a", endpoints: []string{"127.0.0.1:2379"}},
		{url: "etcd://one/a", endpoints: []string{"one:2379"}},
		{url: "etcd://one:1,two:2/a", endpoints: []string{"one:1", "two:2"}},
		{url: "etcd://one,two/a", endpoints: []string{"one:2379", "two:2379"}},
		{url: "etcd://[::1]:1/a", endpoints: []string{"[::1]:1"}},
		{url: "etcd://[::1]/a", endpoints: []string{"[::1]:2379"}},
		{url: "etcd://one,,two/a", err: "must be a list of addresses"},
		{url: "etcd:///a", env: map[string]string{"ETCDCTL_ENDPOINTS": "https://one:1,http://two"}, endpoints: []string{"one:1", "two:2379"}},
		{url: "etcd://three/a", env: map[string]string{"ETCDCTL_ENDPOINTS": "one:1"}, endpoints: []string{"three:2379"}},
		{url: "etcd://name:secret@one/a", endpoints: []string{"one:2379"}, user: "name", password: "secret"},
		{url: "etcd://name@one/a", env: map[string]string{"ETCDCTL_PASSWORD": "secret"}, endpoints: []string{"one:2379"}, user: "name", password: "secret"},
		{url: "etcd://one/a", env: map[string]string{"ETCDCTL_USER": "name:secret"}, endpoints: []string{"one:2379"}, user: "name", password: "secret"},
		{url: "etcd://other:word@one/a", env: map[string]string{"ETCDCTL_USER": "name:secret"}, endpoints: []string{"one:2379"}, user: "other", password: "word"},
		{url: "etcd://one/a?insecure-transport=false", endpoints: []string{"one:2379"}, tls: true},
		{url: "etcd://one/a", env: map[string]string{"ETCDCTL_INSECURE_TRANSPORT": "false"}, endpoints: []string{"one:2379"}, tls: true},
		{url: "etcd://one/a?insecure-transport=true", env: map[string]string{"ETCDCTL_INSECURE_TRANSPORT": "false"}, endpoints: []string{"one:2379"}},
		{url: "etcd://one/a?insecure-transport=perhaps", err: `insecure-transport must be true or false, not "perhaps"`},
		{url: "etcd://one/a?cacert=missing.pem", err: "missing.pem"},
		{url: "etcd://one/a?cert=missing.pem", err: "cert and key must be given together"},
		{url: "etcd://one/a?insecure-transport=false&key=missing.pem", err: "cert and key must be given together"},
		{url: "etcd://one/a?ca-cert=x", err: `unknown parameter "ca-cert"; known: cacert`},
	} {
		u, err := url.Parse(test.url)
		require.NoError(t, err)
		c, err := configOf(u, func(name string) string { return test.env[name] })
		if test.err != "" {
			assert.ErrorContains(t, err, test.err, test.url)
			continue
		}
		require.NoError(t, err, test.url)
		assert.Equal(t, test.endpoints, c.Endpoints, test.url)
		assert.Equal(t, test.user, c.Username, test.url)
		assert.Equal(t, test.password, c.Password, test.url)
		assert.Equal(t, test.tls, c.TLS != nil, test.url)
	}
}
