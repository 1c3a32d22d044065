package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHandler(t *testing.T) {
	w, err := watcher.Open(t.Context(), "../datasets")
	require.NoError(t, err)
	defer w.Close()
	h := newHandler(w)
	ask := func(method, path string) (int, string) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(method, "http://localhost"+path, nil))
		return rec.Code, rec.Body.String()
	}
	code, body := ask(http.MethodGet, "/path/gpt2-xl")
	assert.Equal(t, http.StatusOK, code)
	assert.Equal(t, "https://openaipublic.blob.core.windows.net/neuron-explainer/data/collated-activations/\n", body)
	code, body = ask(http.MethodGet, "/path/gpt5")
	assert.Equal(t, http.StatusNotFound, code)
	assert.Contains(t, body, "gpt2-xl")

	want, err := os.ReadFile("../testdata/transformer_debugger_datasets.json")
	require.NoError(t, err)
	code, body = ask(http.MethodPost, "/neurons/neuron_datasets_metadata")
	assert.Equal(t, http.StatusOK, code)
	assert.JSONEq(t, string(want), body)
}

func TestRunEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, "../datasets", "127.0.0.1:0") }()
	cancel()
	if err := <-done; err != nil {
		require.ErrorIs(t, err, context.Canceled, "canceled while loading")
	}
	assert.Error(t, run(t.Context(), "nowhere", "127.0.0.1:0"))
}
