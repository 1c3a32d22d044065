package command

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func registryOf(t *testing.T, specs ...registry.Spec) *registry.Registry {
	t.Helper()
	reg := registry.New()
	for i := range specs {
		specs[i].UserVisibleName = "n"
	}
	_, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "a", Datasets: specs}}})
	require.NoError(t, err)
	return reg
}

func TestRecordsHandler(t *testing.T) {
	const data = "../../records/testdata"
	reg := registryOf(t, registry.Spec{ShortName: "m", DerivedScalarType: registry.MLPPostAct, NeuronDatasetPath: data + "/mlp"})
	cmd := &cobra.Command{Use: "serve"}
	cmd.Flags().String("config", "", "")
	addRecordFlags(cmd)
	cmd.Flags().Bool("expose-paths", false, "")
	require.NoError(t, cmd.ParseFlags([]string{"--record-cache", t.TempDir(), "--allow-path", "https://host.example/data"}))
	s := new(settings)
	require.NoError(t, s.load(cmd))
	w := httptest.NewRecorder()
	newRecordsHandler(s, reg, newStore(s)).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/neuron_record",
		strings.NewReader(`{"dst":"mlp_post_act","layerIndex":0,"activationIndex":0,"datasets":["m"]}`)))
	assert.Equal(t, http.StatusOK, w.Code, w.Body.String())
	for _, prefix := range []string{"https://", "https://a@b.example/", "data", "http://host.example/"} {
		assert.Error(t, cmd.ParseFlags([]string{"--allow-path", prefix}), prefix)
	}
}

func TestLogViewer(t *testing.T) {
	reg := registryOf(t, registry.Spec{ShortName: "a", DerivedScalarType: registry.Logits, NeuronDatasetPath: "p"},
		registry.Spec{ShortName: "a_b", DerivedScalarType: registry.MLPPostAct, NeuronDatasetPath: "p"},
		registry.Spec{ShortName: "a", DerivedScalarType: registry.MLPPostAct, NeuronDatasetPath: "p"})
	for safe, want := range map[bool]string{
		true:  `msg="datasets hidden from the neuron viewer" count=2 datasets="a/logits, a_b/mlp_post_act"`,
		false: `datasets=a/logits`,
	} {
		var out bytes.Buffer
		logViewerFaults(reg.Snapshot(), safe, slog.New(slog.NewTextHandler(&out, nil)))
		assert.Contains(t, out.String(), want)
		assert.Equal(t, 1, strings.Count(out.String(), "\n"))
	}
}
