package dir_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A writer changes its own documents, some in the root and some in a directory.
type writer struct {
	*model
	name    string
	random  *rand.Rand
	version int
}

func (w *writer) work(deadline time.Time) {
	ops := []func(doc string){
		w.writeInPieces, w.writeInPieces, w.write, w.appendTo, w.truncate, w.renameOver, w.renameOver, w.moveIn, w.moveOut,
		w.hardLink, w.touch, w.remove, w.vim, w.emacs, w.nano, w.replaceDirectory, w.removeDirectory, w.burst, w.writeInvalid, w.writeEmpty, w.rename,
	}
	for time.Now().Before(deadline) {
		doc := w.name + fmt.Sprint("-", w.random.IntN(4)) + ".toml"
		if w.random.IntN(2) == 0 {
			doc = w.name + "-dir/" + doc
		}
		w.do(func() { ops[w.random.IntN(len(ops))](doc) })
		time.Sleep(time.Duration(w.random.IntN(15)) * time.Millisecond)
	}
	// Some invalid documents are fixed, and others stay invalid.
	for i := range 4 {
		for _, dir := range []string{"", w.name + "-dir/"} {
			doc := fmt.Sprintf("%s%s-%d.toml", dir, w.name, i)
			if w.random.IntN(3) > 0 {
				w.do(func() { w.renameOver(doc) })
			}
		}
	}
}

// next returns new content for a document. Its state is allowed from now on. The document
// counts as invalid until done is called.
func (w *writer) next(doc string) (path, text string, done func()) {
	w.version++
	n := 1 + w.random.IntN(6)
	text, state := content(doc, w.version, 0, n)
	w.allow(doc, state)
	w.setInvalid(doc, true)
	path = filepath.Join(w.Dir, doc)
	require.NoError(w, os.MkdirAll(filepath.Dir(path), 0o755))
	return path, text, func() { w.setInvalid(doc, false) }
}

func (w *writer) must(err error) {
	w.Helper()
	assert.NoError(w, err)
}

// ifExists reports whether err is nil. The only other error allowed is that a file does not
// exist.
func (w *writer) ifExists(err error) bool {
	w.Helper()
	if err != nil {
		assert.ErrorIs(w, err, fs.ErrNotExist)
	}
	return err == nil
}

// writeInPieces writes a file in pieces, sometimes with a pause that is much longer than
// the settle time. As long as it has the file open, none of the pieces may be read.
func (w *writer) writeInPieces(doc string) {
	path, text, done := w.next(doc)
	f, err := os.Create(path)
	if !assert.NoError(w, err) {
		return
	}
	written, last := 0, time.Now()
	for written < len(text) {
		n := min(len(text)-written, 1+w.random.IntN(200))
		if end := strings.Index(text[written:], "\n\n"); end > 0 && w.random.IntN(2) == 0 {
			n = end + 2 // whole datasets so far: it would be valid
		}
		_, err := f.WriteString(text[written : written+n])
		w.must(err)
		if time.Since(last) > modelSettle/2 && runtime.GOOS != "linux" { // where open files are not known
			w.allow(doc, strings.Repeat(fmt.Sprintf("v%d ", w.version), strings.Count(text[:written], "\n\n")))
		}
		written, last = written+n, time.Now()
		switch w.random.IntN(20) {
		case 0:
			time.Sleep(time.Duration(w.random.IntN(300)) * time.Millisecond)
		case 1, 2, 3, 4, 5:
			time.Sleep(time.Duration(w.random.IntN(3)) * time.Millisecond)
		}
	}
	w.must(f.Close())
	done()
}

func (w *writer) write(doc string) {
	path, text, done := w.next(doc)
	w.must(os.WriteFile(path, []byte(text), 0o644))
	done()
}

// nano writes in place.
func (w *writer) nano(doc string) { w.write(doc) }

func (w *writer) appendTo(doc string) {
	path, text, done := w.next(doc)
	w.must(os.WriteFile(path, []byte(text), 0o644))
	w.version++
	more, second := content(doc, w.version, 100, 2)
	w.allow(doc, strings.Repeat(fmt.Sprintf("v%d ", w.version-1), strings.Count(text, "[[datasets]]"))+second)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if assert.NoError(w, err) {
		_, err = f.WriteString(more)
		w.must(err)
		w.must(f.Close())
	}
	done()
}

// truncate truncates a document after its first dataset, where it is valid again.
func (w *writer) truncate(doc string) {
	path, text, done := w.next(doc)
	w.must(os.WriteFile(path, []byte(text), 0o644))
	if i := strings.Index(text[1:], "[[datasets]]"); i > 0 {
		w.allow(doc, fmt.Sprintf("v%d ", w.version))
		w.must(os.Truncate(path, int64(i+1)))
	}
	done()
}

func (w *writer) renameOver(doc string) {
	path, text, done := w.next(doc)
	w.must(os.WriteFile(path+".tmp", []byte(text), 0o644))
	w.must(os.Rename(path+".tmp", path))
	done()
}

// moveIn moves in an older file from outside the directory.
func (w *writer) moveIn(doc string) {
	path, text, done := w.next(doc)
	from := filepath.Join(w.outside, w.name)
	w.must(os.WriteFile(from, []byte(text), 0o644))
	old := time.Now().Add(-time.Duration(w.random.IntN(3)) * time.Hour)
	w.must(os.Chtimes(from, old, old))
	w.must(os.Rename(from, path))
	done()
}

