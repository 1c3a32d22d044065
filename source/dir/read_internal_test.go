//go:build unix

package dir

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A reading is a file system with one file, whose content and metadata may change while it is
// read.
type reading struct {
	fileSystem
	err     error // of opening it
	content io.Reader
	stats   []func() (fs.FileInfo, error) // of the calls of Stat, the last of any further ones
	open    int                           // number of files that are open
}

func (r *reading) Open(string) (fs.File, error) {
	if r.err != nil {
		return nil, r.err
	}
	r.open++
	return &readingFile{r}, nil
}

type readingFile struct{ *reading }

func (f *readingFile) Stat() (fs.FileInfo, error) {
	stat := f.stats[0]
	if len(f.stats) > 1 {
		f.stats = f.stats[1:]
	}
	return stat()
}

func (f *readingFile) Read(p []byte) (int, error) { return f.content.Read(p) }
func (f *readingFile) Close() error               { f.open--; return nil }

// A cutReader returns an error after its content.
type cutReader struct {
	io.Reader
	err error
}

func (r cutReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = r.err
	}
	return n, err
}

// TestReadFile checks what is read of a file that is, or is not, as a scan found it.
func TestReadFile(t *testing.T) {
	root := t.TempDir()
	stat := func(name, content string) func() (fs.FileInfo, error) {
		path := filepath.Join(root, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		return func() (fs.FileInfo, error) { return os.Stat(path) }
	}
	same, other := stat("a", "12345"), stat("b", "12345")
	failing := func() (fs.FileInfo, error) { return nil, syscall.EIO }
	info, err := same()
	require.NoError(t, err)
	type stats = []func() (fs.FileInfo, error)
	for name, tt := range map[string]struct {
		files   reading
		kind    kind
		writing writing
		remote  bool // the file system is that of another machine
		limit   int64
		want    string // the content, or a part of the error
		err     error
	}{
		"unchanged":                              {reading{content: strings.NewReader("12345"), stats: stats{same}}, edited, writingNo, false, 5, "12345", nil},
		"too large":                              {reading{content: strings.NewReader("12345"), stats: stats{same}}, edited, writingNo, false, 4, "exceeds the limit of 4 bytes", source.ErrTooLarge},
		"gone":                                   {reading{err: &fs.PathError{Op: "open", Path: "a", Err: syscall.ENOENT}}, edited, writingNo, false, 5, "", errChanged},
		"not readable":                           {reading{err: &fs.PathError{Op: "open", Path: "a", Err: syscall.EACCES}}, edited, writingNo, false, 5, "permission denied", nil},
		"another one":                            {reading{content: strings.NewReader("12345"), stats: stats{other, same}}, edited, writingNo, false, 5, "", errChanged},
		"without metadata":                       {reading{content: strings.NewReader("12345"), stats: stats{failing, same}}, edited, writingNo, false, 5, "", errChanged},
		"without metadata after it is read":      {reading{content: strings.NewReader("12345"), stats: stats{same, failing}}, edited, writingNo, false, 5, "", errChanged},
		"changed while it was read":              {reading{content: strings.NewReader("12345"), stats: stats{same, other}}, edited, writingNo, false, 5, "", errChanged},
		"longer than it says":                    {reading{content: strings.NewReader("123456"), stats: stats{same}}, edited, writingNo, false, 5, "", errChanged},
		"shorter than it says":                   {reading{content: strings.NewReader("1234"), stats: stats{same}}, edited, writingNo, false, 5, "", errChanged},
		"empty, though it says otherwise":        {reading{content: strings.NewReader(""), stats: stats{same}}, edited, writingNo, false, 5, "", errChanged},
		"cut off":                                {reading{content: cutReader{strings.NewReader("12345"), &fs.PathError{Op: "read", Path: "a", Err: syscall.EIO}}, stats: stats{same}}, edited, writingNo, false, 5, "input/output error", nil},
		"open for writing":                       {reading{content: strings.NewReader("12345"), stats: stats{same}}, edited, writingYes, false, 5, "", errOpen},
		"open for writing, read again":           {reading{content: strings.NewReader("12345"), stats: stats{same}}, touched, writingYes, false, 5, "12345", nil},
		"not known to be open":                   {reading{content: strings.NewReader("12345"), stats: stats{same}}, edited, writingUnknown, false, 5, "12345", nil},
		"without a lease from the other machine": {reading{content: strings.NewReader("12345"), stats: stats{same}}, edited, writingYes, true, 5, "12345", nil},
	} {
		t.Run(name, func(t *testing.T) {
			remote := func(path string) bool { return tt.remote && path == filepath.Join(root, "a") }
			d := &Dir{root: root, system: system{remote: remote, lease: func(fs.File) writing { return tt.writing }}, watches: newWatches(root, system{}, true)}
			data, err := d.readFile(&tt.files, "a", change{kind: tt.kind, file: file{stat: newStat(info), examined: true}}, tt.limit)
			assert.Zero(t, tt.files.open, "files left open")
			switch {
			case tt.err != nil:
				require.ErrorIs(t, err, tt.err)
				require.ErrorContains(t, err, tt.want)
				assert.Empty(t, data)
			case err != nil:
				require.EqualError(t, err, tt.want)
				assert.Empty(t, data)
			default:
				assert.Equal(t, tt.want, string(data))
			}
		})
	}
}

// TestReadWaiting checks which waiting files are opened, and what is said of the others.
func TestReadWaiting(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a.toml")
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o644))
	info, err := os.Stat(path)
	require.NoError(t, err)
	files, err := openDisk(root, false)
	require.NoError(t, err)
	defer files.Close()
	d := &Dir{root: root, system: realSystem, watches: newWatches(root, system{}, true), pending: newPending(testSettle, testMaxDelay, testResync)}
	d.pending.waiting = map[string]change{
		"a.toml": {kind: edited, file: file{stat: newStat(info), examined: true}},
		"b.toml": {kind: removed},
		"c.toml": {kind: moved},
		"d.toml": {kind: edited, file: file{err: "permission denied"}},
		"e.toml": {kind: edited, file: file{err: "is a directory", unknown: true}},
	}
	got := d.read(files, []string{"a.toml", "b.toml", "c.toml", "d.toml", "e.toml"})
	assert.Equal(t, source.Document{Name: "a.toml", Data: []byte("x")}, got[0])
	assert.Equal(t, source.Document{Name: "b.toml"}, got[1])
	assert.Equal(t, source.Document{Name: "c.toml"}, got[2])
	assert.Equal(t, source.Document{Name: "d.toml", Err: errors.New("permission denied")}, got[3])
	require.ErrorIs(t, got[4].Err, source.ErrNotDocument)
	assert.ErrorContains(t, got[4].Err, "is a directory")
	d.MaxBytes = 1
	assert.NoError(t, d.read(files, []string{"a.toml"})[0].Err)
	require.NoError(t, os.WriteFile(path, []byte("xy"), 0o644))
	info, err = os.Stat(path)
	require.NoError(t, err)
	d.pending.waiting["a.toml"] = change{kind: edited, file: file{stat: newStat(info), examined: true}}
	assert.ErrorIs(t, d.read(files, []string{"a.toml"})[0].Err, source.ErrTooLarge)
}
