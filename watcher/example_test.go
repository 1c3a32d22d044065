package watcher_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/watcher"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// embed is the example of README.md.
func embed(ctx context.Context) error {
	w, err := watcher.Open(ctx, "../examples/datasets") // follows the files until ctx is done
	if err != nil {
		return err
	}
	defer w.Close()

	// Once per request: one consistent state, no lock.
	snapshot := w.Snapshot()
	dataset, err := snapshot.Get("gpt2-small", registry.MLPPostAct)
	if err != nil {
		return err // lists the available datasets
	}
	fmt.Println(dataset.UserVisibleName())
	return nil
}

// A server loads a directory and follows it for as long as it runs.
func Example() {
	if err := embed(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: GPT-2 small - MLP neurons
}

// TestReadmeExample checks that README.md shows the function embed, which compiles.
func TestReadmeExample(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	_, example, _ := strings.Cut(string(source), "func embed(")
	example, _, _ = strings.Cut(example, "\n}\n")
	example = "func embed(" + example + "\n}"
	assert.Contains(t, string(readme), "```go\n"+strings.Replace(example, "../examples/datasets", "/etc/neurondex", 1)+"\n```")
}
