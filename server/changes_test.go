package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/internal/spectest"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEveryChange changes one field of a dataset from one value to another: every response
// that has the field must change, and no client may keep the old one.
func TestEveryChange(t *testing.T) {
	full := spectest.Full()
	dataset := func(s registry.Spec) string {
		return "/v1/datasets/" + url.PathEscape(s.ShortName) + "/" + url.PathEscape(string(s.DerivedScalarType))
	}
	for name, changed := range spectest.Changes() {
		t.Run(name, func(t *testing.T) {
			var reg registry.Registry
			h := server.New(&reg, server.Options{})
			set := func(s registry.Spec) {
				_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "d", Datasets: []registry.Spec{s}}}})
				require.NoError(t, err)
			}
			set(full)
			paths := []string{"/v1/datasets", dataset(full)}
			if field, _, _ := strings.Cut(name, ":"); required[field] {
				paths = append(paths, "/neuron_datasets_metadata")
			}
			before := map[string]string{}
			etags := map[string]string{}
			for _, path := range paths {
				w := ask(h, http.MethodGet, path)
				require.Equal(t, http.StatusOK, w.Code, path)
				before[path], etags[path] = w.Body.String(), w.Header().Get("ETag")
				if path == dataset(full) {
					continue // which is small, and has no ETag
				}
				assert.NotEmpty(t, etags[path], path)
				assert.Equal(t, http.StatusNotModified, ask(h, http.MethodGet, path, "If-None-Match", etags[path]).Code, path)
			}
			set(changed)
			for _, path := range paths {
				w := ask(h, http.MethodGet, path, "If-None-Match", etags[path])
				if path == dataset(full) && changed.Key() != full.Key() {
					assert.Equal(t, http.StatusNotFound, w.Code, path)
					continue
				}
				assert.Equal(t, http.StatusOK, w.Code, path)
				assert.NotEqual(t, before[path], w.Body.String(), path)
				if path != dataset(full) {
					assert.NotEqual(t, etags[path], w.Header().Get("ETag"), path)
				}
			}
			d, err := reg.Snapshot().Get(changed.ShortName, changed.DerivedScalarType)
			require.NoError(t, err)
			assert.JSONEq(t, string(d.AppendJSON(nil)), ask(h, http.MethodGet, dataset(changed)).Body.String())
			var list struct{ Datasets []json.RawMessage }
			require.NoError(t, json.Unmarshal(ask(h, http.MethodGet, "/v1/datasets").Body.Bytes(), &list))
			require.Len(t, list.Datasets, 1)
			assert.JSONEq(t, string(d.AppendJSON(nil)), string(list.Datasets[0]))
		})
	}
}

// required are the fields that /neuron_datasets_metadata has.
var required = map[string]bool{"ShortName": true, "DerivedScalarType": true, "UserVisibleName": true, "NeuronDatasetPath": true}
