package registry

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"slices"
	"strconv"
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

// details holds the optional fields, which most datasets do not have. Strings that
// many datasets share are handles, so that each is in memory once.
type details struct {
	description      string
	homepage         string
	replacedBy       string
	model            unique.Handle[string]
	recordFormat     unique.Handle[string]
	version          unique.Handle[string]
	license          unique.Handle[string]
	layers           int
	nodesPerLayer    int
	explanationPaths []string
	tags             []unique.Handle[string]
	extra            []Field
	deprecated       bool
}

var (
	zeroRecord  = &record{typ: new(DerivedScalarType), origin: &origin{}}
	emptyString = unique.Make("")
	zeroDetails = &details{model: emptyString, recordFormat: emptyString, version: emptyString, license: emptyString}

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

func newDetails(s *Spec) *details {
	if !s.hasDetails() {
		return nil
	}
	d := &details{
		description:  strings.Clone(s.Description),
		homepage:     strings.Clone(s.Homepage),
		replacedBy:   strings.Clone(s.ReplacedBy),
		model:        unique.Make(s.Model),
		recordFormat: unique.Make(s.RecordFormat),
		version:      unique.Make(s.Version),
		license:      unique.Make(s.License),
		layers:       s.Layers, nodesPerLayer: s.NodesPerLayer,
		extra:      cloneFields(s.Extra),
		deprecated: s.Deprecated,
	}
	for _, path := range s.ExplanationDatasetPaths {
		d.explanationPaths = append(d.explanationPaths, strings.Clone(path))
	}
	for _, tag := range s.Tags {
		d.tags = append(d.tags, unique.Make(tag))
	}
	return d
}

// hasDetails reports whether any optional field is given.
func (s *Spec) hasDetails() bool {
	return s.Description != "" || s.Model != "" || s.Layers != 0 || s.NodesPerLayer != 0 || s.RecordFormat != "" ||
		len(s.ExplanationDatasetPaths) != 0 || s.Version != "" || s.License != "" || s.Homepage != "" ||
		len(s.Tags) != 0 || s.Deprecated || s.ReplacedBy != "" || len(s.Extra) != 0
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
	return r == q || r.text == q.text && r.nameAt == q.nameAt && r.pathAt == q.pathAt && *r.typ == *q.typ &&
		r.details.equal(q.details)
}

func (d *details) equal(e *details) bool {
	if d == nil || e == nil {
		return d == e
	}
	return d.description == e.description && d.homepage == e.homepage && d.replacedBy == e.replacedBy &&
		d.model == e.model && d.recordFormat == e.recordFormat && d.version == e.version && d.license == e.license &&
		d.layers == e.layers && d.nodesPerLayer == e.nodesPerLayer && d.deprecated == e.deprecated &&
		slices.Equal(d.explanationPaths, e.explanationPaths) && slices.Equal(d.tags, e.tags) &&
		slices.EqualFunc(d.extra, e.extra, Field.equal)
}

// says reports whether r has the content of s.
func (r *record) says(s *Spec) bool {
	return r.hasKey(s.ShortName, s.DerivedScalarType) && r.name() == s.UserVisibleName && r.path() == s.NeuronDatasetPath &&
		r.details.say(s)
}

func (d *details) say(s *Spec) bool {
	if d == nil {
		return !s.hasDetails()
	}
	return d.description == s.Description && d.homepage == s.Homepage && d.replacedBy == s.ReplacedBy &&
		d.model.Value() == s.Model && d.recordFormat.Value() == s.RecordFormat &&
		d.version.Value() == s.Version && d.license.Value() == s.License &&
		d.layers == s.Layers && d.nodesPerLayer == s.NodesPerLayer && d.deprecated == s.Deprecated &&
		slices.Equal(d.explanationPaths, s.ExplanationDatasetPaths) &&
		slices.EqualFunc(d.tags, s.Tags, func(h unique.Handle[string], tag string) bool { return h.Value() == tag }) &&
		slices.EqualFunc(d.extra, s.Extra, Field.equal)
}

// appendContent appends an encoding of the content of r to be hashed. Different
// contents have different encodings.
func (r *record) appendContent(b []byte) []byte {
	b = appendSized(b, r.shortName())
	b = appendSized(b, string(*r.typ))
	b = appendSized(b, r.name())
	b = appendSized(b, r.path())
	d := r.details
	if d == nil {
		return append(b, 0)
	}
	b = append(b, 1)
	for _, s := range []string{d.description, d.homepage, d.replacedBy, d.model.Value(), d.recordFormat.Value(), d.version.Value(), d.license.Value()} {
		b = appendSized(b, s)
	}
	b = binary.AppendVarint(b, int64(d.layers))
	b = binary.AppendVarint(b, int64(d.nodesPerLayer))
	b = strconv.AppendBool(b, d.deprecated)
	b = binary.AppendUvarint(b, uint64(len(d.explanationPaths)))
	for _, p := range d.explanationPaths {
		b = appendSized(b, p)
	}
	b = binary.AppendUvarint(b, uint64(len(d.tags)))
	for _, t := range d.tags {
		b = appendSized(b, t.Value())
	}
	return appendFields(b, d.extra)
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

func appendSized(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
