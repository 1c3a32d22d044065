package records_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/registry"
	serverrecords "github.com/neurondex/neurondex/server/records"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const stored = "../../records/testdata"

func handler(tb testing.TB, store *records.Store, specs []registry.Spec, opts ...serverrecords.Option) http.Handler {
	tb.Helper()
	reg := registry.New()
	for i := range specs {
		specs[i].UserVisibleName = "n"
	}
	_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "a", Datasets: specs}}})
	require.NoError(tb, err)
	return serverrecords.New(reg, store, opts...)
}

func post(h http.Handler, route, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, route, strings.NewReader(body)))
	return w
}

func specs() []registry.Spec {
	return []registry.Spec{
		{ShortName: "m", DerivedScalarType: registry.MLPPostAct, NeuronDatasetPath: stored + "/mlp/", ExplanationDatasetPaths: []string{stored + "/missing", stored + "/expl"}},
		{ShortName: "empty", DerivedScalarType: registry.MLPPostAct, NeuronDatasetPath: stored + "/missing"},
		{ShortName: "org/m", DerivedScalarType: registry.MLPPostAct, NeuronDatasetPath: stored + "/mlp"},
		{ShortName: "m", DerivedScalarType: registry.AttnWriteNorm, NeuronDatasetPath: stored + "/attn"},
		{ShortName: "c", DerivedScalarType: "my_type", NeuronDatasetPath: stored + "/mlp"},
	}
}

func TestAnswers(t *testing.T) {
	h := handler(t, new(records.Store), specs())
	for _, tt := range []struct{ route, body, path, want string }{
		{"/neuron_record", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["empty","m"]}`, stored + "/mlp/", "neuron_record.json"},
		{"/neuron_record", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["org/m"]}`, stored + "/mlp", "neuron_record.json"},
		{"/neuron_record", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["` + stored + `/mlp"]}`, stored + "/mlp", "neuron_record.json"},
		{"/neuron_record", `{"dst":"my_type","layerIndex":0,"activationIndex":0,"datasets":["c"]}`, stored + "/mlp", "neuron_record.json"},
		{"/attention_head_record", `{"dst":"attn_write_norm","layerIndex":0,"activationIndex":0,"datasets":["m"]}`, stored + "/attn", "attention_head_record.json"},
	} {
		w := post(h, tt.route, tt.body)
		require.Equal(t, http.StatusOK, w.Code, w.Body.String())
		b, err := os.ReadFile(filepath.Join(stored, tt.want))
		require.NoError(t, err)
		var want, got map[string]any
		require.NoError(t, json.Unmarshal(b, &want))
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		want["dataset"] = tt.path
		requireKeys(t, want, got)
		assert.Equal(t, tt.path, got["dataset"])
	}
	want := `[{"explanation":"words about cats <b>","score":0.61,"datasetName":"expl"},{"explanation":"numbers","score":null,"datasetName":"expl"}]`
	for _, from := range []string{`"neuronDataset":"m"`, `"explanationDatasets":["` + stored + `/expl"]`, `"explanationDatasets":[],"neuronDataset":"` + stored + `/mlp"`} {
		w := post(h, "/existing_explanations", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,`+from+`}`)
		assert.Equal(t, http.StatusOK, w.Code)
		assert.JSONEq(t, want, w.Body.String())
	}
	w := post(h, "/existing_explanations", `{"dst":"mlp_post_act","layerIndex":7,"activationIndex":0,"neuronDataset":"m"}`)
	assert.Equal(t, "[]", w.Body.String())
}

// requireKeys requires the same names; the numbers are those of package records, tested there.
func requireKeys(t *testing.T, want, got map[string]any) {
	t.Helper()
	assert.Len(t, got, len(want))
	for k := range want {
		assert.Contains(t, got, k)
	}
}

