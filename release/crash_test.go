package release_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/dirstore"
	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A dying store kills the process before a request, or after it.
type dying struct {
	release.Store
	steps *atomic.Int64 // until it dies
}

func (s dying) step() {
	if s.steps.Add(-1) == 0 {
		p, err := os.FindProcess(os.Getpid())
		if err == nil {
			_ = p.Kill()
		}
		select {} // the signal is on its way
	}
}

func (s dying) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	s.step()
	return s.Store.Get(ctx, key, limit)
}

func (s dying) Create(ctx context.Context, key string, value []byte) error {
	s.step()
	err := s.Store.Create(ctx, key, value)
	s.step()
	return err
}

func (s dying) List(ctx context.Context, prefix, after string) iter.Seq2[release.Entry, error] {
	s.step()
	return s.Store.List(ctx, prefix, after)
}

// The environment of a pusher that dies.
const (
	crashDir  = "RELEASE_CRASH_DIR"
	crashStep = "RELEASE_CRASH_STEP"
)

var crashDocuments = map[string]string{"a.toml": toml("a", "2"), "b.toml": toml("b", "2"), "c.toml": toml("c", "2")}

// TestCrashingPusher is the process of [TestPusherIsKilled].
func TestCrashingPusher(t *testing.T) {
	if os.Getenv(crashDir) == "" {
		t.Skip("it is run by TestPusherIsKilled")
	}
	step, err := strconv.Atoi(os.Getenv(crashStep))
	require.NoError(t, err)
	steps := new(atomic.Int64)
	steps.Store(int64(step))
	p := &publisher{t.Context(), &release.Repository{Store: dying{dirstore.New(os.Getenv(crashDir)), steps}}, crashDocuments}
	require.NoError(t, p.push())
}

// TestPusherIsKilled kills a pusher at each step of a push. A reader then sees the release
// before or the whole new one, and the next push succeeds.
func TestPusherIsKilled(t *testing.T) {
	for step := 1; ; step++ {
		dir := t.TempDir()
		store := dirstore.New(dir)
		p := newPublisher(t, store)
		require.NoError(t, p.apply(map[string]string{"a.toml": toml("a", "1")}, nil))
		reader := p.repo.Source(release.SourceOptions{})
		_, err := reader.Poll(t.Context(), source.PollAll)
		require.NoError(t, err)

		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashingPusher$")
		cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", crashDir+"="+dir, crashStep+"="+strconv.Itoa(step))
		out, err := cmd.CombinedOutput()
		if err == nil {
			require.Greater(t, step, 10)
			return
		}
		require.Equal(t, -1, cmd.ProcessState.ExitCode(), "%s", out)

		b, err := reader.Poll(t.Context(), source.PollAll)
		require.NoError(t, err, "step %d", step)
		if len(b.Changed) > 0 {
			assert.Equal(t, []string{"a.toml", "b.toml", "c.toml"}, names(b), "step %d", step)
			assert.Equal(t, 3, b.Health.Release.Number)
		}
		p.documents = crashDocuments
		require.NoError(t, p.push(), "the next push after step %d", step)
		_, err = reader.Poll(t.Context(), source.PollAll)
		require.NoError(t, err)
		head, err := p.repo.Head(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 3, head.Number, "nothing published is repeated")
		_, err = p.repo.Prune(t.Context(), 1, -time.Second)
		require.NoError(t, err)
		_, c, err := p.repo.Pull(t.Context(), 3, nil)
		require.NoError(t, err)
		assert.Equal(t, 3, c.Snapshot().Len(), fmt.Sprint("step ", step))
	}
}
