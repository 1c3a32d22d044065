package server

import (
	"encoding/json"
	"net/http"

	"github.com/neurondex/neurondex/watcher"
)

// A status is the body of /v1/status.
type status struct {
	watcher.Status
	Epoch            string   `json:"epoch" doc:"What tells the generations of this process from those of another; the events have it too."`
	Chain            []string `json:"chain,omitempty" doc:"The epochs of the servers that the releases came through, if they come from a server."`
	Streams          int      `json:"streams" doc:"The number of open event streams."`
	HiddenFromViewer int      `json:"hiddenFromViewer" doc:"The number of datasets that /neuron_datasets_metadata leaves out."`
}

// status responds with the state of the registry and of every document.
//
//	curl http://127.0.0.1:8000/v1/status
func (h *Handler) status(w http.ResponseWriter, r *http.Request) {
	s := h.reader.Snapshot()
	body := status{Status: watcher.Status{
		Ready: true, Generation: s.Generation(), Hash: s.Hash(), Datasets: s.Len(), Documents: []watcher.DocumentStatus{},
	}, Epoch: h.epoch, Chain: h.chain(), Streams: h.Streams()}
	if h.options.Status != nil {
		body.Status = h.options.Status()
	}
	if h.options.CheckHealth != nil {
		body.SourceError = h.withoutPaths(body.SourceError, h.options.CheckHealth())
	}
	if h.options.ViewerSafe {
		for d := range s.All() {
			if h.isHidden(d) {
				body.HiddenFromViewer++
			}
		}
	}
	b, err := json.Marshal(body)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	writeJSON(w, append(b, '\n'))
}
