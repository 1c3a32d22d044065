//go:build unix

package command

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// get sends a GET request with an Authorization header and returns the code.
func (s *process) get(client *http.Client, url, authorization string) (int, string) {
	s.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	require.NoError(s, err)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	resp, err := client.Do(r)
	require.NoError(s, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(s, err)
	return resp.StatusCode, string(body)
}

func (s *process) code(url, authorization string) int {
	s.Helper()
	code, _ := s.get(http.DefaultClient, url, authorization)
	return code
}

// certificate writes a self-signed certificate for 127.0.0.1 and its key into dir.
func certificate(t *testing.T, dir, name string) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certFile, keyFile = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(certFile, certPEM, 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return certFile, keyFile, pool
}

// TestServeTLS checks TLS with users and a token, and a certificate that is replaced.
func TestServeTLS(t *testing.T) {
	dir := t.TempDir()
	_, _, first := certificate(t, dir, "server")
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	require.NoError(t, err)
	config, token := filepath.Join(dir, "web.yml"), filepath.Join(dir, "token")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\nbasic_auth_users:\n  ada: %s\n", hash), 0o600))
	require.NoError(t, os.WriteFile(token, []byte("first\nsecond\n"), 0o600))
	s := startServer(t, "--web.config.file", config, "--token-file", token)
	require.Regexp(t, "^https://127.0.0.1:", s.url)

	ask := func(pool *x509.CertPool, path, authorization string) int {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
		code, _ := s.get(client, s.url+path, authorization)
		return code
	}
	require.Equal(t, http.StatusOK, ask(first, "/healthz", ""), "the first certificate is read")
	for range 2 {
		_, _, pool := certificate(t, dir, "server") // read for the next connection
		for _, test := range []struct {
			path, authorization string
			code                int
		}{
			{"/healthz", "", 200},
			{"/readyz", "", 200},
			{"/v1/datasets", "", 401},
			{"/metrics", "", 401},
			{"/v1/datasets", "Basic YWRhOnNlY3JldA==", 200}, // ada:secret
			{"/v1/datasets", "Basic YWRhOndyb25n", 401},     // ada:wrong
			{"/v1/datasets", "Bearer second", 200},
			{"/v1/datasets", "Bearer third", 401},
		} {
			assert.Equal(t, test.code, ask(pool, test.path, test.authorization), "%s %s", test.path, test.authorization)
		}
	}
}

// TestServeClientCertificates checks that a client needs a certificate, and that this counts as
// access control.
func TestServeClientCertificates(t *testing.T) {
	dir := t.TempDir()
	_, _, pool := certificate(t, dir, "server")
	clientCert, clientKey, _ := certificate(t, dir, "client")
	config := filepath.Join(dir, "web.yml")
	require.NoError(t, os.WriteFile(config, []byte("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"+
		"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client.crt\n"), 0o600))
	s := startServer(t, "--web.config.file", config, "--listen", ":0")
	assert.NotContains(t, s.text(), "anyone who can reach")
	url := strings.Replace(s.url, "localhost", "127.0.0.1", 1) + "/v1/datasets"
	pair, err := tls.LoadX509KeyPair(clientCert, clientKey)
	require.NoError(t, err)
	with := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}, DisableKeepAlives: true}}
	code, _ := s.get(with, url, "")
	assert.Equal(t, http.StatusOK, code)
	without := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	_, err = without.Get(url)
	assert.ErrorContains(t, err, "certificate required")
}

// TestServeTokens checks access by token alone, and tokens that are replaced.
func TestServeTokens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("first\n"), 0o600))
	s := startServer(t, "--token-file", file)
	url := s.url + "/neuron_datasets_metadata"
	assert.Equal(t, http.StatusUnauthorized, s.code(url, ""))
	assert.Equal(t, http.StatusUnauthorized, s.code(url, "Bearer"))
	assert.Equal(t, http.StatusUnauthorized, s.code(url, "Bearer firs"))
	assert.Equal(t, http.StatusOK, s.code(url, "bearer first"))
	assert.Equal(t, http.StatusOK, s.code(s.url+"/readyz", ""))

	r, err := http.NewRequest(http.MethodOptions, url, nil)
	require.NoError(t, err)
	r.Header.Set("Origin", "http://localhost:1234")
	r.Header.Set("Access-Control-Request-Method", "POST")
	r.Header.Set("Access-Control-Request-Headers", "authorization")
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, http.StatusNoContent, resp.StatusCode, "a preflight has no token")
}

