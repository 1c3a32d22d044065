package config

import (
	"iter"
	"net/url"
	"strings"

	"github.com/go-playground/validator/v10"
	"github.com/neurondex/neurondex/registry"
)

// rules validates datasets. All rules are registered here, before the first use, as
// registering is not safe for concurrent use with validating.
var rules = newRules()

func newRules() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterStructValidation(validateRequired, requiredPart{})
	err := v.RegisterValidation("web_url", func(f validator.FieldLevel) bool { return isWebURL(f.Field().String()) })
	if err != nil {
		panic(err)
	}
	v.RegisterStructValidationMapRules(map[string]string{
		"Layers":        "gte=0",
		"NodesPerLayer": "gte=0",
		"RecordFormat":  "omitempty,oneof=json pt",
		"Homepage":      "omitempty,web_url",
	}, optionalPart{})
	return v
}

// The parts of a dataset that are validated. Every dataset has a requiredPart, and few have
// an optionalPart. The validator's cost is per field, so one function checks all required
// fields.
type (
	requiredPart struct {
		spec       *registry.Spec
		extraTypes map[registry.DerivedScalarType]bool // accepted in addition to the known types
		knownType  bool                                // whether the type is already found to be known
		plainPath  bool                                // whether the path is a plain URL
		reported   [requiredFields]bool                // whether an error of the field is already reported
	}
	optionalPart struct {
		Layers, NodesPerLayer int
		RecordFormat          string
		Homepage              string
	}
)

// requiredTags are the tags of the rules of the required fields.
var requiredTags = [requiredFields]string{"notblank", "scalar_type", "notblank", "path_or_url"}

// fails returns the places of the required fields that fail their rule and are not reported yet.
func (part *requiredPart) fails() iter.Seq[int] {
	s := part.spec
	return func(yield func(int) bool) {
		for place, ok := range [requiredFields]bool{
			isNotBlank(s.ShortName),
			part.knownType || s.DerivedScalarType.IsKnown() || part.extraTypes[s.DerivedScalarType],
			isNotBlank(s.UserVisibleName),
			part.plainPath || isPathOrURL(s.NeuronDatasetPath),
		} {
			if !ok && !part.reported[place] && !yield(place) {
				return
			}
		}
	}
}

// isValid reports whether no rule fails. The validator takes many times longer to find that out,
// so it is called only for datasets that fail a rule.
func (part *requiredPart) isValid() bool {
	for range part.fails() {
		return false
	}
	return true
}

func validateRequired(level validator.StructLevel) {
	part := level.Top().Interface().(*requiredPart)
	for place := range part.fails() {
		f := &fields[place]
		level.ReportError(*f.text(part.spec), f.goName, f.goName, requiredTags[place], "")
	}
}

func isNotBlank(s string) bool { return strings.TrimSpace(s) != "" }

// isPathOrURL reports whether s is a path or a URL with a host. Every string that is not
// blank and has no scheme is a path.
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

// isPlainURL reports whether s is an https URL in its most common form, which needs no
// full parser.
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

// plain is the set of characters that isPlainURL accepts after the scheme.
var plain = setOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/")

// isWebURL reports whether s is an http or https URL.
func isWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
