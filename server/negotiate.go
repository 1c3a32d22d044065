package server

import (
	"net/http"
	"strconv"
	"strings"
)

// An encoding is a content coding.
type encoding int

const (
	identity encoding = iota
	gzipped
	zstandard
	encodings // their number
)

// codings are the names of the encodings in headers.
var codings = [encodings]string{gzipped: "gzip", zstandard: "zstd"}

// negotiate returns the encoding that a client prefers: of two that it likes as much, the
// smaller one.
func negotiate(r *http.Request) encoding {
	headers := r.Header["Accept-Encoding"]
	if len(headers) == 0 {
		return identity
	}
	weights := [encodings]float64{-1, -1, -1}
	others := 0.0
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, parameters, _ := strings.Cut(part, ";")
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(parameters)), "q="); ok {
			weight, _ = strconv.ParseFloat(q, 64) // 0 if malformed
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "identity":
			weights[identity] = weight
		case "gzip", "x-gzip":
			weights[gzipped] = weight
		case "zstd":
			weights[zstandard] = weight
		case "*":
			others = weight
		}
	}
	best, most := identity, weights[identity]
	for e := gzipped; e < encodings; e++ {
		weight := weights[e]
		if weight < 0 {
			weight = others
		}
		if weight > 0 && weight >= most {
			best, most = e, weight
		}
	}
	return best
}

// matches reports whether the header If-None-Match names a tag, as RFC 9110 compares weakly.
func matches(r *http.Request, t *tag) bool {
	headers := r.Header["If-None-Match"]
	if len(headers) == 0 {
		return false
	}
	rest := strings.Join(headers, ",")
	if strings.TrimSpace(rest) == "*" {
		return true
	}
	for {
		rest = strings.TrimPrefix(strings.TrimLeft(rest, " \t,"), "W/")
		if !strings.HasPrefix(rest, `"`) {
			return false
		}
		end := strings.IndexByte(rest[1:], '"')
		if end < 0 {
			return false
		}
		if rest[:end+2] == t[0] {
			return true
		}
		rest = rest[end+2:]
	}
}
