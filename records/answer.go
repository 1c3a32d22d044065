package records

import (
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// An answer writes JSON in pieces, since the JSON of a large record is several times its size.
type answer func(*writer)

// WriteTo implements [io.WriterTo]. It fails only if w does.
func (a answer) WriteTo(w io.Writer) (int64, error) {
	o := &writer{to: w, buf: make([]byte, 0, maxPiece+maxPiece/8)}
	a(o)
	o.flush()
	return o.n, o.err
}

// maxPiece is the size of the buffer of a writer, in bytes.
const maxPiece = 32 << 10

// A writer buffers JSON and writes it in pieces. After an error it writes nothing.
type writer struct {
	to  io.Writer
	buf []byte
	n   int64
	err error
}

func (o *writer) flush() {
	if o.err == nil && len(o.buf) > 0 {
		var n int
		n, o.err = o.to.Write(o.buf)
		o.n += int64(n)
	}
	o.buf = o.buf[:0]
}

func (o *writer) raw(s string) { o.buf = append(o.buf, s...) }

// text writes a string, with what is invalid UTF-8 replaced.
func (o *writer) text(s string) { o.buf = appendText(o.buf, s) }

func (o *writer) number(f float64) { o.buf = appendNumber(o.buf, f) }

func appendText(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // only fails for invalid UTF-8, which it replaces
	return b
}

func appendNumber(b []byte, f float64) []byte { return strconv.AppendFloat(b, f, 'g', -1, 64) }

// list writes a list of n items.
func (o *writer) list(n int, item func(i int)) {
	o.raw("[")
	for i := 0; i < n && o.err == nil; i++ {
		if i > 0 {
			o.raw(",")
		}
		if item(i); len(o.buf) >= maxPiece {
			o.flush()
		}
	}
	o.raw("]")
}
