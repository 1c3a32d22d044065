package registry

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"
	"unique"
)

// A record holds the content of a [Dataset], and is a node in the tree of all
// definitions of its short name. It is immutable once a snapshot refers to it.
//
// It has the size of a cache line, and a lookup reads only one of them: TestSizes
// checks this.
type record struct {
	text        string             // short name, user-visible name and path, concatenated
	typ         *DerivedScalarType // shared by the records of a type
	nameAt      uint32             // where in text the user-visible name begins
	pathAt      uint32             // where in text the path begins
	details     *details           // nil if no optional field is given
	origin      *origin
	left, right *record // see [record.insert]
}

// An origin names the document of a record. All versions of the document share it, so
// a reload can keep the records that did not change.
type origin struct{ document string }

var (
	zeroRecord  = &record{typ: new(DerivedScalarType), origin: &origin{}}
	emptyString = unique.Make("")

	// seed makes hashes different in each process, so that nobody can prepare names
	// that collide.
	seed = maphash.MakeSeed()
)

func hashString(s string) uint64 { return maphash.String(seed, s) }

func hashPair(s string, typ DerivedScalarType) uint64 {
	return bits.RotateLeft64(hashString(s), 32) ^ hashString(string(typ))
}

// newRecord copies the strings of s, which may be parts of a whole file. Typ is its
// type, shared.
func newRecord(s *Spec, typ *DerivedScalarType, from *origin) *record {
	return &record{
		text:    s.ShortName + s.UserVisibleName + s.NeuronDatasetPath,
		typ:     typ,
		nameAt:  uint32(len(s.ShortName)),
		pathAt:  uint32(len(s.ShortName) + len(s.UserVisibleName)),
		details: newDetails(s),
		origin:  from,
	}
}

func (r *record) shortName() string { return r.text[:r.nameAt] }
func (r *record) name() string      { return r.text[r.nameAt:r.pathAt] }
func (r *record) path() string      { return r.text[r.pathAt:] }

func (r *record) key() Key { return Key{r.shortName(), *r.typ} }

func (r *record) hasKey(shortName string, typ DerivedScalarType) bool {
	return r.shortName() == shortName && *r.typ == typ
}

// equal reports whether r and q have the same content, in any documents.
func (r *record) equal(q *record) bool {
	if r == q {
		return true
	}
	return r.text == q.text && r.nameAt == q.nameAt && r.pathAt == q.pathAt && *r.typ == *q.typ && r.details.equal(q.details)
}

// says reports whether r has the content of s, which has its key.
func (r *record) says(s *Spec) bool {
	return r.name() == s.UserVisibleName && r.path() == s.NeuronDatasetPath && r.details.says(s)
}

// appendContent appends an encoding of the content of r to be hashed. Different
// contents have different encodings, and the encoding must never change.
func (r *record) appendContent(b []byte) []byte {
	b = appendSized(b, r.shortName())
	b = appendSized(b, string(*r.typ))
	b = appendSized(b, r.name())
	b = appendSized(b, r.path())
	return r.details.appendContent(b)
}

func appendFields(b []byte, fields []Field) []byte {
	b = binary.AppendUvarint(b, uint64(len(fields)))
	for _, f := range fields {
		b = appendSized(b, f.Name)
		b = append(b, byte(f.Value.kind))
		b = appendSized(b, f.Value.text)
		b = appendFields(b, f.Value.fields)
	}
	return b
}

func appendStrings(b []byte, values []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(values)))
	for _, v := range values {
		b = appendSized(b, v)
	}
	return b
}

func appendHandles(b []byte, handles []unique.Handle[string]) []byte {
	b = binary.AppendUvarint(b, uint64(len(handles)))
	for _, h := range handles {
		b = appendSized(b, h.Value())
	}
	return b
}

func appendSized(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cloneStrings(values []string) []string {
	if len(values) == 0 {
		return nil
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strings.Clone(v)
	}
	return out
}

func makeHandles(values []string) []unique.Handle[string] {
	if len(values) == 0 {
		return nil
	}
	handles := make([]unique.Handle[string], len(values))
	for i, v := range values {
		handles[i] = unique.Make(v)
	}
	return handles
}

func handleValues(handles []unique.Handle[string]) []string {
	if len(handles) == 0 {
		return nil
	}
	values := make([]string, len(handles))
	for i, h := range handles {
		values[i] = h.Value()
	}
	return values
}

func handlesSay(handles []unique.Handle[string], values []string) bool {
	return slices.EqualFunc(handles, values, func(h unique.Handle[string], v string) bool { return h.Value() == v })
}
