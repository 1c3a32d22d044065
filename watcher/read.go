package watcher

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/neurondex/neurondex/config"
)

// errMoved says that a file was not the same before and after it was read.
var errMoved = errors.New("changed while it was read")

// document reads the file that was seen under a name.
func (l *look) document(name string, s seen) Document {
	doc := Document{Name: name}
	if s.err != "" {
		doc.Err = errors.New(s.err)
	} else {
		doc.Data, doc.Err = l.readFile(name, s.info)
	}
	return doc
}

func (l *look) readFile(name string, info fs.FileInfo) ([]byte, error) {
	f, err := l.files.Open(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errMoved
		}
		return nil, errors.New(reason(err))
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil || !sameStat(before, info) {
		return nil, errMoved
	}
	most := l.MaxBytes
	if most == 0 {
		most = config.DefaultMaxBytes
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%w: it has more than %d bytes", config.ErrTooLarge, most) // never a part of it
	}
	data := make([]byte, info.Size()+1) // one more, to see that it has grown
	n, err := io.ReadFull(f, data)
	switch {
	case err == nil:
		return nil, errMoved
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New(reason(err))
	}
	after, err := f.Stat()
	if err != nil || !sameStat(after, info) || int64(n) != info.Size() {
		return nil, errMoved
	}
	return data[:n], nil // that the path still leads here, the next look tells
}

// reason returns an error's text without the path, which stands beside it already.
func reason(err error) string {
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		return perr.Err.Error()
	}
	return err.Error()
}
