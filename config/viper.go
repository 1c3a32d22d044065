package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/pelletier/go-toml/v2/unstable"
	"github.com/spf13/viper"
)

// maxDepth is how deep lists and objects may lie in each other.
const maxDepth = 64

// opaqueKey is where a codec leaves its tree for [loader.load] to fetch. Viper sees one
// value there that it has no way into: left to its own, it lower-cases keys at
// every depth, turns large integers into floats, keeps one of two equal keys and
// loses where anything stood, at a cost that grows with the cube of the nesting.
const opaqueKey = "datasets"

// decoders are the formats.
var decoders = map[string]func(*loader) error{"toml": (*loader).decodeTOML, "json": (*loader).decodeJSON}

// A loader reads one document at a time: a Viper, and what its codecs work with. It is the
// registry of their formats, the codec of the one that is read, and holds the document
// itself, as what Viper hands over is a copy, made in a buffer that grows as it goes.
type loader struct {
	viper *viper.Viper
	empty strings.Reader // what Viper reads

	tree    tree
	decode  func(*loader) error
	toml    unstable.Parser
	json    jsontext.Decoder
	jsonBuf bytes.Buffer

	scratch  []byte        // texts of the dataset that is being read
	required *requiredPart // of the dataset that is being checked; apart, as the validator keeps hold of it
}

// loaders are for use again: most documents are small, and making a Viper, and room for a
// tree, for each of them anew is most of what reading it costs.
var loaders = sync.Pool{New: func() any {
	l := &loader{required: new(requiredPart)}
	l.viper = viper.NewWithOptions(viper.WithCodecRegistry(l))
	return l
}}

// A loader that has read more than this is not kept for the next document.
const (
	keptBytes = 4 << 20
	keptNodes = 1 << 16
)

// release gives a loader back, once nothing refers to it or its tree any more. All that
// it still holds of the document is in room of its own, which the next one is read into.
func (l *loader) release() {
	*l.required = requiredPart{}
	if cap(l.tree.text) > keptBytes || cap(l.tree.nodes) > keptNodes {
		return
	}
	l.tree.reset(nil)
	loaders.Put(l)
}

// Decoder returns the codec of a format.
func (l *loader) Decoder(format string) (viper.Decoder, error) {
	decode, ok := decoders[format]
	if !ok {
		return nil, fmt.Errorf("format %q: %w", format, errors.ErrUnsupported)
	}
	l.decode = decode
	return l, nil
}

// Encoder is there because Viper asks for both.
func (*loader) Encoder(string) (viper.Encoder, error) { return nil, errors.ErrUnsupported }

// Decode puts the tree of the document where load fetches it. Its error, where the data
// cannot be read to the end, is a *problem.
func (l *loader) Decode(_ []byte, into map[string]any) error {
	if err := l.decode(l); err != nil {
		return err
	}
	into[opaqueKey] = &l.tree
	return nil
}

// load reads a document of the given format. The tree is good until the loader is
// released, and does not refer to data.
func (l *loader) load(format string, data []byte) (*tree, *problem) {
	if format == "jsonc" {
		plain, fault := standardize(data)
		if fault != nil {
			return nil, fault
		}
		format, data = "json", plain
	}
	l.tree.reset(data)
	l.viper.SetConfigType(format)
	if err := l.viper.ReadConfig(&l.empty); err != nil {
		if p, ok := errors.AsType[*problem](err); ok {
			return nil, p
		}
		return nil, &problem{rule: RuleSyntax, message: err.Error()}
	}
	return l.viper.Get(opaqueKey).(*tree), nil
}

func tooDeep(at int) *problem {
	return &problem{RuleTooDeep, at, fmt.Sprintf("lists and objects lie more than %d deep in each other", maxDepth)}
}
