package config

import (
	"context"
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
	for tag, check := range map[string]func(context.Context, string) bool{
		"notblank":    func(_ context.Context, s string) bool { return strings.TrimSpace(s) != "" },
		"scalar_type": isScalarType,
		"path_or_url": func(_ context.Context, s string) bool { return isPathOrURL(s) },
		"web_url":     func(_ context.Context, s string) bool { return isWebURL(s) },
	} {
		err := v.RegisterValidationCtx(tag, func(ctx context.Context, f validator.FieldLevel) bool { return check(ctx, f.Field().String()) })
		if err != nil {
			panic(err)
		}
	}
	v.RegisterStructValidationMapRules(map[string]string{
		"ShortName":               "required,notblank",
		"DerivedScalarType":       "required,notblank,scalar_type",
		"UserVisibleName":         "required,notblank",
		"NeuronDatasetPath":       "required,notblank,path_or_url",
		"Layers":                  "gte=0",
		"NodesPerLayer":           "gte=0",
		"RecordFormat":            "omitempty,oneof=json pt",
		"ExplanationDatasetPaths": "omitempty,dive,notblank,path_or_url",
		"Homepage":                "omitempty,web_url",
	}, registry.Spec{})
	return v
}

// extraTypesKey is where a context holds a func(registry.DerivedScalarType) bool for
// the types that are known besides those of the registry.
type extraTypesKey struct{}

func isScalarType(ctx context.Context, s string) bool {
	t := registry.DerivedScalarType(s)
	if t.IsKnown() {
		return true
	}
	extra, ok := ctx.Value(extraTypesKey{}).(func(registry.DerivedScalarType) bool)
	return ok && extra(t)
}

// isPathOrURL takes any path; of what has a scheme, only what has a host, too.
func isPathOrURL(s string) bool {
	if !strings.Contains(s, "://") {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && (u.Host != "" || u.Scheme == "file")
}

func isWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// ruleOf returns the rule that a failed tag stands for, and what it says to people.
func ruleOf(e validator.FieldError, text string) (Rule, string) {
	switch e.Tag() {
	case "required", "notblank":
		return EmptyField, "must not be empty"
	case "scalar_type":
		return UnknownScalarType, "no derived scalar type is called " + quote(text)
	case "path_or_url":
		return BadURL, quote(text) + " is neither a path nor a URL with a host"
	case "web_url":
		return BadURL, quote(text) + " is not an http or https URL"
	case "oneof":
		return BadValue, quote(text) + " is not one of: " + strings.ReplaceAll(e.Param(), " ", ", ")
	case "gte":
		return BadValue, "must not be less than " + e.Param()
	}
	return BadValue, "does not pass the check " + quote(e.Tag())
}
