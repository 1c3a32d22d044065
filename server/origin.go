package server

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

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
