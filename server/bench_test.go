package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
	"github.com/neurondex/neurondex/server/metrics"
	"github.com/neurondex/neurondex/watcher"
)

// BenchmarkServe compares the hot routes, as the command serves them, with net/http serving a
// fixed byte slice of the same length.
func BenchmarkServe(b *testing.B) {
	nine := builtinRegistry(b)
	large := registry.New()
	doc := registry.Document{Name: "a"}
	for i := range 100_000 {
		doc.Datasets = append(doc.Datasets, registry.Spec{ShortName: fmt.Sprint("model-", i), DerivedScalarType: "mlp_post_act", UserVisibleName: fmt.Sprint("Model ", i), NeuronDatasetPath: "https://store.example/" + strconv.Itoa(i), Model: fmt.Sprint("m", i%1000)})
	}
	_, err := large.Apply(registry.Change{Put: []registry.Document{doc}})
	require.NoError(b, err)
	o := server.Options{LocalOrigins: true, AllowedHosts: []string{"localhost"}}
	o.Observe = metrics.New(func() watcher.Status { return watcher.Status{} }).Observe
	for _, tt := range []struct {
		name   string
		reg    *registry.Registry
		target string
		header []string
	}{
		{"metadata of nine", nine, "/neuron_datasets_metadata", nil},
		{"list of nine", nine, "/v1/datasets", nil},
		{"304", nine, "/v1/datasets", []string{"If-None-Match", `"` + nine.Snapshot().Hash().String() + `"`}},
		{"dataset", nine, "/v1/datasets/gpt2-small/mlp_post_act", nil},
		{"dataset of 100000", large, "/v1/datasets/model-77777/mlp_post_act", nil},
		{"page of 100000", large, "/v1/datasets?model=m77&limit=20", nil},
	} {
		h := server.New(tt.reg, o)
		w := ask(h, http.MethodGet, tt.target, tt.header...)
		body, status := w.Body.Bytes(), w.Code
		fixed := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if status != http.StatusOK {
				w.WriteHeader(status)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body)
		})
		b.Run(tt.name+"/fixed", func(b *testing.B) { ping(b, fixed, tt.target, tt.header...) })
		b.Run(tt.name+"/served", func(b *testing.B) { ping(b, h, tt.target, tt.header...) })
	}
}

// ping sends a request again and again over one connection of loopback.
func ping(b *testing.B, h http.Handler, target string, header ...string) {
	b.Helper()
	s := httptest.NewServer(h)
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(b, err)
	defer conn.Close()
	request := []byte("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n")
	for i := 0; i < len(header); i += 2 {
		request = append(request, header[i]+": "+header[i+1]+"\r\n"...)
	}
	request = append(request, "\r\n"...)
	r := bufio.NewReaderSize(conn, 64<<10)
	exchange := func(read func()) {
		_, err := conn.Write(request)
		require.NoError(b, err)
		read()
	}
	size := 0
	exchange(func() { // every response has the size of the first one
		counted := &counter{r: r}
		resp, err := http.ReadResponse(bufio.NewReaderSize(counted, 16), nil)
		require.NoError(b, err)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(b, err)
		size = counted.n
	})
	b.ReportAllocs()
	for b.Loop() {
		exchange(func() {
			_, err := r.Discard(size)
			require.NoError(b, err)
		})
	}
}

// A counter counts the bytes that are read from r.
type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// BenchmarkHandler measures the handler alone.
func BenchmarkHandler(b *testing.B) {
	reg := builtinRegistry(b)
	h := server.New(reg, server.Options{LocalOrigins: true, AllowedHosts: []string{"localhost"}})
	tag := `"` + reg.Snapshot().Hash().String() + `"`
	for _, tt := range []struct{ name, method, target, tag string }{
		{"metadata", http.MethodPost, "/neuron_datasets_metadata", ""},
		{"list", http.MethodGet, "/v1/datasets", ""},
		{"304", http.MethodGet, "/v1/datasets", tag},
		{"dataset", http.MethodGet, "/v1/datasets/gpt2-small/mlp_post_act", ""},
		{"page", http.MethodGet, "/v1/datasets?limit=5", ""},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			r := httptest.NewRequest(tt.method, "http://localhost:8000"+tt.target, nil)
			if tt.tag != "" {
				r.Header.Set("If-None-Match", tt.tag)
			}
			w := discard{make(http.Header)}
			for b.Loop() {
				clear(w.header)
				h.ServeHTTP(w, r)
			}
		})
	}
}

// A discard is a response that is thrown away.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) WriteHeader(int)             {}
func (discard) Write(p []byte) (int, error) { return len(p), nil }
