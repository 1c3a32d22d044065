package records_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const smallBody = `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["m"]}`

// TestSlowStorage checks that requests for records of storage that does not answer delay no others.
func TestSlowStorage(t *testing.T) {
	release := make(chan struct{})
	asked := make(chan struct{}, 100)
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	}))
	t.Cleanup(srv.Close)
	all := append(specs(), registry.Spec{ShortName: "slow", DerivedScalarType: registry.MLPPostAct, NeuronDatasetPath: srv.URL})
	h := handler(t, &records.Store{Transport: srv.Client().Transport}, all)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	const n = 20
	for i := range n {
		body := strings.NewReader(fmt.Sprintf(`{"dst":"mlp_post_act","layerIndex":0,"activationIndex":%d,"datasets":["slow"]}`, i))
		wg.Go(func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/neuron_record", body).WithContext(ctx))
			assert.Equal(t, http.StatusGatewayTimeout, w.Code)
		})
	}
	for range n {
		<-asked
	}
	assert.Equal(t, http.StatusOK, post(h, "/neuron_record", smallBody).Code)
	cancel()
	wg.Wait()
	close(release)
}

// TestSlowClients checks that clients that do not read large answers keep only a few of them in
// memory, and delay no others.
func TestSlowClients(t *testing.T) {
	const n = 10_000 // of tokens of 1 KiB: more than is sent to a client that does not read
	token := strings.Repeat("a", 1<<10)
	large := `{"most_positive_activation_records":[{"tokens":[` + strings.Repeat(`"`+token+`",`, n-1) + `"a"],"activations":[` + strings.Repeat("1,", n-1) + `1]}]}`
	storage := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(large)) }))
	t.Cleanup(storage.Close)
	all := append(specs(), registry.Spec{ShortName: "large", DerivedScalarType: registry.MLPPostAct, NeuronDatasetPath: storage.URL})
	srv := httptest.NewServer(handler(t, &records.Store{Transport: storage.Client().Transport}, all))
	t.Cleanup(srv.Close)
	ask := func(name string) *http.Response {
		resp, err := srv.Client().Post(srv.URL+"/neuron_record", "application/json", strings.NewReader(strings.Replace(smallBody, `"m"`, `"`+name+`"`, 1)))
		require.NoError(t, err)
		return resp
	}
	var unread []*http.Response
	for range 2 {
		resp := ask("large")
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		unread = append(unread, resp)
	}
	for range 2 {
		resp := ask("large")
		assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		assert.Equal(t, "10", resp.Header.Get("Retry-After"))
		resp.Body.Close()
		resp = ask("m")
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		resp.Body.Close()
	}
	for _, resp := range unread {
		var answer struct{ TopActivations [][]struct{} }
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
		require.Len(t, answer.TopActivations, 1)
		assert.Len(t, answer.TopActivations[0], n)
		resp.Body.Close()
	}
}
