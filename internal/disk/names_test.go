package disk_test

import (
	"testing"
	"testing/fstest"

	"github.com/neurondex/neurondex/internal/disk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	const (
		read    = "read" // a document
		silent  = ""     // no document, and not worth a word
		foreign = "not .toml, .json or .jsonc"
	)
	for name, want := range map[string]string{
		"a.toml": read, "a.json": read, "a.jsonc": read, "A.TOML": read, "a.Json": read, "b.JsonC": read,
		"a b.toml": read, "a.b.toml": read, "00-base.toml": read, "orig.toml": read, "a.yaml.toml": read, "a.orig.toml": read,
		"gpt2_base_12.json": read, "a_BASE.toml": read, "a_BASE_x1.toml": read, "BASE_1.toml": read, "12.toml": read, "4913.toml": read,

		"": silent, "a": silent, "toml": silent, "README.md": silent, "tomlfile": silent, "a.tomlish": silent, "4913": silent,
		".a.toml": silent, "..data": silent, ".a.toml.swp": silent, ".#a.toml": silent, "._a.toml": silent, ".~lock.a.json#": silent,
		"Makefile.orig": silent, "notes~": silent, "a.csv": silent,

		"a.yaml": foreign, "A.YML": foreign, "a.json5": foreign, "a.jsonl": foreign,
		"a.toml.txt": foreign, "a.json.bak": foreign, "a.toml_": foreign, "a.json.gz": foreign,
		"a.toml (1)": foreign, "a.toml~HEAD": foreign, "a.toml.": foreign, "a.toml.tmp.17": foreign,

		"site.sync-conflict-20260101-120000-ABCDEFG.json": "Syncthing conflict copy",
		"~syncthing~site.json.tmp":                        "Syncthing temporary file",
		"site (Ann's conflicted copy 2026-01-01).toml":    "Dropbox conflict copy",
		"site (conflicted copy 2026-01-01 120000).toml":   "Dropbox conflict copy",
		"site (Case Conflict).toml":                       "Dropbox conflict copy",
		"site (Unicode Encoding Conflict).toml":           "Dropbox conflict copy",
		"a_BACKUP_123.toml":                               "git mergetool leftover",
		"a_BASE_123.toml":                                 "git mergetool leftover",
		"a_LOCAL_123.json":                                "git mergetool leftover",
		"a_REMOTE_123.jsonc":                              "git mergetool leftover",
		"a_LOCAL_LCONFL_123.toml":                         "git mergetool leftover",
		"a.toml.orig":                                     "merge or patch backup",
		"a.toml.rej":                                      "patch reject file",
		"a.toml~":                                         "editor backup",
		"a.toml.~1~":                                      "editor backup",
		"a.toml.swp":                                      "Vim swap file",
		"#a.toml":                                         "Emacs auto-save file",
		"#a.toml#":                                        "Emacs auto-save file",
		"a.toml___jb_tmp___":                              "JetBrains temporary file",
		"a.toml___jb_old___":                              "JetBrains backup",
		"~$a.json":                                        "Office lock file",
		"~a.json":                                         "temporary file",
		"a.toml.dpkg-old":                                 "dpkg leftover",
		"a.toml.dpkg-dist":                                "dpkg leftover",
		"a.toml.dpkg-new":                                 "dpkg leftover",
		"a.toml.rpmsave":                                  "rpm leftover",
		"a.json.rpmnew":                                   "rpm leftover",
	} {
		assert.Equal(t, want == read, disk.IsDocument(name), "IsDocument(%q)", name)
		if want == read {
			want = ""
		}
		assert.Equal(t, want, disk.Ignored(name), "Ignored(%q)", name)
	}
}

func TestWalkIgnores(t *testing.T) {
	fsys := fstest.MapFS{"a.toml": {}, "a.toml~": {}, "b.yaml": {}, "notes.md": {}, "d.json.bak/c.toml": {}, "x/skip.yaml": {}}
	found := make(map[string]string)
	walker := disk.Walker{FS: fsys, Exclude: disk.Patterns{"skip.*"}}
	err := walker.Walk(func(e disk.Entry) {
		if !e.IsDir() {
			found[e.Name] = e.Ignored
			assert.Equal(t, e.Ignored == "", e.IsCandidate(), e.Name)
		}
	})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a.toml": "", "a.toml~": "editor backup", "b.yaml": "not .toml, .json or .jsonc", "d.json.bak/c.toml": ""}, found)
}
