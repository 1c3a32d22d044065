package registry

import (
	"encoding/binary"
	"hash/maphash"
	"iter"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unique"
)

// A Dataset is a read-only view of one dataset: nothing that it returns can be
// used to change it, and it stays as it is after later reloads. It is one word
// wide, made to be copied, and safe for use by several goroutines. The zero
// Dataset has empty fields.
type Dataset struct{ r *record }

// A record is what a Dataset looks at. Once a snapshot can be reached from a
// registry, its records are never written to again.
//
// It is as large as a cache line, and a lookup reads one of them: TestSizes holds it
// to that.
type record struct {
	text    string // short name, name for people and path, one after the other
	typ     DerivedScalarType
	nameAt  uint32   // where in text the name for people begins
	pathAt  uint32   // where in text the path begins
	details *details // nil: no optional field is given
	origin  *origin
	under   *record // the definition of the same key that this one hides
}

// An origin names the document that a record came from. It outlives the versions
// of the document, so that records that did not change can be carried over.
type origin struct{ document string }

// details holds the optional fields, apart from the record because most datasets
// have none. The strings that many datasets have in common are handles: each is
// in memory once.
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
	zeroRecord  = &record{origin: &origin{}}
	emptyString = unique.Make("")
	zeroDetails = &details{model: emptyString, recordFormat: emptyString, version: emptyString, license: emptyString}

	// seed makes the hashes of this process unlike any other's: nobody can
	// prepare names that collide.
	seed = maphash.MakeSeed()
)

func hashKey(shortName string, typ DerivedScalarType) uint64 {
	return bits.RotateLeft64(maphash.String(seed, shortName), 32) ^ maphash.String(seed, string(typ))
}

// newRecord copies what it keeps of s: a spec's strings may be parts of a whole file.
func newRecord(s *Spec, from *origin) *record {
	return &record{
		text:    s.ShortName + s.UserVisibleName + s.NeuronDatasetPath,
		typ:     shareType(s.DerivedScalarType),
		nameAt:  uint32(len(s.ShortName)),
		pathAt:  uint32(len(s.ShortName) + len(s.UserVisibleName)),
		details: newDetails(s),
		origin:  from,
	}
}

