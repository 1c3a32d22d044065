// Package records answers the requests of the public neuron viewer for stored data:
// /neuron_record, /attention_head_record and /existing_explanations.
//
//	http.Handle("/", New(reader, new(records.Store)))
package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/neurondex/neurondex/internal/redact"
	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/registry"
	"golang.org/x/sync/semaphore"
)

// maxBody limits the body of a request.
const maxBody = 1 << 20

// maxDatasets limits the datasets that a request names.
const maxDatasets = 100

// The limits of what is in memory at a time.
const (
	maxFiles  = 64      // files that are read or in memory
	maxAtOnce = 4       // parsed records
	maxLarge  = 2       // answers that exceed maxHeld
	maxHeld   = 1 << 20 // bytes of an answer that are buffered
)

// An Option configures [New].
type Option func(*handler)

// AllowPaths lets requests name paths that no registered dataset has, if they are a prefix or
// below it, like "https://host.example/data" or "/srv/data".
func AllowPaths(prefixes ...string) Option {
	return func(h *handler) { h.allowed = append(h.allowed, prefixes...) }
}

// ExposePaths lets messages name files of this machine by their absolute paths. Without it, of a
// path that the operating system cannot use only the last element is shown.
func ExposePaths() Option { return func(h *handler) { h.exposePaths = true } }

// New returns a handler of the three routes. It reads only paths of registered datasets, and
// what is below them by number.
func New(reader registry.Reader, store *records.Store, opts ...Option) http.Handler {
	h := &handler{reader: reader, store: store, files: semaphore.NewWeighted(maxFiles), turns: semaphore.NewWeighted(maxAtOnce), large: semaphore.NewWeighted(maxLarge)}
	for _, o := range opts {
		o(h)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /neuron_record", h.serve(h.record((*records.Record).Neuron)))
	mux.HandleFunc("POST /attention_head_record", h.serve(h.record((*records.Record).AttentionHead)))
	mux.HandleFunc("POST /existing_explanations", h.serve(h.explanations))
	return mux
}

type handler struct {
	reader  registry.Reader
	store   *records.Store
	allowed []string
	files   *semaphore.Weighted // for files that are read or in memory
	turns   *semaphore.Weighted // for records in memory
	large   *semaphore.Weighted // for large answers that are being sent
	paths   atomic.Pointer[pathIndex]

	exposePaths bool
}

// A request is the body of any of the three requests.
type request struct {
	DST                 *registry.DerivedScalarType `json:"dst"`
	LayerIndex          *int                        `json:"layerIndex"`
	ActivationIndex     *int                        `json:"activationIndex"`
	Datasets            []string                    `json:"datasets"`
	ExplanationDatasets []string                    `json:"explanationDatasets"`
	NeuronDataset       *string                     `json:"neuronDataset"`
}

// A statusError is an error with the status of its response.
type statusError struct {
	status  int
	message string
}

func (e *statusError) Error() string { return e.message }

func failed(status int, format string, args ...any) error {
	return &statusError{status, fmt.Sprintf(format, args...)}
}

// An answerFunc writes the answer to a request, or fails before it writes anything.
type answerFunc func(context.Context, *registry.Snapshot, *request, io.Writer) error

// serve returns a handler that reads a request and responds with an answer to it.
func (h *handler) serve(answer answerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		to := &reply{w: w, large: h.large}
		defer to.close()
		s := h.reader.Snapshot()
		q, err := readRequest(w, r, s)
		if err == nil {
			err = h.answer(r.Context(), s, q, to, answer)
		}
		switch {
		case err == nil:
			to.finish(http.StatusOK)
		case !to.sent:
			text := err.Error()
			if !h.exposePaths {
				text = redact.Paths(text, err)
			}
			b, _ := json.Marshal(map[string]string{"message": text}) // strings always marshal
			to.held.Reset()
			to.held.Write(b)
			to.finish(statusOf(err))
		default:
			panic(http.ErrAbortHandler) // the client must see that the answer is incomplete
		}
	}
}

// answer calls answer when a file may be read.
func (h *handler) answer(ctx context.Context, s *registry.Snapshot, q *request, to io.Writer, answer answerFunc) error {
	if err := h.files.Acquire(ctx, 1); err != nil {
		return err
	}
	defer h.files.Release(1)
	return answer(ctx, s, q, to)
}