func (w *writer) moveOut(doc string) {
	path := filepath.Join(w.Dir, doc)
	if w.ifExists(os.Rename(path, filepath.Join(w.outside, w.name+".away"))) {
		w.setInvalid(doc, false)
	}
}

// hardLink links a file, and changes it through its other name.
func (w *writer) hardLink(doc string) {
	path, text, done := w.next(doc)
	other := filepath.Join(w.outside, fmt.Sprintf("%s-%d", w.name, w.version))
	w.must(os.WriteFile(other, []byte(text), 0o644))
	if err := os.Remove(path); err != nil {
		w.ifExists(err)
	}
	w.must(os.Link(other, path))
	if w.random.IntN(2) == 0 {
		_, text, done = w.next(doc)
		w.must(os.WriteFile(other, []byte(text), 0o644))
	}
	done()
}

func (w *writer) touch(doc string) {
	path := filepath.Join(w.Dir, doc)
	w.ifExists(os.Chtimes(path, time.Time{}, time.Now()))
	w.ifExists(os.Chmod(path, 0o600+fs.FileMode(w.random.IntN(2))*0o44))
}

func (w *writer) remove(doc string) {
	if w.ifExists(os.Remove(filepath.Join(w.Dir, doc))) {
		w.setInvalid(doc, false)
	}
}

// vim renames the file to a backup, writes a new one, and removes the backup.
func (w *writer) vim(doc string) {
	path, text, done := w.next(doc)
	backup := w.ifExists(os.Rename(path, path+"~"))
	w.must(os.WriteFile(path, []byte(text), 0o644))
	if backup {
		w.must(os.Remove(path + "~"))
	}
	done()
}

// emacs writes an auto-save file, renames the file to a backup, and writes a new one.
func (w *writer) emacs(doc string) {
	path, text, done := w.next(doc)
	auto := filepath.Join(filepath.Dir(path), "#"+filepath.Base(path)+"#")
	w.must(os.WriteFile(auto, []byte(text[:len(text)/2]), 0o644))
	w.ifExists(os.Rename(path, path+"~"))
	w.must(os.WriteFile(path, []byte(text), 0o644))
	w.must(os.Remove(auto))
	done()
}

// replaceDirectory replaces the directory of the writer with another one.
func (w *writer) replaceDirectory(string) {
	next := filepath.Join(w.outside, w.name+"-next")
	w.must(os.Mkdir(next, 0o755))
	for i := range 4 {
		doc := fmt.Sprintf("%s-dir/%s-%d.toml", w.name, w.name, i)
		w.version++
		text, state := content(doc, w.version, 0, 2)
		w.allow(doc, state)
		w.setInvalid(doc, false)
		w.must(os.WriteFile(filepath.Join(next, filepath.Base(doc)), []byte(text), 0o644))
	}
	at := filepath.Join(w.Dir, w.name+"-dir")
	w.must(os.RemoveAll(at))
	w.must(os.Rename(next, at))
}

func (w *writer) removeDirectory(string) {
	w.must(os.RemoveAll(filepath.Join(w.Dir, w.name+"-dir")))
	for i := range 4 {
		w.setInvalid(fmt.Sprintf("%s-dir/%s-%d.toml", w.name, w.name, i), false)
	}
}

// burst writes many files, and removes most of them.
func (w *writer) burst(string) {
	if w.random.IntN(4) > 0 {
		return
	}
	n := 200
	if *modelTime > time.Minute {
		n = 2000
	}
	dir := filepath.Join(w.Dir, w.name+"-burst")
	w.must(os.MkdirAll(dir, 0o755))
	for i := range n {
		doc := fmt.Sprintf("%s-burst/%d.toml", w.name, i)
		text, state := content(doc, 1, 0, 1)
		w.allow(doc, state)
		w.must(os.WriteFile(filepath.Join(w.Dir, doc), []byte(text), 0o644))
	}
	for i := range n {
		if w.random.IntN(8) > 0 {
			w.must(os.Remove(filepath.Join(dir, fmt.Sprint(i, ".toml"))))
		}
	}
}

// writeInvalid makes a document invalid: its last good datasets stay in service.
func (w *writer) writeInvalid(doc string) {
	path, text, _ := w.next(doc)
	w.must(os.WriteFile(path, []byte(text+"\n[[datasets]"), 0o644))
}

func (w *writer) writeEmpty(doc string) {
	path, _, _ := w.next(doc)
	w.must(os.WriteFile(path, nil, 0o644))
}

// rename sometimes renames a document, and removes the new name.
func (w *writer) rename(doc string) {
	path, text, done := w.next(doc)
	w.must(os.WriteFile(path+".tmp", []byte(text), 0o644))
	w.must(os.Rename(path+".tmp", path))
	done()
	to := strings.Replace(doc, ".toml", "-moved.toml", 1)
	_, state := content(doc, w.version, 0, strings.Count(text, "[[datasets]]"))
	w.allow(to, state)
	if w.random.IntN(2) == 0 {
		w.must(os.Rename(path, filepath.Join(w.Dir, to)))
	}
	// The new name must not stay, or one document would override the other.
	w.ifExists(os.Remove(filepath.Join(w.Dir, to)))
}
