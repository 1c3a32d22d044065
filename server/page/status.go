package page

import (
	"fmt"
	"strings"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/redact"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/watcher"
)

// A state is the status of the watcher at a request.
type state struct {
	watcher.Status
	problems map[string]bool // names of the documents with problems
}

// status returns the state that goes with a snapshot.
func (h *Handler) status(s *registry.Snapshot) state {
	if h.options.Status == nil {
		st := state{Status: watcher.Status{Ready: true}}
		st.Source.Notified = true
		for name := range s.Documents() {
			st.Documents = append(st.Documents, watcher.DocumentStatus{Name: name, State: watcher.StateOK})
		}
		return st
	}
	st := state{Status: h.options.Status(), problems: make(map[string]bool)}
	if o := &h.options; st.SourceError != "" && !o.ExposePaths && o.CheckHealth != nil {
		st.SourceError = redact.Paths(st.SourceError, o.CheckHealth())
	}
	for i := range st.Documents {
		if d := &st.Documents[i]; hasProblem(d) {
			st.problems[d.Name] = true
		}
	}
	return st
}

// hasProblem reports whether a person should look at a document.
func hasProblem(d *watcher.DocumentStatus) bool {
	if d.State != watcher.StateOK && d.State != watcher.StatePending {
		return true
	}
	for i := range d.Diagnostics {
		if d.Diagnostics[i].Severity != config.SeverityHint {
			return true
		}
	}
	return false
}

// A banner names what is wrong, on every page.
type banner struct {
	Serious bool
	Text    string
	URL     string // of more, relative to the root
}

// frame returns what surrounds the content of a page.
func (h *Handler) frame(s *registry.Snapshot, st state) frame {
	f := frame{Hash: s.Hash().String(), Problems: len(st.problems), Release: st.Source.Release}
	add := func(serious bool, text, url string) { f.Banners = append(f.Banners, banner{serious, text, url}) }
	switch {
	case st.SourceError != "" && !st.Ready:
		add(true, "The source cannot be read: "+st.SourceError+".", "")
	case st.SourceError != "":
		add(true, "The source cannot be read: "+st.SourceError+". The last good datasets are served.", "")
	case !st.Ready:
		add(true, "The datasets are not loaded yet.", "")
	}
	if st.Held != "" {
		add(true, "A change is held: "+st.Held+".", "documents")
	}
	var invalid []string
	kept := 0
	for i := range st.Documents {
		switch d := &st.Documents[i]; d.State {
		case watcher.StateStale:
			kept++
			invalid = append(invalid, d.Name)
		case watcher.StateInvalid:
			invalid = append(invalid, d.Name)
		default:
		}
	}
	if len(invalid) > 0 {
		add(true, invalidText(invalid, kept), "documents")
	}
	switch {
	case st.Source.Release != nil && st.SourceError != "": // the error is shown already
	case st.Source.Release != nil:
		if st.Source.Problem != "" {
			add(false, "A problem with releases: "+st.Source.Problem+".", "")
		}
	case st.Source.Problem != "":
		add(false, "Changes are found by scanning, not by events: "+st.Source.Problem+".", "documents")
	case !st.Source.Notified && st.Source.Mode != "":
		add(false, "Changes are found by scanning, not by events, and are shown with a delay.", "documents")
	}
	return f
}

// invalidText names invalid documents. The last good datasets of some of them are kept.
func invalidText(names []string, kept int) string {
	const most = 3
	list := strings.Join(names[:min(len(names), most)], ", ")
	if more := len(names) - most; more > 0 {
		list += fmt.Sprintf(" and %s more", number(more))
	}
	verb, their := "are", "Their"
	if len(names) == 1 {
		verb, their = "is", "Its"
	}
	text := fmt.Sprintf("%s %s invalid: %s.", plural(len(names), "document"), verb, list)
	switch {
	case kept == len(names):
		text += " " + their + " last good datasets are served."
	case kept > 0:
		text += fmt.Sprintf(" The last good datasets of %s are served.", number(kept))
	}
	return text
}
