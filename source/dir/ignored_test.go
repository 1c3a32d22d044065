package dir_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/neurondex/neurondex/internal/watchtest"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNamesInUpperCase(t *testing.T) {
	r := watchtest.New(t)
	r.Write("A.TOML", watchtest.TOML("1", "a"))
	r.Open()
	assert.Equal(t, "a=1", r.Served())
	r.Write("A.TOML", watchtest.TOML("2", "a"))
	r.Write("sub/B.Toml", watchtest.TOML("2", "b"))
	r.WaitFor("a=2 b=2")
	require.NoError(t, os.Rename(r.Path("A.TOML"), r.Path("a.toml")))
	require.NoError(t, r.Sync())
	assert.Equal(t, "a=2 b=2", r.Served())
	assert.Equal(t, "a.toml", r.W.Status().Documents[0].Name)
}

// TestIgnored leaves copies beside a file, and files of other formats. They are not read, and
// each is named once.
func TestIgnored(t *testing.T) {
	for _, polling := range []bool{false, true} {
		t.Run(fmt.Sprint("polling=", polling), func(t *testing.T) {
			r := watchtest.New(t)
			conflict := "site.sync-conflict-20260101-120000-ABCDEFG.toml"
			r.Write("site.toml", watchtest.TOML("1", "a"))
			r.Write(conflict, watchtest.TOML("old", "a"))
			r.Write("sub/b.yaml", "datasets: []")
			r.Write("out/c.yaml", "datasets: []")
			r.Write("notes.md", "")
			require.NoError(t, os.Mkdir(r.Path("d.yaml"), 0o755))
			r.OpenDir(dir.Dir{Polling: polling, Exclude: []string{"out"}})
			ignored := []source.Ignored{{Name: conflict, Why: "Syncthing conflict copy"}, {Name: "sub/b.yaml", Why: "not .toml, .json or .jsonc"}}
			check := func() {
				t.Helper()
				require.NoError(t, r.Sync())
				require.NoError(t, r.W.Reload(t.Context()))
				assert.Equal(t, ignored, r.W.Status().Source.Ignored)
			}
			check()
			assert.Equal(t, "a=1", r.Served())

			r.Write("site.toml~", watchtest.TOML("old", "a"))
			r.Write("out/d.yaml", "datasets: []")
			r.Write(conflict, watchtest.TOML("older", "a"))
			require.NoError(t, r.Sync())
			ignored = append(ignored[:1:1], source.Ignored{Name: "site.toml~", Why: "editor backup"}, ignored[1])
			check()
			require.NoError(t, os.Rename(r.Path(conflict), r.Path("site.toml")))
			ignored = ignored[1:]
			check()
			assert.Equal(t, "a=older", r.Served(), "a copy that is renamed is read")

			var lines []string
			for line := range strings.Lines(r.LogText.String()) {
				if _, text, ok := strings.Cut(line, "level=WARN "); ok {
					lines = append(lines, text)
				}
			}
			assert.Equal(t, []string{
				`msg="files are not read; rename, remove or exclude them" files="[` + conflict + ` (Syncthing conflict copy) sub/b.yaml (not .toml, .json or .jsonc)]"` + "\n",
				`msg="files are not read; rename, remove or exclude them" files="[site.toml~ (editor backup)]"` + "\n",
			}, lines)
		})
	}
}

// TestIgnoredIsFound writes a file that is not read. Nobody calls Sync.
func TestIgnoredIsFound(t *testing.T) {
	r := watchtest.New(t)
	r.Write("a.toml", watchtest.TOML("1", "a"))
	r.OpenDir(dir.Dir{Resync: time.Hour})
	r.Write("b.yml", "datasets: []")
	deadline := time.After(20 * time.Second)
	for {
		text, more := r.LogText.Read()
		if strings.Contains(text, "b.yml (not .toml, .json or .jsonc)") {
			return
		}
		select {
		case <-more:
		case <-deadline:
			require.Fail(t, "b.yml is not named", text)
		}
	}
}

// TestIgnoredIsBounded leaves more files than one would want to read about.
func TestIgnoredIsBounded(t *testing.T) {
	r := watchtest.New(t)
	for i := range 300 {
		r.Write(filepath.Join("sub", fmt.Sprintf("%03d.yaml", i)), "")
	}
	r.Open()
	assert.Len(t, r.W.Status().Source.Ignored, 100)
	require.NoError(t, r.Sync())
	text := r.LogText.String()
	assert.Equal(t, 1, strings.Count(text, "are not read"))
	assert.Contains(t, text, "sub/009.yaml (not .toml, .json or .jsonc) ...]")
	assert.NotContains(t, text, "sub/010.yaml")
}
