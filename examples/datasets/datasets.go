// Package datasets embeds the nine neuron datasets that the public Transformer
// Debugger ships, as files that a person would write: the ones that are served where
// no directory is given.
package datasets

import "embed"

// FS holds the dataset files. It is for [config.LoadFS].
//
// [config.LoadFS]: https://pkg.go.dev/github.com/neurondex/neurondex/config#LoadFS
//
//go:embed *.toml *.json
var FS embed.FS
