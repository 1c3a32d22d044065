package config_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLintTogether checks what is said about documents that are used together: the diagnostic,
// the value, and where.
func TestLintTogether(t *testing.T) {
	at := func(line int, name, by string, deprecated bool) registry.Spec {
		return registry.Spec{ShortName: name, DerivedScalarType: "mlp_post_act", ReplacedBy: by, Deprecated: deprecated, Line: line}
	}
	other := at(9, "x", "", false)
	other.DerivedScalarType = "attn_write_norm"
	for name, tt := range map[string]struct {
		docs []registry.Document
		want string
	}{
		"nothing": {},
		"one":     {[]registry.Document{{Name: "a", Datasets: []registry.Spec{at(1, "x", "", false), other}}}, ""},
		"three times": {
			[]registry.Document{
				{Name: "c", Datasets: []registry.Spec{at(3, "x", "", false)}}, {Name: "a", Datasets: []registry.Spec{at(1, "x", "", false)}},
				{Name: "b", Datasets: []registry.Spec{at(2, "x", "", false), other}},
			},
			`b:2:1: warning: short_name: dataset x/mlp_post_act overrides the definition in a:1 [overrides-other-file] x/mlp_post_act
c:3:1: warning: short_name: dataset x/mlp_post_act overrides the definition in b:2 [overrides-other-file] x/mlp_post_act`,
		},
		"without lines": {
			[]registry.Document{{Name: "a", Datasets: []registry.Spec{at(0, "x", "", false)}}, {Name: "b", Datasets: []registry.Spec{at(0, "x", "", false)}}},
			"b: warning: short_name: dataset x/mlp_post_act overrides the definition in a:0 [overrides-other-file] x/mlp_post_act",
		},
		"twice in one": {[]registry.Document{{Name: "a", Datasets: []registry.Spec{at(1, "x", "", false), at(2, "x", "", false)}}}, ""},
		"one type of a name is deprecated": {
			[]registry.Document{{Name: "a", Datasets: []registry.Spec{at(1, "x", "", true), other, at(3, "y", "x", false)}}}, "",
		},
		"the other type of a name is deprecated": {
			[]registry.Document{{Name: "a", Datasets: []registry.Spec{other, at(1, "x", "", true), at(3, "y", "x", false)}}}, "",
		},
		"every type of a name is deprecated": {
			[]registry.Document{{Name: "a", Datasets: []registry.Spec{
				at(1, "x", "", true), {ShortName: "x", DerivedScalarType: "attn_write_norm", Deprecated: true}, at(3, "y", "x", false)}}},
			`a:3:1: warning: replaced_by: dataset "x" is itself deprecated [deprecated-in-use] x`,
		},
		"missing": {
			[]registry.Document{{Name: "a", Datasets: []registry.Spec{at(1, "x", "none", false)}}}, `a:1:1: warning: replaced_by: no dataset "none" [replaced-by-missing] none`,
		},
	} {
		given := slices.Clone(tt.docs)
		var got []string
		for _, d := range config.Lint(tt.docs) {
			got = append(got, d.String()+" "+d.Value)
		}
		assert.Equal(t, tt.want, strings.Join(got, "\n"), name)
		assert.Equal(t, given, tt.docs, "%s: the documents keep their order", name)
	}
	unknown := config.DatasetDiagnostic(registry.Document{Name: "a", Datasets: []registry.Spec{at(0, "x", "", false)}}, 0, "short_name", config.SeverityWarning, "rule")
	assert.Zero(t, unknown.Column, "a position has both a line and a column, or none")
	found := config.LintViewer([]registry.Document{{Name: "a", Datasets: []registry.Spec{at(4, "x_y", "", false), at(5, "x", "", false)}}})
	require.Len(t, found, 1)
	assert.Equal(t, "x_y/mlp_post_act", found[0].Value)
	assert.Equal(t, "a:4:1: warning: short_name: the neuron viewer cannot show x_y/mlp_post_act: it takes what follows the underscore in the short name for the name of an autoencoder, and asks for \"x\" [viewer-cannot-show]",
		found[0].String())
}

// A brokenFile fails when it is read, after some of its content.
type brokenFile struct {
	fs.File
	closed *bool
}

func (f brokenFile) Read([]byte) (int, error) { return 0, errors.New("broken") }

func (f brokenFile) Close() error {
	*f.closed = true
	return f.File.Close()
}

// A brokenFS has files that cannot be opened, read or listed.
type brokenFS struct {
	fstest.MapFS
	closed *bool
}

