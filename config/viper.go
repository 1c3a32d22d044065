package config

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/pelletier/go-toml/v2/unstable"
	"github.com/spf13/viper"
)

// maxDepth is the number of levels to which lists and objects may nest.
const maxDepth = 64

// treeKey is the key under which a codec hands its tree to Viper. The tree is one opaque
// value: walking maps itself, Viper would lower-case keys at every depth, turn large
// integers into floats, keep one of two equal keys and lose every position, at a cost
// that grows with the cube of the nesting.
const treeKey = "tree"

// decoders are the codecs, by format.
var decoders = map[string]func(*loader) error{"toml": (*loader).decodeTOML, "json": (*loader).decodeJSON}

// A loader reads one document at a time. It holds a Viper instance, is that instance's
// registry of codecs and the codec of the format being read, and owns the memory they use.
type loader struct {
	viper *viper.Viper
	none  bytes.Reader // what Viper reads

	tree      tree
	maxValues int // in the document being read
	decode    func(*loader) error
	toml      unstable.Parser
	json      jsontext.Decoder
	jsonBuf   bytes.Buffer

	entry    entry         // the dataset being read
	required *requiredPart // of the dataset being checked; a pointer, as the validator retains it
}

// loaders pools loaders. Most documents are small, and a new Viper and a new tree would be
// most of the cost of reading one.
var loaders = sync.Pool{New: func() any {
	l := &loader{required: new(requiredPart)}
	l.viper = viper.NewWithOptions(viper.WithCodecRegistry(l))
	return l
}}

// What holds more than this is not returned to its pool.
const (
	keptBytes = 4 << 20
	keptNodes = 1 << 16
)

// release returns a loader to the pool. The caller must not use it or its tree again.
func (l *loader) release() {
	*l.required, l.entry = requiredPart{}, entry{}
	if cap(l.tree.nodes) > keptNodes || cap(l.tree.text) > keptBytes {
		return
	}
	l.tree.reset(nil)
	l.toml.Reset(nil)
	l.jsonBuf = bytes.Buffer{}
	l.json.Reset(&l.jsonBuf)
	loaders.Put(l)
}

// Decoder implements [viper.CodecRegistry].
func (l *loader) Decoder(format string) (viper.Decoder, error) {
	decode, ok := decoders[format]
	if !ok {
		return nil, fmt.Errorf("format %q: %w", format, errors.ErrUnsupported)
	}
	l.decode = decode
	return l, nil
}

// Encoder implements [viper.CodecRegistry]. Nothing is written through Viper.
func (*loader) Encoder(string) (viper.Encoder, error) { return nil, errors.ErrUnsupported }

// Decode implements [viper.Decoder]. It decodes the document that load has put into the tree. If
// that cannot be read to its end the error is a [*problem].
func (l *loader) Decode(_ []byte, into map[string]any) error {
	if err := l.decode(l); err != nil {
		return err
	}
	into[treeKey] = &l.tree
	return nil
}

// load reads a document of the given format. The tree is valid until release, and does not
// refer to data.
func (l *loader) load(format string, data []byte, maxValues int) (*tree, *problem) {
	l.maxValues = maxValues
	if format == "jsonc" {
		plain, fault := standardize(data, func(int) {})
		if fault != nil {
			return nil, fault
		}
		format, data = "json", plain
	}
	l.tree.reset(data)
	l.viper.SetConfigType(format)
	// Viper gets an empty reader, and the codec reads the tree's copy of data: Viper would read into
	// a buffer that doubles as it grows, which was half of all memory that loading a directory took.
	if err := l.viper.ReadConfig(&l.none); err != nil {
		if p, ok := errors.AsType[*problem](err); ok {
			return nil, p
		}
		return nil, &problem{rule: RuleSyntax, message: err.Error()}
	}
	return l.viper.Get(treeKey).(*tree), nil
}

// tooMany returns the problem of a document that has too many values, which cost far more
// memory than its text. The first one too many is at an offset.
func (l *loader) tooMany(at int) *problem {
	return &problem{RuleTooLarge, at, fmt.Sprintf("exceeds the limit of %d values", l.maxValues)}
}

func tooDeep(at int) *problem {
	return &problem{RuleTooDeep, at, fmt.Sprintf("nesting exceeds %d levels", maxDepth)}
}