func statusOf(err error) int {
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.status
	}
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	default:
		return http.StatusBadGateway
	}
}

func readRequest(w http.ResponseWriter, r *http.Request, s *registry.Snapshot) (*request, error) {
	q := new(request)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, failed(http.StatusRequestEntityTooLarge, "cannot read the body: %v", err)
	}
	if err := json.Unmarshal(body, q); err != nil {
		return nil, failed(http.StatusUnprocessableEntity, "malformed body: %v", err)
	}
	switch {
	case q.DST == nil || !isKnown(s, *q.DST):
		dst := "none given"
		if q.DST != nil {
			dst = strconv.Quote(string(*q.DST))
		}
		return nil, failed(http.StatusUnprocessableEntity, "dst: must be a derived scalar type, like %q: %s", registry.MLPPostAct, dst)
	case q.LayerIndex == nil || *q.LayerIndex < 0:
		return nil, failed(http.StatusUnprocessableEntity, "layerIndex: must be a number, 0 or greater")
	case q.ActivationIndex == nil || *q.ActivationIndex < 0:
		return nil, failed(http.StatusUnprocessableEntity, "activationIndex: must be a number, 0 or greater")
	case len(q.Datasets)+len(q.ExplanationDatasets) > maxDatasets:
		return nil, failed(http.StatusUnprocessableEntity, "exceeds the limit of %d datasets", maxDatasets)
	}
	return q, nil
}

// isKnown reports whether a type is known, or declared by a dataset.
func isKnown(s *registry.Snapshot, t registry.DerivedScalarType) bool {
	if t.IsKnown() {
		return true
	}
	for k := range s.Keys() {
		if k.DerivedScalarType == t {
			return true
		}
	}
	return false
}

// A recordFunc returns the answer about a record that was read below a path.
type recordFunc func(r *records.Record, path string) (io.WriterTo, error)

// record returns a function that answers with the record of the first dataset that has it.
func (h *handler) record(answer recordFunc) answerFunc {
	return func(ctx context.Context, s *registry.Snapshot, q *request, w io.Writer) error {
		if len(q.Datasets) == 0 {
			return failed(http.StatusUnprocessableEntity, "datasets: must name a dataset")
		}
		paths := make([]string, len(q.Datasets))
		note := ""
		for i, name := range q.Datasets { // all of them before the first is read
			d, p, err := h.resolve(s, name, *q.DST)
			if err != nil {
				return err
			}
			paths[i] = p
			note += d.note
		}
		for _, p := range paths {
			data, err := h.store.Read(ctx, p, *q.LayerIndex, *q.ActivationIndex, records.RecordExt)
			if errors.Is(err, records.ErrPyTorch) {
				note = "; " + records.ErrPyTorch.Error()
			}
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			return h.writeRecord(ctx, w, data, p, q, answer)
		}
		return failed(http.StatusNotFound, "no record of layer %d, index %d in %s%s", *q.LayerIndex, *q.ActivationIndex, strings.Join(q.Datasets, ", "), note)
	}
}

func (h *handler) writeRecord(ctx context.Context, w io.Writer, data []byte, p string, q *request, answer recordFunc) error {
	if err := h.turns.Acquire(ctx, 1); err != nil {
		return err
	}
	defer h.turns.Release(1)
	r, err := records.Parse(data)
	if err != nil {
		return unusable(p, q, records.RecordExt, err)
	}
	a, err := answer(r, p)
	if err != nil {
		return unusable(p, q, records.RecordExt, err)
	}
	_, err = a.WriteTo(w)
	return err
}

func unusable(p string, q *request, ext string, err error) error {
	return fmt.Errorf("%w: %s/%d/%d%s: %w", records.ErrFile, strings.TrimSuffix(p, "/"), *q.LayerIndex, *q.ActivationIndex, ext, err)
}

func (h *handler) explanations(ctx context.Context, s *registry.Snapshot, q *request, w io.Writer) error {
	if (len(q.ExplanationDatasets) > 0) == (q.NeuronDataset != nil) {
		return failed(http.StatusBadRequest, "Exactly one of explanation_datasets and neuron_dataset must be specified.")
	}
	paths := q.ExplanationDatasets
	if q.NeuronDataset != nil {
		d, _, err := h.resolve(s, *q.NeuronDataset, *q.DST)
		if err != nil {
			return err
		}
		paths = d.explanations
	}
	for _, p := range q.ExplanationDatasets {
		if err := h.check(s, p); err != nil {
			return err
		}
	}
	begin := "["
	for _, p := range paths {
		data, err := h.store.Read(ctx, p, *q.LayerIndex, *q.ActivationIndex, records.ExplanationExt)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if begin, err = h.writeExplanations(ctx, w, data, begin, p, q); err != nil {
			return err
		}
	}
	end := "]"
	if begin == "[" {
		end = "[]"
	}
	_, err := io.WriteString(w, end)
	return err
}

