package httpstore_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cutter cuts the connection in the middle of some responses.
func cutter(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rand.N(40) == 0 {
			w = &cut{w, rand.N(200)}
		}
		h.ServeHTTP(w, r)
	})
}

type cut struct {
	http.ResponseWriter
	after int // bytes of the body
}

func (c *cut) Write(p []byte) (int, error) {
	if len(p) > c.after {
		_, _ = c.ResponseWriter.Write(p[:c.after])
		panic(http.ErrAbortHandler)
	}
	c.after -= len(p)
	return c.ResponseWriter.Write(p)
}

// historyDocuments is the number of documents of each release, which has the same path in all.
const historyDocuments = 12

// A history is the releases that a node served, by the paths of its datasets.
type history []int

// record returns what a node serves until it serves a release. It fails if a state is not
// that of one release.
func (n *node) record(last int) (served history, err error) {
	timeout := time.AfterFunc(2*within, func() { _ = n.w.Close() })
	defer timeout.Stop()
	for u := range n.w.Updates(n.Context()) {
		paths := make(map[string]int)
		for d := range u.After.All() {
			paths[d.NeuronDatasetPath()]++
		}
		for path, count := range paths {
			if len(paths) != 1 || count != historyDocuments {
				return served, fmt.Errorf("a mixture of releases: %v", paths)
			}
			number, err := strconv.Atoi(path)
			if err != nil {
				return served, err
			}
			served = append(served, number)
			if number == last {
				return served, nil
			}
		}
	}
	return served, fmt.Errorf("release %d never came", last)
}

// reach waits until a node serves a release.
func (n *node) reach(number int) {
	n.Helper()
	_, err := n.record(number)
	require.NoError(n, err)
}

// TestHistories publishes releases to followers of relays that are stopped and started, while
// connections are cut. Each follower serves whole releases only, in order, and the last one.
func TestHistories(t *testing.T) {
	const releases = 30
	p := newPublisher(t)
	publish := func(number int) {
		t.Helper()
		put := make(map[string]string)
		for i := range historyDocuments {
			put[fmt.Sprintf("%d.json", i)] = fmt.Sprintf(`{"shortName":"a%d","derivedScalarType":"mlp_post_act","userVisibleName":"A","neuronDatasetPath":"%d"}`, i, number)
		}
		require.NoError(t, p.apply(put, nil))
	}
	publish(1)
	origin := newNode(t).start(p.store, "")
	relays := []*node{newNode(t), newNode(t)}
	begin := func(i int) {
		relays[i].interval = 100 * time.Millisecond
		up := origin.url
		if i > 0 {
			up = relays[i-1].url
		}
		relays[i].start(nil, up)
		h := cutter(*relays[i].handler.Load())
		relays[i].handler.Store(&h)
	}
	begin(0)
	begin(1)
	var followers []*node
	for _, relay := range relays {
		for i := range 4 {
			n := newNode(t)
			if n.interval = 100 * time.Millisecond; i%2 == 0 {
				n.interval = 3 * time.Second // which is long enough for long polls
			}
			followers = append(followers, n.start(nil, relay.url))
		}
	}
	histories, errs := make([]history, len(followers)), make([]error, len(followers))
	var recorded sync.WaitGroup
	for i, n := range followers {
		recorded.Go(func() { histories[i], errs[i] = n.record(releases) })
	}
	for number := 2; number <= releases; number++ {
		publish(number)
		if number%7 == 0 {
			i := rand.N(len(relays))
			relays[i].stop()
			begin(i)
		}
		relays[0].reach(number)
	}
	recorded.Wait()
	for i, served := range histories {
		require.NoError(t, errs[i], "follower %d: %v", i, served)
		assert.IsIncreasing(t, served, "follower %d", i)
		t.Logf("follower %d served %d of %d releases", i, len(served), releases)
	}
}
