package page

import (
	"net/http"
	"slices"
	"strings"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/excerpt"
	"github.com/neurondex/neurondex/internal/query"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/watcher"
)

const documentsPerPage = 100

// A documentList is what the page of documents shows.
type documentList struct {
	state
	Dir       string
	N         int
	Documents []document
	Newer     string // URLs
	Older     string
	Ignored   []source.Ignored
	Overrides int
}

// A document is a document with what is wrong with it.
type document struct {
	watcher.DocumentStatus
	Datasets int
	URL      string // of its datasets
	Means    string
	Bad      bool
	Findings []finding
}

// A finding is a diagnostic as neurondex validate prints it.
type finding struct {
	Place, Severity, Text string
	// The line, in which a caret is below At, or all empty.
	Before, At, After, Caret string
}

// meanings say what a state means.
var meanings = map[watcher.State]string{
	watcher.StatePending: "changing; read once it is complete",
	watcher.StateInvalid: "nothing of it is served",
	watcher.StateStale:   "its last good datasets are served",
	watcher.StateHeld:    "valid, but its change is held",
	watcher.StateUnknown: "the source cannot be read; its last good datasets are served",
}

// documents responds with the state of each document, those with problems first.
func (h *Handler) documents(w http.ResponseWriter, r *http.Request) {
	snapshot := h.reader.Snapshot()
	st := h.status(snapshot)
	slices.SortStableFunc(st.Documents, func(a, b watcher.DocumentStatus) int { return rank(&st, a) - rank(&st, b) })
	list := documentList{state: st, Dir: h.options.Dir, N: len(st.Documents), Ignored: st.Source.Ignored, Overrides: len(st.Overrides)}
	a := parseAddress(r.URL.Query())
	from := min(a.Page*documentsPerPage, len(st.Documents))
	to := min(from+documentsPerPage, len(st.Documents))
	at := func(page int) string {
		if page == 0 {
			return "documents"
		}
		return "documents" + address{Page: page}.URL()
	}
	if from > 0 {
		list.Newer = at(a.Page - 1)
	}
	if to < len(st.Documents) {
		list.Older = at(a.Page + 1)
	}
	for _, d := range st.Documents[from:to] {
		shown := document{DocumentStatus: d, Means: meanings[d.State], Bad: st.problems[d.Name], Findings: h.findings(d)}
		shown.Datasets, _ = snapshot.DocumentLen(d.Name)
		if shown.Datasets > 0 {
			var only address
			only.Values[query.FacetDocument] = d.Name
			shown.URL = only.URL()
		}
		list.Documents = append(list.Documents, shown)
	}
	f := h.frame(snapshot, st)
	f.Title, f.Here, f.Content = plural(list.N, "document"), "documents", list
	if n := len(st.problems); n > 0 {
		f.Title += ", " + number(n) + " with problems"
	}
	h.render(w, r, http.StatusOK, "documents.html", f)
}

// rank orders documents: invalid ones first, then others with problems.
func rank(st *state, d watcher.DocumentStatus) int {
	switch {
	case d.State == watcher.StateInvalid || d.State == watcher.StateStale:
		return 0
	case st.problems[d.Name]:
		return 1
	default:
		return 2
	}
}

// findings returns the diagnostics of a document, with the lines they are about if its content
// may be shown.
func (h *Handler) findings(d watcher.DocumentStatus) []finding {
	if len(d.Diagnostics) == 0 {
		return nil
	}
	var content []byte
	if h.options.Source != nil {
		content, _ = h.options.Source(d.Name) // it does without lines
	}
	lines := excerpt.New(content)
	list := make([]finding, len(d.Diagnostics))
	for i, found := range d.Diagnostics {
		list[i] = newFinding(found)
		line, caret := lines.Line(found.Line, found.Column)
		list[i].point(line, caret)
	}
	return list
}

// point sets the line, and what of it the caret is below.
func (f *finding) point(line, caret string) {
	if caret == "" {
		return
	}
	characters, at := []rune(line), len([]rune(caret))-1
	if at >= len(characters) { // behind the end
		characters, at = append(characters, ' '), len(characters)
	}
	f.Before, f.At, f.After, f.Caret = string(characters[:at]), string(characters[at]), string(characters[at+1:]), caret
}

func newFinding(d config.Diagnostic) finding {
	place, rest, _ := strings.Cut(d.String(), ": "+d.Severity.String()+": ")
	return finding{Place: place, Severity: d.Severity.String(), Text: rest}
}
