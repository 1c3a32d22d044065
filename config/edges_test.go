package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
)

// TestEdges checks everything that is said of documents at the edges of rules.
func TestEdges(t *testing.T) {
	const required = "short_name = \"s\"\nderived_scalar_type = \"mlp_post_act\"\nuser_visible_name = \"u\"\nneuron_dataset_path = \"p\"\n"
	long := strings.Repeat("long", 19)
	for name, tt := range map[string]struct{ text, want string }{
		"an integer for a flag":                 {required + "deprecated = 1", "wrong-type"},
		"a fraction for a number":               {required + "layers = 1.5", "wrong-type"},
		"an object for a list":                  {required + "tags = {a = 1}", "wrong-type"},
		"a type named like a constant":          {"extra_scalar_types = [\"MLP_POST_ACT\"]\n[[datasets]]\n" + strings.Replace(required, "mlp_post_act", "MLP_POST_ACT", 1), ""},
		"a required and an optional field":      {required + "other = {short_name = \"s\", description = \"d\"}", "unknown-field"},
		"two required fields":                   {required + "other = {short_name = \"s\", user_visible_name = \"u\"}", "nested-dataset"},
		"a description alone":                   {"description = \"d\"", "wrong-shape"},
		"a description in place of datasets":    {"datasets = {description = \"d\", a = {short_name = \"s\"}}", "legacy-form, wrong-type, missing-field, missing-field, missing-field"},
		"a name of the envelope":                {"[datasets.schema_version]\n" + required + "[datasets.a]\n" + strings.Replace(required, "\"s\"", "\"a\"", 1), "legacy-form"},
		"a path without a host, unknown scheme": {strings.Replace(required, "\"p\"", "\"zz://\"", 1), "bad-url"},
		"a path of odd characters":              {strings.Replace(required, "\"p\"", "\"https://%%\"", 1), "bad-url"},
		"a field, two edits":                    {required + "lyrs = 1", "unknown-field layers"},
		"a short field, two edits":              {required + "tgaz = 1", "unknown-field"},
		"a short field, one edit":               {required + "tagz = 1", "unknown-field tags"},
		"the longest declared type":             {"extra_scalar_types = [\"" + long + "long\"]\n[[datasets]]\n" + strings.Replace(required, "mlp_post_act", long+"lonk", 1), "unknown-scalar-type " + long + "long"},
		"a type as close to two":                {strings.Replace(required, "mlp_post_act", "resid_dest_mlp", 1), "unknown-scalar-type resid_delta_mlp"},
		"a type that is too long":               {"extra_scalar_types = [\"" + long + "longl\"]\n[[datasets]]\n" + strings.Replace(required, "mlp_post_act", long+"lonk", 1), "unknown-scalar-type"},
		"the longest declared field":            {"extra_fields = [\"" + long + "long\"]\n[[datasets]]\n" + required + long + "lonk = 1", "unknown-field " + long + "long"},
		"different texts of a kind":             {required + "userVisibleName = \"u\"\nshortName = \"t\"", "casing-conflict"},
		"equal texts, different kinds":          {strings.Replace(required, "\"u\"", "\"1\"", 1) + "userVisibleName = 1", "casing-conflict, legacy-form"},
		"a longer list":                         {required + "explanation_dataset_paths = [\"a\"]\nexplanationDatasetPaths = [\"a\", \"b\"]", "casing-conflict"},
		"a shorter list":                        {required + "explanation_dataset_paths = [\"a\", \"b\"]\nexplanationDatasetPaths = [\"a\"]", "casing-conflict"},
		"the same list":                         {required + "explanation_dataset_paths = [\"a\", \"b\"]\nexplanationDatasetPaths = [\"a\", \"b\"]", ""},
		"nothing to say":                        {required, ""},
	} {
		specs, found := config.Parse("a.toml", []byte(tt.text))
		var got []string
		for _, d := range found {
			got = append(got, strings.TrimSpace(string(d.Rule)+" "+d.Suggestion))
		}
		assert.Equal(t, tt.want, strings.Join(got, ", "), name)
		assert.Equal(t, found.Count(config.SeverityError) == 0, len(specs) > 0, name)
		if tt.want == "" {
			assert.Nil(t, found, name)
		}
	}
	for value, want := range map[string]string{"deprecated = 1": "must be true or false, not an integer", "layers = 1.5": "must be an integer, not a float"} {
		_, found := config.Parse("a.toml", []byte(required+value))
		assert.Equal(t, want, found[0].Message)
	}
	specs, _ := config.Parse("a.toml", []byte("[datasets.schema_version]\n"+required+"[datasets.a]\n"+required))
	assert.Empty(t, specs, "the same dataset twice, one of them in place of a key of the envelope")
}

// TestClosestDeclared checks which of many declared types is suggested: the closest, and of equally
// close ones the first. They have no order, so that one attempt would not show it.
func TestClosestDeclared(t *testing.T) {
	for range 30 {
		var types []registry.DerivedScalarType
		for _, name := range []string{"type_c", "type_b", "type_d", "type_xyz", strings.Repeat("long", 30)} {
			types = append(types, registry.DerivedScalarType(name))
		}
		for i := len(types); i < 200; i++ {
			types = append(types, registry.DerivedScalarType(fmt.Sprint("other", i)))
		}
		suggest := func() string {
			_, found := config.Parse("a.toml", []byte("short_name = \"s\"\nderived_scalar_type = \"type_a\"\nuser_visible_name = \"u\"\nneuron_dataset_path = \"p\"\n"),
				config.WithExtraScalarTypes(types...))
			return found[0].Suggestion
		}
		assert.Equal(t, "type_b", suggest())
		types = append(types, "type_e")
		assert.Empty(t, suggest(), "too many types")
	}
}

// TestDiagnosticText checks the text of diagnostics that no document causes, or hardly one.
func TestDiagnosticText(t *testing.T) {
	for message, want := range map[string]string{"plain": "plain", "\x1b[1m": `\x1b[1m`, "a\nb": `a\nb`, "\n": `\n`} {
		d := config.Diagnostic{Message: message, Datasets: 1}
		assert.Equal(t, want, d.Text())
	}
}
