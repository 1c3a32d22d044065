package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/registry/viewer"
)

// The routes below are those of the Transformer Debugger's own servers, which the public
// neuron viewer asks. Their errors are objects with a message.

// recordPaths are the routes of [Options.Records].
var recordPaths = []string{"/neuron_record", "/attention_head_record", "/existing_explanations"}

// isDropIn reports whether a path is one of those that the public neuron viewer asks.
func isDropIn(path string) bool {
	switch path {
	case "/neuron_datasets_metadata", "/model_info", recordPaths[0], recordPaths[1], recordPaths[2]:
		return true
	}
	return false
}

// metadata responds with the four required fields of every dataset, as the Transformer
// Debugger's own server does.
//
//	curl -X POST http://127.0.0.1:8000/neuron_datasets_metadata
func (h *Handler) metadata(w http.ResponseWriter, r *http.Request) {
	st := h.state()
	serveBody(w, r, st.metadataTags, st.metadata)
}

// isHidden reports whether a dataset is left out for the public neuron viewer.
func (h *Handler) isHidden(d registry.Dataset) bool {
	if !h.options.ViewerSafe {
		return false
	}
	_, fault := viewer.Fault(d.Key())
	return fault != ""
}

var errNoModelInfo = errors.New("this server has no model information")

// modelInfo responds with what is known of the model, or with 404.
//
//	curl -X POST http://127.0.0.1:8000/model_info
func (h *Handler) modelInfo(w http.ResponseWriter, r *http.Request) {
	if h.options.ModelInfo == nil {
		h.fail(w, r, errNoModelInfo)
		return
	}
	b, err := h.options.ModelInfo()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		h.fail(w, r, fmt.Errorf("%w: %w", errNoModelInfo, err))
	case err != nil:
		h.options.Log.ErrorContext(r.Context(), "cannot read the model information", "err", err)
		h.fail(w, r, err)
	default:
		writeJSON(w, b)
	}
}
