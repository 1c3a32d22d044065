package command

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
)

// An access decides who may use the server, and whether it speaks TLS.
type access struct {
	tokens *reloadedFile[tokens]    // nil without --token-file
	config *reloadedFile[webConfig] // nil without --web.config.file
}

// A webConfig is what a file of --web.config.file asks for.
type webConfig struct{ useTLS, hasUsers, needsCertificate bool }

func parseWebConfig(data []byte) (webConfig, error) {
	var c web.Config
	if err := yaml.Unmarshal(data, &c); err != nil {
		return webConfig{}, err
	}
	return webConfig{
		useTLS:           c.TLSConfig.IsEnabled(),
		hasUsers:         len(c.Users) > 0,
		needsCertificate: c.TLSConfig.ClientAuth == "RequireAndVerifyClientCert" || c.TLSConfig.ClientAuth == "RequireAnyClientCert",
	}, nil
}

// tokens are the SHA-256 sums of the tokens that give access.
type tokens [][sha256.Size]byte

// parseTokens reads a file with one token on each line.
func parseTokens(data []byte) (tokens, error) {
	var all tokens
	for line := range bytes.Lines(data) {
		if token := bytes.TrimSpace(line); len(token) > 0 {
			all = append(all, sha256.Sum256(token))
		}
	}
	if len(all) == 0 {
		return nil, errors.New("has no token; write one on each line")
	}
	return all, nil
}

// accept takes the same time for each wrong token.
func (all tokens) accept(token string) bool {
	sum, ok := sha256.Sum256([]byte(token)), 0
	for i := range all {
		ok |= subtle.ConstantTimeCompare(all[i][:], sum[:])
	}
	return ok == 1
}

// newAccess reads the files of --web.config.file and --token-file.
func newAccess(s *settings, log *slog.Logger) (*access, error) {
	a := new(access)
	if path := s.GetString("token-file"); path != "" {
		var err error
		if a.tokens, err = newReloadedFile(path, parseTokens, log); err != nil {
			return nil, fmt.Errorf("%s: %w", s.origin("token-file"), err)
		}
	}
	path := s.GetString("web.config.file")
	if path == "" {
		return a, nil
	}
	err := web.Validate(path)
	if err == nil {
		a.config, err = newReloadedFile(path, parseWebConfig, log)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.origin("web.config.file"), err)
	}
	a.config.interval = 0 // the toolkit reads the file for each request, and both must see the same
	return a, nil
}

func (a *access) useTLS() bool   { return a.config != nil && a.config.get().useTLS }
func (a *access) hasUsers() bool { return a.config != nil && a.config.get().hasUsers }

// isOpen reports whether the server has no access control.
func (a *access) isOpen() bool {
	return a.tokens == nil && (a.config == nil || !a.config.get().hasUsers && !a.config.get().needsCertificate)
}

// isHealth reports whether a path is a health route.
func isHealth(path string) bool { return path == "/healthz" || path == "/readyz" }

// isPublic reports whether a request needs no access: those who ask whether the server is alive
// have no secrets, and browsers send none when they ask whether a page may send a request.
func isPublic(r *http.Request) bool {
	return isHealth(r.URL.Path) ||
		r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// serve serves on a listener until the server is shut down.
func (a *access) serve(l net.Listener, s *http.Server, log *slog.Logger) error {
	open := s.Handler
	s.Handler = a.requireToken(open)
	if a.config == nil {
		return s.Serve(l)
	}
	// The toolkit puts its check for a user around the handler before it calls Serve, which
	// calls BaseContext before it accepts the first connection.
	base := s.BaseContext
	s.BaseContext = func(l net.Listener) context.Context {
		s.Handler = a.skipUsers(open, s.Handler)
		return base(l)
	}
	return web.Serve(l, s, &web.FlagConfig{WebConfigFile: &a.config.path}, slog.New(warnings{log.Handler()}))
}

// skipUsers lets requests that need no user past the check for one. If there are no users, the
// toolkit checks nothing, and only a token gives access.
func (a *access) skipUsers(open, checked http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isPublic(r) || a.hasToken(r):
			open.ServeHTTP(w, r)
		case a.tokens != nil && !a.hasUsers():
			refuse(w)
		default:
			checked.ServeHTTP(w, r)
		}
	})
}

// requireToken refuses requests without a token, if there are tokens and no users: the toolkit has
// checked users before.
func (a *access) requireToken(open http.Handler) http.Handler {
	if a.tokens == nil {
		return open
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isPublic(r) || a.hasToken(r) || a.hasUsers() {
			open.ServeHTTP(w, r)
			return
		}
		refuse(w)
	})
}

// refuse responds that a token is required.
func refuse(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusUnauthorized)
	fmt.Fprintln(w, `{"type":"about:blank","title":"Unauthorized","status":401,"detail":"a valid token is required: send Authorization: Bearer TOKEN"}`)
}

func (a *access) hasToken(r *http.Request) bool {
	if a.tokens == nil {
		return false
	}
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return ok && strings.EqualFold(scheme, "Bearer") && a.tokens.get().accept(strings.TrimSpace(token))
}
