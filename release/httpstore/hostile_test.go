package httpstore_test

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// newKey returns the key pair of a publisher.
func newKey(t *testing.T) (note.Signer, note.Verifier) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, "neurons.example")
	require.NoError(t, err)
	signer, err := note.NewSigner(private)
	require.NoError(t, err)
	verifier, err := note.NewVerifier(public)
	require.NoError(t, err)
	return signer, verifier
}

// altered responds as h does, with another body where alter returns one.
func altered(h http.Handler, alter func(path string, body []byte) []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		h.ServeHTTP(recorded, r)
		body := alter(r.URL.Path, recorded.Body.Bytes())
		for name, values := range recorded.Header() {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(body)
	})
}

// TestHostileRelay checks that a follower of a relay that alters what it passes on refuses the
// release, keeps the last good one, does not pass the other one on, and goes on when the relay
// is honest again.
func TestHostileRelay(t *testing.T) {
	for name, tt := range map[string]struct {
		alter func(path string, body []byte) []byte
		want  error
	}{
		"altered blob": {func(path string, body []byte) []byte {
			if strings.HasPrefix(path, "/v1/blobs/") {
				body = bytes.Clone(body)
				body[len(body)-1] ^= 1
			}
			return body
		}, release.ErrHash},
		"other blob": {func(path string, body []byte) []byte {
			if strings.HasPrefix(path, "/v1/blobs/") {
				return []byte("\x28\xb5\x2f\xfd\x04\x00\x09\x00\x00x\xa7\xf5\x22\x1b")
			}
			return body
		}, release.ErrHash},
		"large blob": {func(path string, body []byte) []byte {
			if strings.HasPrefix(path, "/v1/blobs/") {
				return make([]byte, 10<<20)
			}
			return body
		}, release.ErrHash},
		"altered record": {func(path string, body []byte) []byte {
			if strings.HasPrefix(path, "/v1/releases/") {
				return bytes.Replace(body, []byte(`"by":"test"`), []byte(`"by":"them"`), 1)
			}
			return body
		}, release.ErrSignature},
		"large record": {func(path string, body []byte) []byte {
			if strings.HasPrefix(path, "/v1/releases/") {
				return make([]byte, 1<<20)
			}
			return body
		}, release.ErrLimit},
		"record without its signature": {func(path string, body []byte) []byte {
			if strings.HasPrefix(path, "/v1/releases/") {
				line, _, _ := bytes.Cut(body, []byte("\n"))
				return append(line, '\n')
			}
			return body
		}, release.ErrSignature},
		"older number": {func(path string, body []byte) []byte {
			if path == "/v1/releases" {
				return []byte(`{"releases":[{"number":1}]}`)
			}
			return body
		}, release.ErrBackwards},
		"no number": {func(path string, body []byte) []byte {
			if path == "/v1/releases" {
				return []byte(`{"releases":[]}`)
			}
			return body
		}, release.ErrBackwards},
		"later number of an older record": {func(path string, body []byte) []byte {
			if path == "/v1/releases" {
				return []byte(`{"releases":[{"number":2},{"number":9}]}`)
			}
			return body
		}, nil}, // there is no such record
		"endless list": {func(path string, body []byte) []byte {
			if path == "/v1/releases" {
				return bytes.Repeat([]byte(" "), 2<<20)
			}
			return body
		}, release.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			signer, key := newKey(t)
			p := &publisher{store: new(storetest.Memory), documents: make(map[string]string), signer: signer}
			p.set(t, "1")
			p.set(t, "2")
			relay, follower := newNode(t).start(p.store, ""), newNode(t)
			follower.keys = note.VerifierList(key)
			follower.start(nil, relay.url)
			require.NoError(t, follower.sync())
			require.Equal(t, "2", follower.path())

			honest := relay.handler.Load()
			hostile := altered(*honest, tt.alter)
			relay.handler.Store(&hostile)
			p.set(t, "3")
			relay.waitFor("3")
			err := follower.sync()
			if tt.want != nil {
				require.ErrorIs(t, err, tt.want)
				assert.NotEmpty(t, follower.w.Status().SourceError)
			} else {
				require.Error(t, err)
			}
			assert.Equal(t, "2", follower.path())
			assert.NotContains(t, ask(t, follower.url+"/v1/releases"), `"number":3`)
			assert.True(t, follower.w.Status().Ready)

			relay.handler.Store(honest)
			require.NoError(t, follower.sync())
			assert.Equal(t, "3", follower.path())
			assert.Contains(t, ask(t, follower.url+"/v1/releases"), `"number":3`)
		})
	}
}
