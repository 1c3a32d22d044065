package enginetest

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

var (
	replicas = flag.Int("fleet.replicas", 5, "number of replicas of each fleet")
	releases = flag.Int("fleet.releases", 10, "number of releases of each pusher")
	interval = flag.Duration("fleet.interval", 200*time.Millisecond, "interval of the replicas of S3, where times are reported")
	datasets = flag.Int("fleet.datasets", 100, "number of datasets of each release, where times are reported")
)

func TestMain(m *testing.M) {
	// A link of toxiproxy may not end if its toxics change as its connection closes.
	ignored := []goleak.Option{
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"),
	}
	if flag.Parse(); *emulators { // the clients of Google and Azure keep connections that they do not use
		ignored = append(ignored, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
	}
	code := m.Run()
	if leak := findLeak(ignored); leak != nil && code == 0 {
		fmt.Fprintln(os.Stderr, leak)
		code = 1
	}
	os.Exit(code)
}

// findLeak returns an error if goroutines do not end. An engine that is closed does not wait for
// those of its connections, and on a loaded machine they may need longer than goleak waits.
func findLeak(ignored []goleak.Option) error {
	for range 9 {
		if goleak.Find(ignored...) == nil {
			return nil
		}
	}
	return goleak.Find(ignored...)
}

// awaitListener waits until a server listens on an address.
func awaitListener(t require.TestingT, address string) {
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, 20*time.Second, 10*time.Millisecond, "no server listens on %s", address)
}

// A proxy is between replicas and an engine.
type proxy struct{ *toxiproxy.Proxy }

// newProxy starts a proxy that stops at the end of the test.
func newProxy(t *testing.T, upstream string) proxy {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	p := proxy{toxiproxy.NewProxy(server, "engine", "127.0.0.1:0", upstream)}
	require.NoError(t, p.Start())
	t.Cleanup(p.Stop)
	return p
}

// slow limits what is sent to a number of KiB a second.
func (p proxy) slow(t *testing.T, rate int) {
	t.Helper()
	_, err := p.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"type":"bandwidth","stream":"upstream","attributes":{"rate":%d}}`, rate)))
	require.NoError(t, err)
}

// disturb cuts all connections for a moment, and then lets them stall for longer than that.
func (p proxy) disturb() {
	p.Stop()
	time.Sleep(100 * time.Millisecond)
	_ = p.Start()
	time.Sleep(300 * time.Millisecond)
	_, _ = p.Toxics.AddToxicJson(strings.NewReader(`{"type":"timeout","attributes":{"timeout":0}}`))
	time.Sleep(time.Second)
	p.Toxics.ResetToxics(context.Background())
	time.Sleep(300 * time.Millisecond)
}
