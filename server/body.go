package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A body is rendered and encoded once, when it is first needed, and kept in each encoding
// that a client asked for.
type body struct {
	contentType []string // the values of the header
	encoded     [encodings]func() []byte
}

func newBody(contentType string, render func() []byte) *body {
	plain := sync.OnceValue(render)
	return &body{[]string{contentType}, [encodings]func() []byte{
		plain,
		sync.OnceValue(func() []byte { return compressGzip(plain()) }),
		sync.OnceValue(func() []byte { return compressZstd(plain()) }),
	}}
}

func compressGzip(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b) // a buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

// encoder returns what encodes bodies for zstd. It is large, and safe for concurrent use.
var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)) // the options are valid
	return e
})

func compressZstd(b []byte) []byte { return encoder().EncodeAll(b, nil) }

// A tag is a strong entity tag. It is an array, so that responses can share it as the values of
// their header.
type tag [1]string

// tags are the tags of each encoding.
type tags [encodings]tag

func newTags(content string) *tags {
	t := new(tags)
	for e := range t {
		t[e][0] = `"` + content + `"`
		if encoding(e) != identity {
			t[e][0] = `"` + content + "-" + codings[e] + `"`
		}
	}
	return t
}

// tagsOf returns the tags of what does not depend on the registry.
func tagsOf(content []byte) *tags {
	sum := sha256.Sum256(content)
	return newTags(hex.EncodeToString(sum[:16]))
}

// isNotModified sets the headers of a response whose tag is given, and sends it if the client
// has the content already.
func isNotModified(w http.ResponseWriter, r *http.Request, t *tag) bool {
	header := w.Header()
	header["Etag"] = t[:]
	header["Cache-Control"] = noCache
	if r.Method == http.MethodPost || !matches(r, t) {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

// serveBody responds with a body, in the encoding that the client prefers, or with 304.
func serveBody(w http.ResponseWriter, r *http.Request, t *tags, b *body) {
	header := w.Header()
	switch vary := header["Vary"]; {
	case len(vary) == 0:
		header["Vary"] = acceptEncoding
	case len(vary) == 1 && vary[0] == "Origin":
		header["Vary"] = originAndEncoding
	default:
		header.Add("Vary", "Accept-Encoding")
	}
	e := negotiate(r)
	if isNotModified(w, r, &t[e]) {
		return
	}
	content := b.encoded[e]()
	header["Content-Type"] = b.contentType
	header.Set("Content-Length", strconv.Itoa(len(content)))
	header["X-Content-Type-Options"] = noSniff
	if e != identity {
		header.Set("Content-Encoding", codings[e])
	}
	_, _ = w.Write(content)
}