func (f brokenFS) Open(name string) (fs.File, error) {
	switch name {
	case "closed.toml", "closed":
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	file, err := f.MapFS.Open(name)
	if name == "broken.toml" && err == nil {
		return brokenFile{file, f.closed}, nil
	}
	return file, err
}

func (f brokenFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "closed" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.MapFS.ReadDir(name)
}

// TestUnreadableFiles checks that a file that cannot be read is an error of that file alone.
func TestUnreadableFiles(t *testing.T) {
	closed := false
	file := &fstest.MapFile{Data: []byte(good)}
	fsys := brokenFS{fstest.MapFS{
		"a.toml": file, "broken.toml": file, "closed.toml": file, "z.toml": {Data: []byte(strings.Replace(good, `"x"`, `"z"`, 1))}, "bad.toml": {Data: []byte("x")},
		"pipe.toml": {Mode: fs.ModeNamedPipe}, "closed/b.toml": file, "a.toml.bak": file, "closed/.hidden.toml": file,
	}, &closed}
	r, err := config.LoadFS(fsys)
	require.NoError(t, err)
	var got []string
	for _, d := range r.Diagnostics {
		got = append(got, d.String())
	}
	assert.Equal(t, []string{
		"a.toml.bak: warning: is not read: not .toml, .json or .jsonc; rename, remove or exclude it [ignored-file]",
		"bad.toml:1:1: error: expected '=' after key [syntax]",
		"broken.toml: error: cannot be read: broken [unreadable]",
		"closed: warning: cannot be read: permission denied [unreadable]",
		"closed.toml: error: cannot be read: permission denied [unreadable]",
		"pipe.toml: error: cannot be read: not a regular file [unreadable]",
	}, got)
	var names []string
	for _, doc := range r.Documents {
		names = append(names, doc.Name)
		assert.Len(t, doc.Datasets, 1)
	}
	assert.Equal(t, []string{"a.toml", "z.toml"}, names)
	assert.True(t, closed, "a file that cannot be read is closed")

	_, err = config.LoadFS(brokenFS{fstest.MapFS{}, nil}, config.WithExclude("["))
	require.Error(t, err)
	_, err = config.LoadFS(noRoot{})
	require.ErrorIs(t, err, fs.ErrPermission)
}

// noRoot is a file system whose root cannot be listed.
type noRoot struct{}

func (noRoot) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

// TestLoadErrors checks which paths are errors of LoadFile and LoadDir.
func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.toml")
	require.NoError(t, os.WriteFile(file, []byte(good), 0o600))
	_, err := config.LoadFile(filepath.Join(dir, "none.toml"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = config.LoadFile(dir)
	require.ErrorContains(t, err, "is a directory")
	_, err = config.LoadDir(file)
	require.EqualError(t, err, "read "+file+": not a directory")
	_, err = config.LoadDir(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)

	// A link to nothing is a file that cannot be read.
	links := t.TempDir()
	if err := os.Symlink("none", filepath.Join(links, "link.toml")); err == nil {
		r, err := config.LoadDir(links)
		require.NoError(t, err)
		require.Len(t, r.Diagnostics, 1)
		assert.Equal(t, config.SeverityError, r.Diagnostics[0].Severity)
		assert.Equal(t, config.RuleUnreadable, r.Diagnostics[0].Rule)
	}

	// A file is too large by one byte, whatever its size was said to be.
	for _, limit := range []int64{int64(len(good)) - 1, int64(len(good)), int64(len(good)) + 1} {
		r, err := config.LoadFile(file, config.WithMaxBytes(limit))
		require.NoError(t, err)
		assert.Equal(t, limit < int64(len(good)), hasRule(r.Diagnostics, config.RuleTooLarge))
		assert.Equal(t, limit >= int64(len(good)), len(r.Documents) == 1)
		r, err = config.LoadFS(lyingFS{fstest.MapFS{"a.toml": {Data: []byte(good)}}}, config.WithMaxBytes(limit))
		require.NoError(t, err)
		assert.Equal(t, limit < int64(len(good)), hasRule(r.Diagnostics, config.RuleTooLarge))
		assert.Equal(t, limit >= int64(len(good)), len(r.Documents) == 1)
	}
}

// A lyingFS says of every file that it is empty, as the kernel does of some.
type lyingFS struct{ fstest.MapFS }

func (f lyingFS) Open(name string) (fs.File, error) {
	file, err := f.MapFS.Open(name)
	if err != nil || name == "." {
		return file, err
	}
	return emptyInfo{file}, nil
}

func (f lyingFS) Stat(string) (fs.FileInfo, error) { return noSize{}, nil }

type emptyInfo struct{ fs.File }

func (f emptyInfo) Stat() (fs.FileInfo, error) { return noSize{}, nil }

func (f emptyInfo) Read(b []byte) (int, error) { return f.File.(io.Reader).Read(b[:min(len(b), 7)]) }

type noSize struct{}

func (noSize) Name() string       { return "a.toml" }
func (noSize) Size() int64        { return 0 }
func (noSize) Mode() fs.FileMode  { return 0o644 }
func (noSize) ModTime() time.Time { return time.Time{} }
func (noSize) IsDir() bool        { return false }
func (noSize) Sys() any           { return nil }
