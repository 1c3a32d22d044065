package command

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFit(t *testing.T) {
	table := func() [][]string {
		return [][]string{
			{"SHORT NAME", "TYPE", "NAME", "PATH"},
			{"gpt2-small", "mlp_post_act", "GPT-2 small - MLP neurons", "https://host.example/neuron-explainer/collated-activations"},
			{"gpt2-small_ae-v4", "mlp_autoencoder_latent", "日本語の名前がここにあります", "https://host.example/x"},
			{"é", "ñ", "👩‍👩‍👧 family", ""},
		}
	}
	for _, tt := range []struct {
		width int
		want  string
	}{
		{1000, `SHORT NAME        TYPE                    NAME                          PATH
gpt2-small        mlp_post_act            GPT-2 small - MLP neurons     https://host.example/neuron-explainer/collated-activations
gpt2-small_ae-v4  mlp_autoencoder_latent  日本語の名前がここにあります  https://host.example/x
é                 ñ                       👩‍👩‍👧 family
`},
		{100, `SHORT NAME        TYPE                    NAME                          PATH
gpt2-small        mlp_post_act            GPT-2 small - MLP neurons     https://host.e…d-activations
gpt2-small_ae-v4  mlp_autoencoder_latent  日本語の名前がここにあります  https://host.example/x
é                 ñ                       👩‍👩‍👧 family
`},
		{70, `SHORT NAME        TYPE                    NAME                PATH
gpt2-small        mlp_post_act            GPT-2 sma… neurons  http…ons
gpt2-small_ae-v4  mlp_autoencoder_latent  日本語の…あります   http…e/x
é                 ñ                       👩‍👩‍👧 family
`},
		{10, `SHOR…AME  TYPE      NAME      PATH
gpt2…all  mlp_…act  GPT-…ons  http…ons
gpt2…-v4  mlp_…ent  日本…す   http…e/x
é         ñ         👩‍👩‍👧 f…ily
`},
	} {
		rows := table()
		fit(rows, tt.width)
		var out strings.Builder
		require.NoError(t, printTable(&out, rows))
		assert.Equal(t, tt.want, out.String())
		for line := range strings.Lines(out.String()) {
			assert.LessOrEqual(t, ansi.StringWidth(strings.TrimSuffix(line, "\n")), max(tt.width, 4*minColumn+3*gap), line)
		}
	}
}
