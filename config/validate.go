package config

import (
	"net/url"
	"strings"

	"github.com/go-playground/validator/v10"
	"github.com/neurondex/neurondex/registry"
)

// validate holds the rules of a dataset. Everything is registered before its first
// use, as registering is not safe beside validating.
var validate = newValidator()

func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterStructValidation(validateRequired, requiredPart{})
	for tag, check := range map[string]func(string) bool{
		"path_or_url": isPathOrURL,
		"web_url":     isWebURL,
	} {
		err := v.RegisterValidation(tag, func(f validator.FieldLevel) bool { return check(f.Field().String()) })
		if err != nil {
			panic(err)
		}
	}
	v.RegisterStructValidationMapRules(map[string]string{
		"Layers":                  "gte=0",
		"NodesPerLayer":           "gte=0",
		"RecordFormat":            "omitempty,oneof=json pt",
		"ExplanationDatasetPaths": "dive,path_or_url",
		"Homepage":                "omitempty,web_url",
	}, optionalPart{})
	return v
}

// A requiredPart and an optionalPart are what of a dataset is checked. Every dataset has
// the first, and few have the second. As the validator's cost is per field, all rules of
// the required ones are in one function.
type (
	requiredPart struct {
		spec       *registry.Spec
		extraTypes map[registry.DerivedScalarType]bool // that are known besides those of the registry
	}
	optionalPart struct {
		Layers, NodesPerLayer   int
		RecordFormat            string
		ExplanationDatasetPaths []string
		Homepage                string
	}
)

func validateRequired(level validator.StructLevel) {
	part := level.Top().Interface().(*requiredPart)
	s := part.spec
	require := func(ok bool, name, value, tag string) {
		if !ok {
			level.ReportError(value, name, name, tag, "")
		}
	}
	require(isNotBlank(s.ShortName), "ShortName", s.ShortName, "notblank")
	require(s.DerivedScalarType.IsKnown() || part.extraTypes[s.DerivedScalarType], "DerivedScalarType", string(s.DerivedScalarType), "scalar_type")
	require(isNotBlank(s.UserVisibleName), "UserVisibleName", s.UserVisibleName, "notblank")
	require(isPathOrURL(s.NeuronDatasetPath), "NeuronDatasetPath", s.NeuronDatasetPath, "path_or_url")
}

func isNotBlank(s string) bool { return strings.TrimSpace(s) != "" }

// isPathOrURL takes any path that is not blank; of what has a scheme, only what has a host, too.
func isPathOrURL(s string) bool {
	if isPlainURL(s) {
		return true
	}
	if !strings.Contains(s, "://") {
		return strings.TrimSpace(s) != ""
	}
	u, err := url.Parse(s)
	return err == nil && (u.Host != "" || u.Scheme == "file")
}

// isPlainURL reports whether s is an https URL of the most common kind, which needs no
// full parser to be believed.
func isPlainURL(s string) bool {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok || rest == "" || rest[0] == '/' {
		return false
	}
	for i := range len(rest) {
		if !plain[rest[i]] {
			return false
		}
	}
	return true
}

// plain are the characters of a URL that are nothing but themselves.
var plain = func() (set [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/") {
		set[c] = true
	}
	return set
}()

func isWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
