package watcher_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Follow a directory for as long as a context lives.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel() // all the shutdown there is

	w, err := watcher.Open(ctx, "../examples/datasets")
	if err != nil {
		log.Panic(err)
	}
	reg := w.Registry() // follows the files from now on

	// Once per request: one consistent state, no lock.
	snapshot := reg.Snapshot()
	dataset, err := snapshot.Get("gpt2-small", registry.MLPPostAct)
	if err != nil {
		log.Panic(err) // names the datasets that there are
	}
	fmt.Println(dataset.UserVisibleName())
	// Output: GPT-2 small - MLP neurons
}

// TestReadmeShowsTheExample keeps README.md from showing what nobody compiles.
func TestReadmeShowsTheExample(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	_, example, _ := strings.Cut(string(source), "func Example() {\n")
	example, _, _ = strings.Cut(example, "\t// Output:")
	example = strings.TrimSpace(strings.ReplaceAll("\n"+example, "\n\t", "\n"))
	assert.Contains(t, string(readme), "```go\n"+strings.Replace(example, "../examples/datasets", "/etc/neurondex", 1)+"\n```")
}