// writeExplanations writes the explanations of a file, each after what it begins with. It returns
// what the next one begins with.
func (h *handler) writeExplanations(ctx context.Context, w io.Writer, data []byte, begin, p string, q *request) (next string, err error) {
	if err := h.turns.Acquire(ctx, 1); err != nil {
		return begin, err
	}
	defer h.turns.Release(1)
	all, err := records.ParseExplanations(data)
	if err != nil {
		return begin, unusable(p, q, records.ExplanationExt, err)
	}
	for _, e := range all {
		if _, err := w.Write(e.AppendJSON([]byte(begin), p)); err != nil {
			return begin, err
		}
		begin = ","
	}
	return begin, nil
}

// A pathIndex holds what paths the datasets of a snapshot have.
type pathIndex struct {
	snapshot *registry.Snapshot
	datasets map[string][]registry.Dataset
	explains map[string]bool // paths of explanations
}

func (h *handler) index(s *registry.Snapshot) *pathIndex {
	if x := h.paths.Load(); x != nil && x.snapshot == s {
		return x
	}
	x := &pathIndex{s, make(map[string][]registry.Dataset), make(map[string]bool)}
	for d := range s.All() {
		p := records.CanonicalPath(d.NeuronDatasetPath())
		x.datasets[p] = append(x.datasets[p], d)
		for _, p := range d.ExplanationDatasetPaths() {
			x.explains[records.CanonicalPath(p)] = true
		}
	}
	h.paths.Store(x) // of two stored at once, either is valid
	return x
}

// A found dataset is a registered one, or a path that is allowed.
type found struct {
	explanations []string
	note         string // suffix of the error that it has no record
}

func foundDataset(d registry.Dataset) found {
	return found{d.ExplanationDatasetPaths(), records.NoteOnFormat(d)}
}

// resolve returns the path of a dataset that a request names, by its short name or its path.
func (h *handler) resolve(s *registry.Snapshot, name string, t registry.DerivedScalarType) (found, string, error) {
	if d, ok := s.Lookup(name, t); ok {
		return foundDataset(d), d.NeuronDatasetPath(), nil
	}
	if list := h.index(s).datasets[records.CanonicalPath(name)]; len(list) > 0 {
		best := list[0]
		for _, d := range list {
			if d.DerivedScalarType() == t {
				best = d
				break
			}
		}
		return foundDataset(best), name, nil
	}
	if !isPath(name) {
		return found{}, "", &registry.NotFoundError{Key: registry.Key{ShortName: name, DerivedScalarType: t}, Snapshot: s}
	}
	return found{}, name, h.check(s, name)
}

func isPath(name string) bool { return strings.ContainsAny(name, `/\`) }

// check reports an error unless a path is that of a registered dataset, or allowed.
func (h *handler) check(s *registry.Snapshot, name string) error {
	p, x := records.CanonicalPath(name), h.index(s)
	if len(x.datasets[p]) > 0 || x.explains[p] {
		return nil
	}
	for _, prefix := range h.allowed {
		if isBelow(p, records.CanonicalPath(prefix)) {
			return nil
		}
	}
	return failed(http.StatusForbidden, "%q is not the path of a registered dataset; allow it with --allow-path", name)
}

// isBelow reports whether a path is a prefix or below it. What could leave the prefix again is
// not below it.
func isBelow(p, prefix string) bool {
	rest, ok := strings.CutPrefix(p, prefix)
	if !ok || rest != "" && !strings.HasPrefix(rest, "/") && !strings.HasSuffix(prefix, "/") {
		return false
	}
	rest = strings.TrimPrefix(rest, "/")
	return rest == "" || !strings.ContainsAny(rest, `%?#\`) && path.Clean(rest) == rest && rest != ".." && !strings.HasPrefix(rest, "../") && rest[0] != '/'
}
