package server

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/httpstore"
)

// The routes below pass on the releases of [Options.Relay]. Package release/httpstore is their
// client.

const (
	releasesPath = "/v1/releases"
	releasePath  = releasesPath + "/{number}"
	blobPath     = "/v1/blobs/{hash}"
)

var (
	errNoReleases = errors.New("this server has no releases to pass on; start it with --cache DIR, and with --store URL or --from URL")
	errNoRelease  = errors.New("no such release here")
	errNoBlob     = errors.New("no release that this server passes on has such a blob")
	errBlob       = errors.New("blob cannot be read; try again later")
)

// releases responds with the releases that can be read, oldest first. With Prefer: wait=30
// and If-None-Match it waits until the list differs from the client's.
//
//	curl http://127.0.0.1:8000/v1/releases
func (h *Handler) releases(w http.ResponseWriter, r *http.Request) {
	h.announceChain(w)
	if h.options.Relay == nil {
		h.fail(w, r, errNoReleases)
		return
	}
	records, changed := h.options.Relay.Records()
	if wait := preferredWait(r); wait > 0 && matches(r, tagOf(records)) {
		err := h.await(w, r, wait, func() (<-chan struct{}, bool) {
			records, changed = h.options.Relay.Records()
			return changed, matches(r, tagOf(records))
		})
		if err != nil {
			h.fail(w, r, err)
			return
		}
		h.announceChain(w) // which may be another one by now
	}
	if isNotModified(w, r, tagOf(records)) {
		return
	}
	list := httpstore.List{Releases: []httpstore.Listed{}}
	for i := range records {
		rec := &records[i]
		list.Releases = append(list.Releases, httpstore.Listed{Number: rec.Number, Time: rec.Release.Time, Size: int64(len(rec.Data())), Hash: rec.Hash})
	}
	b, _ := json.Marshal(list) // it has nothing that cannot be encoded
	writeJSON(w, append(b, '\n'))
}

// tagOf returns the tag of a list of releases, which depends on the records alone.
func tagOf(records []release.Record) *tag {
	var all []byte
	for _, rec := range records {
		all = append(all, rec.Hash[:]...)
	}
	return &tagsOf(all)[identity]
}

// announceChain sets the header with the servers that the releases came through.
func (h *Handler) announceChain(w http.ResponseWriter) {
	w.Header().Set(httpstore.ChainHeader, strings.Join(append(h.chain(), h.epoch), ", "))
}

// chain returns the epochs of the servers that the releases came through before.
func (h *Handler) chain() []string {
	if h.options.Chain == nil {
		return nil
	}
	return slices.Clone(h.options.Chain())
}

// release responds with the record of a release as it was published, with its signatures.
//
//	curl http://127.0.0.1:8000/v1/releases/42
func (h *Handler) release(w http.ResponseWriter, r *http.Request) {
	if h.options.Relay == nil {
		h.fail(w, r, errNoReleases)
		return
	}
	records, _ := h.options.Relay.Records()
	number, err := strconv.ParseUint(r.PathValue("number"), 10, 31)
	at := slices.IndexFunc(records, func(rec release.Record) bool { return rec.Number == int(number) })
	if err != nil || at < 0 {
		h.fail(w, r, errNoRelease)
		return
	}
	w.Header()["Cache-Control"] = noCache
	serveBytes(w, r, records[at].Hash, "text/plain; charset=utf-8", records[at].Data())
}

// blob responds with a blob of a release, compressed by zstd. Its content never changes.
//
//	curl http://127.0.0.1:8000/v1/blobs/HASH | zstd -d
func (h *Handler) blob(w http.ResponseWriter, r *http.Request) {
	if h.options.Relay == nil {
		h.fail(w, r, errNoReleases)
		return
	}
	var hash release.Hash
	if err := hash.UnmarshalText([]byte(r.PathValue("hash"))); err != nil || hash.String() != r.PathValue("hash") {
		h.fail(w, r, errNoBlob)
		return
	}
	err := h.options.Relay.Blob(r.Context(), hash, func(value []byte) {
		w.Header()["Cache-Control"] = immutable
		serveBytes(w, r, hash, "application/zstd", value)
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		h.fail(w, r, errNoBlob)
	case err != nil:
		h.options.Log.WarnContext(r.Context(), "cannot read a blob", "hash", hash.String(), "err", err)
		h.fail(w, r, errBlob)
	}
}

// immutable is the header of what never changes: a year is the longest time.
var immutable = []string{"max-age=31536000, immutable"}

// serveBytes responds with content whose tag is a hash, or with 304.
func serveBytes(w http.ResponseWriter, r *http.Request, hash release.Hash, contentType string, content []byte) {
	t := &tag{`"` + hash.String() + `"`}
	w.Header()["Etag"] = t[:]
	if matches(r, t) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	write(w, http.StatusOK, []string{contentType}, content)
}

// releaseRoutes returns the routes of the releases.
func (h *Handler) releaseRoutes(d describer) []route {
	list := conditional(d.answers(d.json("The releases, oldest first.", reflect.TypeFor[httpstore.List]()), 400, 404, 503))
	list["200"].Headers[httpstore.ChainHeader] = &huma.Param{
		Description: "The epochs of the servers that the releases came through, this one last.", Schema: &huma.Schema{Type: huma.TypeString}}
	record := d.content("The record: a line of JSON, and signatures in the form of a signed note.", "text/plain", &huma.Schema{Type: huma.TypeString})
	blob := d.content("The content, compressed.", "application/zstd", &huma.Schema{Type: huma.TypeString, Format: "binary"})
	get := func(path, id, summary string, parameters []*huma.Param, answers map[string]*huma.Response, serve http.HandlerFunc) route {
		return route{huma.Operation{Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Parameters: parameters, Responses: answers}, h.withoutParameters(serve)}
	}
	return []route{
		get(releasesPath, "list-releases", "The releases that others may follow this server by: the one in service, and the one before it", waitParameters, list, h.releases),
		get(releasePath, "get-release", "The record of a release, as it was published", []*huma.Param{path("number", "The number of the release.")},
			conditional(d.answers(record, 400, 404)), h.release),
		get(blobPath, "get-blob", "A document of a release, or a part of its manifest", []*huma.Param{path("hash", "The SHA-256 of the content, in lower-case hexadecimal digits.")},
			conditional(d.answers(blob, 400, 404, 503)), h.blob),
	}
}
