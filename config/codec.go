package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/viper"
)

// maxDepth is how deep lists and objects may lie in each other.
const maxDepth = 64

// opaqueKey is where a codec leaves its tree for [load] to fetch. Viper sees one
// value there that it has no way into: left to its own, it lower-cases keys at
// every depth, turns large integers into floats, keeps one of two equal keys and
// loses where anything stood, at a cost that grows with the cube of the nesting.
const opaqueKey = "datasets"

// decoders are the formats.
var decoders = map[string]func([]byte) (*tree, error){"toml": decodeTOML, "json": decodeJSON}

// A codec is how one document reaches its Viper: both the registry of its formats and the
// codec of the one that it has. It holds the document itself, as what Viper hands over is a
// copy, made in a buffer that grows as it goes.
type codec struct{ data []byte }

// Decoder returns the codec of a format.
func (c codec) Decoder(format string) (viper.Decoder, error) {
	decode, ok := decoders[format]
	if !ok {
		return nil, fmt.Errorf("format %q: %w", format, errors.ErrUnsupported)
	}
	return decoder{decode, c.data}, nil
}

// Encoder is there because Viper asks for both.
func (codec) Encoder(string) (viper.Encoder, error) { return nil, errors.ErrUnsupported }

type decoder struct {
	decode func([]byte) (*tree, error)
	data   []byte
}

// Decode puts the tree of the document where load fetches it. Its error, where the data
// cannot be read to the end, is a *problem.
func (d decoder) Decode(_ []byte, into map[string]any) error {
	t, err := d.decode(d.data)
	if err != nil {
		return err
	}
	into[opaqueKey] = t
	return nil
}

// load reads a document of the given format by a Viper of its own.
func load(format string, data []byte) (*tree, *problem) {
	if format == "jsonc" {
		plain, fault := standardize(data)
		if fault != nil {
			return nil, fault
		}
		format, data = "json", plain
	}
	v := viper.NewWithOptions(viper.WithCodecRegistry(codec{data}))
	v.SetConfigType(format)
	if err := v.ReadConfig(strings.NewReader("")); err != nil {
		if p, ok := errors.AsType[*problem](err); ok {
			return nil, p
		}
		return nil, &problem{rule: Syntax, message: err.Error()}
	}
	return v.Get(opaqueKey).(*tree), nil
}

func tooDeep(at int) *problem {
	return &problem{TooDeep, at, fmt.Sprintf("lists and objects lie more than %d deep in each other", maxDepth)}
}