// TestReloadedFile checks when a file is read again, with the time passed in.
func TestReloadedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
		require.NoError(t, os.Rename(path+".new", path))
	}
	_, err := newReloadedFile(path, parseTokens, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	write("\n")
	_, err = newReloadedFile(path, parseTokens, nil)
	require.ErrorContains(t, err, "has no token")
	write("one")
	f, err := newReloadedFile(path, parseTokens, nil)
	require.NoError(t, err)
	start := f.checked
	write("two")
	value, failure := f.refresh(start.Add(checkInterval - 1))
	assert.True(t, value.accept("one"), "it is not read again so soon")
	assert.Empty(t, failure)
	value, _ = f.refresh(start.Add(checkInterval))
	assert.True(t, value.accept("two") && !value.accept("one"))
	write("")
	value, failure = f.refresh(start.Add(2 * checkInterval))
	assert.True(t, value.accept("two"), "the last good tokens stay")
	assert.Contains(t, failure, "has no token")
	_, failure = f.refresh(start.Add(3 * checkInterval))
	assert.Empty(t, failure, "it is logged once")
	write("three")
	value, _ = f.refresh(start.Add(4 * checkInterval))
	assert.True(t, value.accept("three"))
}

// TestServeManagement checks the routes of each address. That of management has no datasets, as it has
// no access control.
func TestServeManagement(t *testing.T) {
	s := startServer(t, "--management-listen", "127.0.0.1:0", "--enable-reload")
	management := s.waitForLog(0, `serving management" url=(\S+)`)
	for path, codes := range map[string][2]int{
		"/healthz":                  {200, 200},
		"/readyz":                   {200, 200},
		"/metrics":                  {404, 200},
		"/debug/pprof/goroutine":    {404, 200},
		"/v1/datasets":              {200, 404},
		"/neuron_datasets_metadata": {200, 404},
	} {
		assert.Equal(t, codes[0], s.code(s.url+path, ""), path)
		assert.Equal(t, codes[1], s.code(management+path, ""), "management: %s", path)
	}
	r, err := http.NewRequest(http.MethodGet, management+"/debug/pprof/cmdline", nil)
	require.NoError(t, err)
	r.Host = "evil.example"
	refused, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	refused.Body.Close()
	assert.Equal(t, http.StatusMisdirectedRequest, refused.StatusCode, "a page whose name resolves to loopback")
	for url, want := range map[string]int{s.url: 404, management: 200} {
		resp, err := http.Post(url+"/-/reload", "", nil)
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, want, resp.StatusCode, url)
	}
}

// TestServeMetrics checks that the metrics are those of the running server.
func TestServeMetrics(t *testing.T) {
	s := startServer(t)
	s.code(s.url+"/v1/datasets", "")
	_, body := s.get(http.DefaultClient, s.url+"/metrics", "")
	for _, line := range []string{
		"neurondex_datasets 9", `neurondex_documents{state="ok"} 4`, "neurondex_config_last_reload_successful 1", "neurondex_event_streams 0",
		`neurondex_http_requests_total{code="200",method="GET",route="/v1/datasets"} 1`,
	} {
		assert.Contains(t, body, "\n"+line+"\n")
	}
	assert.Regexp(t, `\nneurondex_build_info{goversion="go1\.\d+[^"]*",version="[^"]+"} 1\n`, body)
	goal := regexp.MustCompile(`(?m)^go_memstats_next_gc_bytes (\S+)$`).FindStringSubmatch(body)
	require.NotNil(t, goal)
	bytes, err := strconv.ParseFloat(goal[1], 64)
	require.NoError(t, err)
	assert.Greater(t, bytes, float64(minHeap), "the collector runs rarely")
	assert.Equal(t, http.StatusNotFound, func() int { code, _ := s.ask(http.MethodPost, "/-/reload"); return code }(), "no --enable-reload")
}