// shareType returns t with its text in the program's own constants where it is a known
// type, and else where other records have it. Comparing a type to its constant then
// costs no look at the text.
func shareType(t DerivedScalarType) DerivedScalarType {
	if info, ok := infoByType[t]; ok {
		return info.value
	}
	return unique.Make(t).Value()
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

func (r *record) key() Key     { return Key{r.shortName(), r.typ} }
func (r *record) hash() uint64 { return hashKey(r.shortName(), r.typ) }

func (r *record) hasKey(shortName string, typ DerivedScalarType) bool {
	return r.shortName() == shortName && r.typ == typ
}

// equal reports whether r and q say the same, wherever they came from.
func (r *record) equal(q *record) bool {
	return r == q || r.text == q.text && r.nameAt == q.nameAt && r.pathAt == q.pathAt && r.typ == q.typ &&
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

// says reports whether r says what s does, without building a record to compare.
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

// appendContent appends a form of r that is the same on every machine, and that
// no other content has.
func (r *record) appendContent(b []byte) []byte {
	b = appendSized(b, r.shortName())
	b = appendSized(b, string(r.typ))
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

func (d Dataset) record() *record {
	if d.r == nil {
		return zeroRecord
	}
	return d.r
}

func (d Dataset) details() *details {
	if det := d.record().details; det != nil {
		return det
	}
	return zeroDetails
}

// IsZero reports whether d is the zero Dataset, which stands for none.
func (d Dataset) IsZero() bool { return d.r == nil }

// Key returns what identifies d.
func (d Dataset) Key() Key { return d.record().key() }

// ShortName returns the short name, like "gpt2-small".
func (d Dataset) ShortName() string { return d.record().shortName() }

// DerivedScalarType returns the kind of scalar that the records hold.
func (d Dataset) DerivedScalarType() DerivedScalarType { return d.record().typ }

// UserVisibleName returns the name for people.
func (d Dataset) UserVisibleName() string { return d.record().name() }

// NeuronDatasetPath returns the URL or path of the collated activations, byte for
// byte as it was given.
func (d Dataset) NeuronDatasetPath() string { return d.record().path() }

// Description returns the prose for people; empty if not given.
func (d Dataset) Description() string { return d.details().description }

// Model returns the name of the language model; empty if not given.
func (d Dataset) Model() string { return d.details().model.Value() }

// Layers returns the number of layers that have records; 0 if not given.
func (d Dataset) Layers() int { return d.details().layers }

// NodesPerLayer returns the number of units in each layer; 0 if not given.
func (d Dataset) NodesPerLayer() int { return d.details().nodesPerLayer }

// RecordFormat returns "json" or "pt"; empty if not given.
func (d Dataset) RecordFormat() string { return d.details().recordFormat.Value() }

// ExplanationDatasetPaths returns the URLs or paths of explanation datasets. The
// slice is the caller's own.
func (d Dataset) ExplanationDatasetPaths() []string {
	return slices.Clone(d.details().explanationPaths)
}

// Version returns the version of the dataset; empty if not given.
func (d Dataset) Version() string { return d.details().version.Value() }

// License returns the SPDX license identifier; empty if not given.
func (d Dataset) License() string { return d.details().license.Value() }

// Homepage returns a URL; empty if not given.
func (d Dataset) Homepage() string { return d.details().homepage }

// Tags returns the labels. The slice is the caller's own.
func (d Dataset) Tags() []string {
	det := d.details()
	if len(det.tags) == 0 {
		return nil
	}
	tags := make([]string, len(det.tags))
	for i, t := range det.tags {
		tags[i] = t.Value()
	}
	return tags
}

// Deprecated reports whether d is kept only for those who use it already.
func (d Dataset) Deprecated() bool { return d.details().deprecated }

// ReplacedBy returns the short name of the dataset to use instead; empty if not
// given.
func (d Dataset) ReplacedBy() string { return d.details().replacedBy }

// Extra yields the fields that neurondex does not know, in the order in which
// they were given and with their original key case.
func (d Dataset) Extra() iter.Seq2[string, Value] { return fieldSeq(d.details().extra) }

// Document returns the name of the document that defines d.
func (d Dataset) Document() string { return d.record().origin.document }

// Equal reports whether d and e say the same, wherever they came from.
func (d Dataset) Equal(e Dataset) bool { return d.record().equal(e.record()) }

// Spec returns the content of d as a plain struct of the caller's own, without
// its line.
func (d Dataset) Spec() Spec {
	det := d.details()
	return Spec{
		ShortName:               d.ShortName(),
		DerivedScalarType:       d.DerivedScalarType(),
		UserVisibleName:         d.UserVisibleName(),
		NeuronDatasetPath:       d.NeuronDatasetPath(),
		Description:             det.description,
		Model:                   d.Model(),
		Layers:                  det.layers,
		NodesPerLayer:           det.nodesPerLayer,
		RecordFormat:            d.RecordFormat(),
		ExplanationDatasetPaths: d.ExplanationDatasetPaths(),
		Version:                 d.Version(),
		License:                 d.License(),
		Homepage:                det.homepage,
		Tags:                    d.Tags(),
		Deprecated:              det.deprecated,
		ReplacedBy:              det.replacedBy,
		Extra:                   slices.Clone(det.extra),
	}
}

// String returns the key as short_name/derived_scalar_type.
func (d Dataset) String() string { return d.Key().String() }

// MarshalJSON returns every field that is given, the four required ones first,
// named in camelCase, and the extra ones last: a form that [config] reads back.
//
// [config]: https://pkg.go.dev/github.com/neurondex/neurondex/config
func (d Dataset) MarshalJSON() ([]byte, error) { return d.AppendJSON(nil), nil }

// AppendJSON appends what [Dataset.MarshalJSON] returns.
func (d Dataset) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	b = d.appendRequired(b)
	det := d.details()
	if det == zeroDetails {
		return append(b, '}')
	}
	text := func(name, value string) {
		if value != "" {
			b = append(append(append(b, `,"`...), name...), `":`...)
			b = appendJSONString(b, value)
		}
	}
	number := func(name string, value int) {
		if value != 0 {
			b = append(append(append(b, `,"`...), name...), `":`...)
			b = strconv.AppendInt(b, int64(value), 10)
		}
	}
	list := func(name string, values []string) {
		for i, v := range values {
			if i == 0 {
				b = append(append(append(b, `,"`...), name...), `":[`...)
			} else {
				b = append(b, ',')
			}
			b = appendJSONString(b, v)
		}
		if len(values) > 0 {
			b = append(b, ']')
		}
	}
	text("description", det.description)
	text("model", det.model.Value())
	number("layers", det.layers)
	number("nodesPerLayer", det.nodesPerLayer)
	text("recordFormat", det.recordFormat.Value())
	list("explanationDatasetPaths", det.explanationPaths)
	text("version", det.version.Value())
	text("license", det.license.Value())
	text("homepage", det.homepage)
	list("tags", d.Tags())
	if det.deprecated {
		b = append(b, `,"deprecated":true`...)
	}
	text("replacedBy", det.replacedBy)
	for _, f := range det.extra {
		b = append(b, ',')
		b = append(appendJSONString(b, f.Name), ':')
		b = f.Value.AppendJSON(b)
	}
	return append(b, '}')
}

func (d Dataset) appendRequired(b []byte) []byte {
	r := d.record()
	b = appendJSONString(append(b, `"shortName":`...), r.shortName())
	b = appendJSONString(append(b, `,"derivedScalarType":`...), string(r.typ))
	b = appendJSONString(append(b, `,"userVisibleName":`...), r.name())
	return appendJSONString(append(b, `,"neuronDatasetPath":`...), r.path())
}
