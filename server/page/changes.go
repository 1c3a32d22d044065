package page

import (
	"net/http"
	"slices"
	"time"

	"github.com/neurondex/neurondex/internal/changes"
	"github.com/neurondex/neurondex/registry"
)

// An event is what happened to a dataset at a time: "added", "changed" or "removed".
type event struct {
	Time time.Time
	What string
}

// history returns what happened to a dataset, the latest first.
func (h *Handler) history(k registry.Key) []event {
	var events []event
	for _, e := range h.log.All() {
		if e.Change == nil {
			continue
		}
		for what, keys := range map[string][]registry.Key{"added": e.Change.Added, "changed": e.Change.Updated, "removed": e.Change.Removed} {
			if slices.Contains(keys, k) {
				events = append(events, event{e.Time, what})
			}
		}
	}
	return events
}

const (
	changesPerPage = 50
	keysPerChange  = 20
)

// A changeList is what the page of changes shows.
type changeList struct {
	Started time.Time
	Changes []change
	Newer   string // URL
	Older   string
}

// A change is an entry of the log.
type change struct {
	ID       string
	Time     time.Time
	Datasets int // after it
	Groups   []group
	Invalid  []string // documents
	Valid    []string
}

// A group are the datasets to which the same happened.
type group struct {
	What string
	Sign string
	N    int
	Keys []link
	More int
}

// changes responds with the last changes.
func (h *Handler) changes(w http.ResponseWriter, r *http.Request) {
	snapshot := h.reader.Snapshot()
	all := h.log.All()
	list := changeList{Started: h.started}
	a := parseAddress(r.URL.Query())
	from := min(a.Page*changesPerPage, len(all))
	to := min(from+changesPerPage, len(all))
	at := func(page int) string {
		other := address{Page: page}
		if page == 0 {
			return "changes"
		}
		return "changes" + other.URL()
	}
	if from > 0 {
		list.Newer = at(a.Page - 1)
	}
	if to < len(all) {
		list.Older = at(a.Page + 1)
	}
	for _, e := range all[from:to] {
		list.Changes = append(list.Changes, newChange(snapshot, e))
	}
	f := h.frame(snapshot, h.status(snapshot))
	f.Title, f.Here, f.Content = plural(len(all), "change"), "changes", list
	h.render(w, r, http.StatusOK, "changes.html", f)
}

func newChange(s *registry.Snapshot, e *changes.Entry) change {
	c := change{Time: e.Time}
	if d := e.Documents; d != nil {
		c.ID = e.Time.Format(time.RFC3339Nano)
		c.Invalid, c.Valid = d.Invalid, d.Valid
		return c
	}
	c.ID, c.Datasets = e.Change.After.String()[:16], e.Change.Datasets
	for _, g := range []struct {
		what, sign string
		n          int
		keys       []registry.Key
	}{
		{"added", "+", e.Change.Counts.Added, e.Change.Added},
		{"changed", "~", e.Change.Counts.Updated, e.Change.Updated},
		{"removed", "−", e.Change.Counts.Removed, e.Change.Removed},
	} {
		if g.n == 0 {
			continue
		}
		shown := group{What: g.what, Sign: g.sign, N: g.n}
		for _, k := range g.keys[:min(len(g.keys), keysPerChange)] {
			l := link{Text: k.String()}
			if _, ok := s.Lookup(k.ShortName, k.DerivedScalarType); ok {
				l.URL = datasetURL(k)
			}
			shown.Keys = append(shown.Keys, l)
		}
		shown.More = g.n - len(shown.Keys)
		c.Groups = append(c.Groups, shown)
	}
	return c
}