// TestServeUnixSocket checks a Unix socket, and one that a killed process left.
func TestServeUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	left.SetUnlinkOnClose(false)
	left.Close()

	s := startServer(t, "--listen", "unix:"+path)
	assert.Equal(t, "unix:"+path, s.url)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(socketMode), info.Mode().Perm())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	code, _ := s.get(client, "http://localhost/v1/datasets", "")
	assert.Equal(t, http.StatusOK, code)
	_, err = listenUnix(t.Context(), path)
	assert.ErrorContains(t, err, "another process listens on this socket")

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = listenUnix(t.Context(), file)
	require.Error(t, err)
	assert.FileExists(t, file, "a file that is no socket stays")
}

// TestServeAddresses checks several addresses at once, and a port alone.
func TestServeAddresses(t *testing.T) {
	s := startServer(t, "--listen", "0", "--listen", "[::1]:0")
	assert.Regexp(t, `^http://127.0.0.1:\d+$`, s.url)
	second := s.waitForLog(0, `msg=serving url=(http://\[::1\]\S+)`)
	assert.Equal(t, http.StatusOK, s.code(s.url+"/healthz", ""))
	assert.Equal(t, http.StatusOK, s.code(second+"/healthz", ""))
	assert.NotContains(t, s.text(), "anyone who can reach")
}

func TestServeWarnsOfOpenAddress(t *testing.T) {
	s := startServer(t, "--listen", ":0")
	s.waitForLog(0, `level=WARN msg="anyone who can reach this address can read; restrict it by --web.config.file or --token-file" address=\S+:\d+`)
}

// TestServeSystemd hands a socket to a process, as systemd does.
func TestServeSystemd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	require.NoError(t, err)
	defer file.Close()
	exe, err := os.Executable()
	require.NoError(t, err)
	command := filepath.Join(t.TempDir(), "neurondex") // the name makes it the command: see TestMain
	require.NoError(t, os.Symlink(exe, command))
	// The shell sets LISTEN_PID to the id that it keeps when it becomes the server.
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" serve --listen systemd`, command)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	cmd.ExtraFiles = []*os.File{file}
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stderr)
	for lines.Scan() && !strings.Contains(lines.Text(), "msg=serving url=http://"+l.Addr().String()) {
		t.Log(lines.Text())
	}
	resp, err := http.Get("http://" + l.Addr().String() + "/readyz")
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_, _ = io.Copy(io.Discard, stderr)
	assert.NoError(t, cmd.Wait())
	http.DefaultClient.CloseIdleConnections()
}

// TestServeModelInfo checks /model_info with a file.
func TestServeModelInfo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "info.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"modelName": "gpt2"}`), 0o600))
	s := startServer(t, "--model-info", file)
	code, body := s.ask(http.MethodPost, "/model_info")
	assert.Equal(t, http.StatusOK, code)
	assert.JSONEq(t, `{"modelName": "gpt2"}`, body)
}

// TestServeAccessLog checks what is logged of a request, and that what a client sends is escaped.
func TestServeAccessLog(t *testing.T) {
	s := startServer(t, "--access-log")
	s.code(s.url+"/healthz", "")
	s.code(s.url+"/v1/datasets/gpt2%0Axl/mlp_post_act?a=%22", "")
	s.waitForLog(0, `msg=request method=GET path="/v1/datasets/gpt2%0Axl/mlp_post_act\?a=%22" route="GET /v1/datasets/{short_name}/{derived_scalar_type}" status=400 seconds=\S+ remote=127.0.0.1 agent=Go-http-client/1.1\n`)
	assert.NotContains(t, s.text(), "healthz")
}
