package server

import (
	"encoding/json"
	"net/http"

	"github.com/neurondex/neurondex/registry"
)

// A typeList is the body of /v1/types.
type typeList struct {
	Types []scalarType `json:"types" nullable:"false"`
}

// A scalarType is a known kind of scalar.
type scalarType struct {
	DerivedScalarType            registry.DerivedScalarType `json:"derivedScalarType"`
	Constant                     string                     `json:"constant" doc:"The name of its constant in the Transformer Debugger."`
	Group                        string                     `json:"group"`
	Shape                        []string                   `json:"shape" nullable:"false" doc:"The dimensions of the tensor, outermost first."`
	NodeType                     string                     `json:"nodeType" doc:"The kind of unit in the last dimension."`
	LocationWithinLayer          string                     `json:"locationWithinLayer,omitempty"`
	ViewerNodeType               string                     `json:"viewerNodeType,omitempty" doc:"What the public neuron viewer uses for it, if it supports it."`
	RawActivation                bool                       `json:"rawActivation"`
	AutoencoderLatent            bool                       `json:"autoencoderLatent"`
	UsesAttendedToSequenceTokens bool                       `json:"usesAttendedToSequenceTokens"`
}

// typesJSON returns every known kind of scalar.
//
//	curl http://127.0.0.1:8000/v1/types
func typesJSON() []byte {
	list := typeList{}
	for t := range registry.DerivedScalarTypes() {
		list.Types = append(list.Types, scalarType{
			t, t.Constant(), t.Group(), append([]string{}, t.Shape()...), t.NodeType(), t.LocationWithinLayer(), t.ViewerNodeType(),
			t.IsRawActivation(), t.IsAutoencoderLatent(), t.UsesAttendedToSequenceTokens(),
		})
	}
	b, _ := json.Marshal(list) // strings and booleans always marshal
	return append(b, '\n')
}

// withoutParameters refuses requests that have a query.
func (h *Handler) withoutParameters(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := parameters(r, nil); err != nil {
			h.fail(w, r, err)
			return
		}
		next(w, r)
	}
}
