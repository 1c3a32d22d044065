package etcdstore

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/neurondex/neurondex/release"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

func init() { release.Register("etcd", open) }

const (
	defaultPort = "2379"
	dialTimeout = 5 * time.Second // of a login

	// After keepAliveTime without data the client sends a ping. It closes the connection if
	// there is no response for keepAliveTimeout.
	keepAliveTime    = 10 * time.Second
	keepAliveTimeout = 5 * time.Second

	// maxRetries is how often the client repeats a request that no member executed, at another
	// member or after 25 ms. Users of a store retry with backoff.
	maxRetries = 10
)

func open(_ context.Context, u *url.URL) (release.Store, error) {
	config, err := configOf(u, os.Getenv)
	if err != nil {
		return nil, err
	}
	dial := func() (*clientv3.Client, error) { return clientv3.New(config) }
	return newStore(dial, strings.Trim(u.Path, "/")), nil
}

// configOf returns the configuration of a client, as a URL and the environment say.
func configOf(u *url.URL, getenv func(string) string) (c clientv3.Config, err error) {
	query := u.Query()
	setting := func(name string) string {
		if query.Has(name) {
			return query.Get(name)
		}
		return getenv("ETCDCTL_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
	}
	isTrue := func(name string, otherwise bool) (bool, error) {
		text := setting(name)
		if text == "" {
			return otherwise, nil
		}
		value, err := strconv.ParseBool(text)
		if err != nil {
			return false, fmt.Errorf("%s must be true or false, not %q", name, text)
		}
		return value, nil
	}
	for name := range query {
		switch name {
		case "cacert", "cert", "key", "insecure-transport", "insecure-skip-tls-verify":
		default:
			return c, fmt.Errorf("unknown parameter %q; known: cacert, cert, key, insecure-transport, insecure-skip-tls-verify", name)
		}
	}
	files := transport.TLSInfo{TrustedCAFile: setting("cacert"), CertFile: setting("cert"), KeyFile: setting("key")}
	plain, err := isTrue("insecure-transport", files.TrustedCAFile == "" && files.CertFile == "")
	if err != nil {
		return c, err
	}
	if files.InsecureSkipVerify, err = isTrue("insecure-skip-tls-verify", false); err != nil {
		return c, err
	}
	if !plain {
		if c.TLS, err = tlsConfig(files); err != nil {
			return c, err
		}
	}
	c.Username, c.Password = user(u, getenv)
	if c.Endpoints, err = endpoints(cmp.Or(u.Host, getenv("ETCDCTL_ENDPOINTS"), "127.0.0.1")); err != nil {
		return c, err
	}
	c.DialTimeout = dialTimeout
	c.DialKeepAliveTime, c.DialKeepAliveTimeout = keepAliveTime, keepAliveTimeout
	c.MaxCallRecvMsgSize = maxResponse
	c.MaxUnaryRetries = maxRetries
	c.DialOptions = []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(failFast),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: dialTimeout}),
	}
	c.Logger = zap.NewNop() // errors are returned
	return c, nil
}

// reconnect is the time between attempts to connect to a member.
var reconnect = backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second}

// failFast makes requests fail, with the reason, while no member can be reached. By default the
// client waits for a member until the context ends, and does not report the reason.
func failFast(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return invoke(ctx, method, req, reply, cc, append(opts, grpc.WaitForReady(false))...)
}

// tlsConfig returns a configuration that reads the client's certificate for each connection.
func tlsConfig(files transport.TLSInfo) (*tls.Config, error) {
	if (files.CertFile == "") != (files.KeyFile == "") {
		return nil, fmt.Errorf("cert and key must be given together")
	}
	return files.ClientConfig()
}

// user returns the user and the password.
func user(u *url.URL, getenv func(string) string) (name, password string) {
	if u.User != nil {
		name = u.User.Username()
		password, _ = u.User.Password()
	} else {
		name, password, _ = strings.Cut(getenv("ETCDCTL_USER"), ":")
	}
	return name, cmp.Or(password, getenv("ETCDCTL_PASSWORD"))
}

// endpoints returns the addresses of a list.
func endpoints(list string) ([]string, error) {
	var all []string
	for item := range strings.SplitSeq(list, ",") {
		_, address, found := strings.Cut(item, "://") // as in ETCDCTL_ENDPOINTS
		if !found {
			address = item
		}
		if _, _, err := net.SplitHostPort(address); err != nil {
			address = net.JoinHostPort(strings.Trim(address, "[]"), defaultPort)
		}
		host, _, err := net.SplitHostPort(address)
		if err != nil || host == "" {
			return nil, fmt.Errorf("%q must be a list of addresses, like 10.0.0.1:2379,10.0.0.2:2379", list)
		}
		all = append(all, address)
	}
	return all, nil
}
