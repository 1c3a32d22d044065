package server

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/rs/cors"
)

// allowOrigins lets pages of the allowed origins read what next serves. Those of
// [Options.CORSOrigins] may do so from a public network too.
func allowOrigins(next http.Handler, o Options) http.Handler {
	return cors.New(cors.Options{
		AllowOriginFunc: func(origin string) bool {
			return o.LocalOrigins && localOrigin.MatchString(origin) || slices.Contains(o.CORSOrigins, origin)
		},
		AllowedMethods:      []string{http.MethodGet, http.MethodHead, http.MethodPost},
		AllowedHeaders:      []string{"*"},
		ExposedHeaders:      []string{"ETag", "Preference-Applied", "Retry-After"},
		AllowCredentials:    true,
		AllowPrivateNetwork: len(o.CORSOrigins) > 0,
		MaxAge:              600,
	}).Handler(next)
}

// localOrigin matches any port of the local machine, where the public neuron viewer runs.
var localOrigin = regexp.MustCompile(`^https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$`)

// defaultPorts are left out of origins.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// CheckOrigin reports whether an entry of [Options.CORSOrigins] can match: whether a browser
// may send it in the header Origin.
func CheckOrigin(origin string) error {
	malformed := fmt.Errorf("must have the form scheme://host[:port], like https://viewer.example, not %q", origin)
	u, err := url.Parse(origin)
	if err != nil {
		return malformed
	}
	host, port := strings.TrimSuffix(u.Host, ":"+u.Port()), u.Port()
	if u.Scheme == "" || !hostPattern.MatchString(host) {
		return malformed
	}
	sent := u.Scheme + "://" + strings.ToLower(host)
	if port != "" && port != defaultPorts[u.Scheme] {
		sent += ":" + port
	}
	if sent != origin {
		return fmt.Errorf("must be %q, as browsers send it, not %q", sent, origin)
	}
	return nil
}
