package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain runs the tests, or one of the servers that they start.
func TestMain(m *testing.M) {
	fault := os.Getenv("LOAD_FAULT")
	switch {
	case len(os.Args) > 1 && os.Args[1] == "fixed":
		main()
	case fault != "":
		if err := fakeMain(fault); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		os.Exit(m.Run())
	}
}

// TestFaults checks that each fault of a server is found, and that none is found where there is
// none.
func TestFaults(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	for fault, message := range map[string]string{
		"none":     "",
		"drop":     "do not follow|does not begin where the previous one ended",
		"chain":    "does not begin where the previous one ended",
		"twice":    "follows generation",
		"vanished": "the server counts 20 streams, but only 15 are alive",
		"asleep":   "clients miss the last state",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Setenv("LOAD_FAULT", fault)
			t.Setenv("TMPDIR", t.TempDir())
			b := newTestBench(t, self)
			b.scale = scale{
				streams: streamLoad{streams: 20, vanished: 5, changes: 16, interval: time.Millisecond, within: 3 * time.Second},
				polls:   pollLoad{clients: 10, changes: 5, interval: time.Millisecond, within: 3 * time.Second},
			}
			section := b.streams
			if fault == "asleep" {
				section = b.polls
			}
			err := section(t.Context())
			if message == "" {
				require.NoError(t, err)
				assert.NoError(t, b.polls(t.Context()))
				return
			}
			require.Error(t, err)
			assert.Regexp(t, message, err.Error())
		})
	}
}

func newTestBench(t *testing.T, binary string) *bench {
	t.Helper()
	dir := t.TempDir()
	log, err := os.Create(dir + "/log")
	require.NoError(t, err)
	t.Cleanup(func() { log.Close() })
	return &bench{dir: dir, binary: binary, log: log, out: new(strings.Builder)}
}

// TestLoad runs every section with a little load.
func TestLoad(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(t.Context(), []string{"-quick"}, &out))
	for _, row := range []string{"the full list of nine", "a page among 2000 datasets", "100 streams, 20 changes", "50 long polls, 10 changes"} {
		assert.Contains(t, out.String(), row)
	}
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{{"-run", "("}, {"-nosuch"}} {
		assert.Error(t, run(t.Context(), args, new(strings.Builder)), args)
	}
}
