package server

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/danielgtaylor/huma/v2"
)

// errParameter means that the query of a request is not valid.
var errParameter = errors.New("invalid query")

// A parameterError is an [errParameter] that names the parameter.
type parameterError struct{ name, problem string }

// Error names the parameter and says what is wrong with it.
func (e *parameterError) Error() string { return e.name + ": " + e.problem }

// Is reports whether target is [errParameter].
func (e *parameterError) Is(target error) bool { return target == errParameter }

// parameters returns the query of a request, if it has no other parameters than those given
// and each of them has a valid value.
func parameters(r *http.Request, known []*huma.Param) (url.Values, error) {
	var values url.Values
	var names []string
	if r.URL.RawQuery != "" {
		var err error
		if values, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			return nil, fmt.Errorf("%w: %w", errParameter, err)
		}
		names = slices.Sorted(maps.Keys(values))
	}
	for _, name := range names {
		given := values[name]
		at := slices.IndexFunc(known, func(p *huma.Param) bool { return p.Name == name && p.In == "query" })
		switch {
		case at < 0:
			return nil, &parameterError{name, "unknown query parameter" + suggestion(name, known)}
		case len(given) > 1:
			return nil, &parameterError{name, "is given more than once"}
		}
		if problem := invalid(given[0], known[at].Schema); problem != "" {
			return nil, &parameterError{name, problem}
		}
	}
	for _, p := range known {
		if p.Required && !values.Has(p.Name) {
			return nil, &parameterError{p.Name, "is required"}
		}
	}
	return values, nil
}

// invalid returns what is wrong with the value of a parameter, or "".
func invalid(value string, s *huma.Schema) string {
	switch {
	case value == "":
		return "must not be empty"
	case s.Type == huma.TypeInteger:
		n, err := strconv.Atoi(value)
		if err != nil || float64(n) < *s.Minimum || float64(n) > *s.Maximum {
			return fmt.Sprintf("must be a number between %g and %g, not %q", *s.Minimum, *s.Maximum, value)
		}
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, any(value)):
		return fmt.Sprintf("must be one of %s, not %q", strings.Trim(fmt.Sprint(s.Enum), "[]"), value)
	}
	return ""
}

// suggestion names the parameter that was probably meant, or all of them.
func suggestion(name string, known []*huma.Param) string {
	var names []string
	best, least := "", 3 // accept a distance of up to 2
	for _, p := range known {
		if p.In != "query" {
			continue
		}
		names = append(names, p.Name)
		if d := levenshtein.Distance(plain(name), plain(p.Name), nil); d < least {
			best, least = p.Name, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf(" (did you mean %s?)", best)
	case len(names) > 0:
		return "; use " + strings.Join(names, ", ")
	}
	return "; this route has none"
}

// plain returns a name without case and separators: shortName is short_name.
func plain(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
}