func TestErrors(t *testing.T) {
	h := handler(t, new(records.Store), specs())
	for _, tt := range []struct {
		route, body string
		status      int
		message     string
	}{
		{"/neuron_record", `{`, 422, "malformed"},
		{"/neuron_record", ``, 422, "malformed"},
		{"/neuron_record", `[]`, 422, "malformed"},
		{"/neuron_record", `{"dst":"x","layerIndex":0,"activationIndex":0,"datasets":["m"]}`, 422, "dst"},
		{"/neuron_record", `{"layerIndex":0,"activationIndex":0,"datasets":["m"]}`, 422, "dst"},
		{"/neuron_record", `{"dst":"mlp_post_act","layerIndex":-1,"activationIndex":0,"datasets":["m"]}`, 422, "layerIndex"},
		{"/neuron_record", `{"dst":"mlp_post_act","layerIndex":"../0","activationIndex":0,"datasets":["m"]}`, 422, "malformed"},
		{"/neuron_record", `{"dst":"mlp_post_act","layerIndex":0,"datasets":["m"]}`, 422, "activationIndex"},
		{"/neuron_record", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":[]}`, 422, "datasets"},
		{"/neuron_record", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["m"` + strings.Repeat(`,"m"`, 100) + `]}`, 422, "exceeds the limit of 100 datasets"},
		{"/neuron_record", `{"dst":"mlp_post_act","layerIndex":1,"activationIndex":0,"datasets":["m"]}`, 404, "no record"},
		{"/neuron_record", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["emptyy"]}`, 404, `Did you mean ("empty", "mlp_post_act")`},
		{"/neuron_record", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["m","https://169.254.169.254/latest"]}`, 403, "--allow-path"},
		{"/neuron_record", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["` + stored + `/mlp/0"]}`, 403, "--allow-path"},
		{"/neuron_record", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["` + stored + `/mlp/../attn"]}`, 403, "--allow-path"},
		{"/neuron_record", `{"dst":"attn_write_norm","layerIndex":0,"activationIndex":0,"datasets":["m"]}`, 502, "activations"},
		{"/existing_explanations", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0}`, 400, "Exactly one of explanation_datasets and neuron_dataset must be specified."},
		{"/existing_explanations", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"explanationDatasets":["` + stored + `/expl"],"neuronDataset":"m"}`, 400, "Exactly one"},
		{"/existing_explanations", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"explanationDatasets":["/etc"]}`, 403, "--allow-path"},
	} {
		w := post(h, tt.route, tt.body)
		assert.Equal(t, tt.status, w.Code, tt.body)
		var got struct{ Message string }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		assert.Contains(t, got.Message, tt.message, tt.body)
	}
}

// TestPyTorch checks that a file that cannot be read is named where nothing else is found.
func TestPyTorch(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "0"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "0", "0.pt"), nil, 0o600))
	h := handler(t, new(records.Store), append(specs(), registry.Spec{ShortName: "pt", DerivedScalarType: registry.MLPPostAct, NeuronDatasetPath: dir}))
	w := post(h, "/neuron_record", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["pt"]}`)
	assert.Equal(t, http.StatusNotFound, w.Code)
	assert.JSONEq(t, `{"message":"no record of layer 0, index 0 in pt; file does not exist; a .pt file exists, but PyTorch files are not supported; convert it to .json"}`, w.Body.String())
	assert.Equal(t, http.StatusOK, post(h, "/neuron_record", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["pt","m"]}`).Code)
	h = handler(t, new(records.Store), []registry.Spec{{ShortName: "far", DerivedScalarType: registry.MLPPostAct, NeuronDatasetPath: dir + "/none", RecordFormat: "pt"}})
	w = post(h, "/neuron_record", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["far"]}`)
	assert.Contains(t, w.Body.String(), "in far; record_format of far/mlp_post_act is pt; only json is supported")
}

func TestAllowPaths(t *testing.T) {
	h := handler(t, new(records.Store), nil, serverrecords.AllowPaths(stored))
	for path, status := range map[string]int{
		stored + "/mlp": 200, stored + "/mlp/": 200, stored: 404, stored + "x/mlp": 403, stored + "/../testdata/mlp": 403,
		stored + "/mlp/..": 403, stored + "//etc": 403, stored + "/%2e%2e": 403, stored + "/a?b": 403, "/etc": 403,
	} {
		w := post(h, "/neuron_record", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["`+path+`"]}`)
		assert.Equal(t, status, w.Code, "%s: %s", path, w.Body)
	}
}

func TestHostileFiles(t *testing.T) {
	files := map[string]string{"html": "<html>error</html>", "deep": `{"a":` + strings.Repeat("[", 1<<20), "large": strings.Repeat(" ", 33<<20)}
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(files[strings.Split(r.URL.Path, "/")[1]]))
	}))
	t.Cleanup(srv.Close)
	for name := range files {
		h := handler(t, &records.Store{Transport: srv.Client().Transport}, []registry.Spec{
			{ShortName: "x", DerivedScalarType: registry.MLPPostAct, NeuronDatasetPath: srv.URL + "/" + name}})
		w := post(h, "/neuron_record", `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["x"]}`)
		assert.Equal(t, http.StatusBadGateway, w.Code, "%s: %s", name, w.Body)
	}
}

func BenchmarkCachedRecord(b *testing.B) {
	srv := httptest.NewTLSServer(http.FileServer(http.Dir(stored)))
	b.Cleanup(srv.Close)
	h := handler(b, &records.Store{Transport: srv.Client().Transport, CacheDir: b.TempDir()}, []registry.Spec{
		{ShortName: "x", DerivedScalarType: registry.MLPPostAct, NeuronDatasetPath: srv.URL + "/mlp"}})
	const body = `{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["x"]}`
	same := post(h, "/neuron_record", body).Body.Bytes()
	for name, h := range map[string]http.Handler{"record": h, "same-bytes": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(same) })} {
		b.Run(name, func(b *testing.B) {
			served := httptest.NewServer(h)
			defer served.Close()
			for b.Loop() {
				resp, err := http.Post(served.URL+"/neuron_record", "application/json", strings.NewReader(body))
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Fatal(resp, err)
				}
				var got json.RawMessage
				if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
		})
	}
}
