package config

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/viper"
)

// maxDepth is how deep lists and objects may lie in each other.
const maxDepth = 64

// opaqueKey is where a codec leaves its tree for [load] to fetch. Viper sees one
// value there that it has no way into: left to its own, it lower-cases keys at
// every depth, turns large integers into floats, keeps one of two equal keys and
// loses where anything stood, at a cost that grows with the cube of the nesting.
const opaqueKey = "datasets"

// codecs are the formats. The registry is not written to after init.
var codecs = viper.NewCodecRegistry()

func init() {
	for format, decode := range map[string]decoder{"toml": decodeTOML, "json": decodeJSON} {
		if err := codecs.RegisterCodec(format, decode); err != nil {
			panic(err)
		}
	}
}

// A decoder is a Viper codec that only reads. Its error, where the data cannot be
// read to the end, is a *problem.
type decoder func(data []byte) (*tree, error)

// Decode puts the tree of data where load fetches it.
func (d decoder) Decode(data []byte, into map[string]any) error {
	t, err := d(data)
	if err != nil {
		return err
	}
	into[opaqueKey] = t
	return nil
}

// Encode is there because Viper asks for both.
func (decoder) Encode(map[string]any) ([]byte, error) { return nil, errors.ErrUnsupported }

// load reads a document of the given format by a Viper of its own.
func load(format string, data []byte) (*tree, *problem) {
	if format == "jsonc" {
		plain, fault := standardize(data)
		if fault != nil {
			return nil, fault
		}
		format, data = "json", plain
	}
	v := viper.NewWithOptions(viper.WithCodecRegistry(codecs))
	v.SetConfigType(format)
	if err := v.ReadConfig(bytes.NewReader(data)); err != nil {
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
