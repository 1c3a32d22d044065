// Command neurondex finds, validates and serves neuron datasets. It reads them from a
// directory of TOML and JSON files and follows its changes, or from a store of releases in a
// directory. The command neurondex-all, in a module of its own, knows all stores.
//
// Run neurondex help for its commands.
package main

import (
	"github.com/neurondex/neurondex/internal/command"
	_ "github.com/neurondex/neurondex/release/dirstore" // file://
)

func main() { command.Main() }
