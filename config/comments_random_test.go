package config_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/stretchr/testify/require"
)

// Documents in which § is a place where a comment and a newline may be, and ¶ one where only a
// block comment may be.
var commentable = map[string][]string{
	"toml": {
		`§schema_version = 1 §extra.a = 1 §extra.b.c = [§1, §[2], §{d = 3}§, §] §[[datasets]] §short_name = "a" §derived_scalar_type = 'logits' ` +
			`§user_visible_name = """A""" §neuron_dataset_path = "p#" §tags = [ §"#", §'b' §, §] §x = { y = 1, z = [§2§] } §deep.a.b = 1 §deep.a.c = 2 ` +
			`§[datasets.empty] §[datasets.table] §a = 1 §[datasets.table.inner] §b = 2 §[[datasets.list]] §n = 1 §[[datasets.list]] §n = 2 ` +
			`§[[datasets]] §neuron_dataset_path = "p" §short_name = "b" §derived_scalar_type = 'logits' §user_visible_name = "B" §license = "" §`,
		`§user_visible_name = "A" §short_name = "a" §neuron_dataset_path = "p" §derived_scalar_type = 'logits' §Extra = { a = [ §1, §2 ] } §`,
		`§[a] §derived_scalar_type = 'logits' §user_visible_name = "A" §neuron_dataset_path = "p" §["b/logits"] §user_visible_name = "A" §neuron_dataset_path = "p" §`,
		`§datasets = [§{ short_name = "a", derived_scalar_type = 'logits', user_visible_name = "A", neuron_dataset_path = "p" }§, §] §`,
		`§datasets = [§] §`,
		`§user_visible_name = "A" §short_name = "a" §neuron_dataset_path = "p" §derived_scalar_type = 'logits' ` +
			`§[a] §[a.` + strings.Repeat("k", 300) + `] §b = { c = 1 } §[a.` + strings.Repeat("l", 300) + `] §d.e = 1 §f = [ §1 §] §`,
		`§`,
	},
	"jsonc": {
		`§{§"schema_version"§:§1§,§"datasets"§:§[§{§"userVisibleName"§:§"// A"§,§"shortName":"a",§"derivedScalarType":"logits",§"neuronDatasetPath":"p"§,` +
			`§"tags":§[§"a"§,§"b"§,§]§,§"x"§:§{§"y"§:§1§,§"z":[§2,§[§3§]§,§{§}§]§,§}§,§"license"§:§""§}§,§{"shortName":"b",§"derivedScalarType":"logits","userVisibleName":"B","neuronDatasetPath":"p"}§,§]§}§`,
		`§{§"userVisibleName":"A",§"shortName":"a"§,§"derivedScalarType":"logits",§"neuronDatasetPath":"p"§}§`,
		`§[§{§"userVisibleName":"A",§"shortName":"a"§,§"derivedScalarType":"logits",§"neuronDatasetPath":"p"§}§]§`,
		`§{§"a"§:§{§"derivedScalarType":"logits",§"userVisibleName":"A",§"neuronDatasetPath":"p"§}§,§"b/logits":{"userVisibleName":"B","neuronDatasetPath":"p"}§}§`,
		`§{§"datasets":§[§]§}§`,
		`§{§}§`,
		`§`,
	},
}

// commented returns a document with comments, named by their numbers, at some of its places.
func commented(r *rand.Rand, document, format string) string {
	parts := strings.Split(document, "§")
	var b strings.Builder
	density := r.Float64()
	n := 0
	for i, part := range parts {
		b.WriteString(strings.TrimSuffix(part, " "))
		if i == len(parts)-1 {
			break
		}
		ends := false // whether the line ended
		if format == "toml" && r.IntN(3) == 0 {
			b.WriteString("\n")
			ends = true
		}
		for r.Float64() < density && n < 100 {
			n++
			b.WriteString([]string{"", " ", "\n", "\n\n", "\n \n"}[r.IntN(5)])
			switch kind := r.IntN(4); {
			case format == "toml":
				fmt.Fprintf(&b, "# <%d> # {\n", n)
				ends = true
			case kind == 0:
				fmt.Fprintf(&b, "// <%d> /* }\n", n)
			case kind == 1:
				fmt.Fprintf(&b, "/* <%d>\n\n  // * ] */", n)
			default:
				fmt.Fprintf(&b, "/*<%d>*/", n)
			}
			b.WriteString([]string{"", " ", "\n", "\n\n"}[r.IntN(4)])
		}
		if format == "toml" && !ends {
			b.WriteString("\n")
		}
	}
	return b.String()
}

// TestConvertKeepsCommentsAnywhere converts documents with comments at random places. Every
// comment must be in the result or be named as lost, and a second conversion must change
// nothing.
func TestConvertKeepsCommentsAnywhere(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		for from, documents := range commentable {
			for _, document := range documents {
				data := []byte(commented(r, document, from))
				for _, to := range []string{"toml", "jsonc"} {
					specs, found := config.Parse("a."+from, data)
					require.NoError(t, found.Err(), "%s", data)
					_, _, lost := config.Convert("a."+from, data, to)
					out, _, err := config.Convert("a."+from, data, to, config.WithCommentsLost())
					require.NoError(t, err, "%s", data)
					again, _, err := config.Convert("b."+to, out, to)
					require.NoError(t, err, "%s\nfrom\n%s", out, data)
					require.Equal(t, string(out), string(again), "from\n%s", data)
					converted, found := config.Parse("b."+to, out)
					require.NoError(t, found.Err(), "%s", out)
					require.True(t, equalSpecs(t, specs, converted), "%s\nfrom\n%s", out, data)
					n := 0
					if lost != nil {
						n = strings.Count(lost.Error(), config.ErrCommentLost.Error())
					}
					for i := 1; i <= 100; i++ {
						has := func(text []byte) bool { return strings.Contains(string(text), fmt.Sprintf("<%d>", i)) }
						if has(data) && !has(out) {
							n--
						}
					}
					require.Zero(t, n, "%v\n%s\nfrom\n%s", lost, out, data)
				}
			}
		}
	}
}
