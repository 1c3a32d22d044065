package config

import (
	"cmp"

	"github.com/neurondex/neurondex/internal/disk"
	"github.com/neurondex/neurondex/registry"
)

// DefaultMaxBytes is the default limit on the size of a document, in bytes.
const DefaultMaxBytes = 16 << 20

// An Option changes how documents are read.
type Option func(*options)

type options struct {
	maxBytes     int64
	extraTypes   map[registry.DerivedScalarType]bool
	extraFields  map[string]bool
	exclude      disk.Patterns
	commentsLost bool // for Convert
}

func newOptions(opts []Option) *options {
	o := new(options)
	o.set(opts)
	return o
}

// set sets o to the defaults and applies opts.
func (o *options) set(opts []Option) {
	*o = options{maxBytes: DefaultMaxBytes}
	for _, change := range opts {
		change(o)
	}
}

func (o *options) addExtraTypes(types ...registry.DerivedScalarType) {
	if o.extraTypes == nil {
		o.extraTypes = make(map[registry.DerivedScalarType]bool)
	}
	for _, t := range types {
		if isNotBlank(string(t)) {
			o.extraTypes[t] = true
		}
	}
}

// WithExtraScalarTypes accepts types in addition to those known to package registry and
// those that a document lists under extra_scalar_types. It may be given more than once. A
// blank type is never accepted.
func WithExtraScalarTypes(types ...registry.DerivedScalarType) Option {
	return func(o *options) { o.addExtraTypes(types...) }
}

func (o *options) addExtraFields(names ...string) {
	if o.extraFields == nil {
		o.extraFields = make(map[string]bool)
	}
	for _, name := range names {
		o.extraFields[name] = true
	}
}

// WithExtraFields declares fields of datasets in addition to those that a document lists under
// extra_fields. They are kept as extra fields like any unknown field, without a warning. It may
// be given more than once.
func WithExtraFields(names ...string) Option {
	return func(o *options) { o.addExtraFields(names...) }
}

// WithMaxBytes limits the size of a document to n bytes. A larger document is rejected
// with [RuleTooLarge], as is one with more than a value for every ten bytes of the limit or
// of the default. 0 means [DefaultMaxBytes]. The largest limit is 1 GiB.
func WithMaxBytes(n int64) Option {
	return func(o *options) { o.maxBytes = min(cmp.Or(n, DefaultMaxBytes), maxText) }
}

// WithExclude makes [LoadDir] and [LoadFS] leave out the files and directories that a pattern
// matches: with a slash, their paths ("**" matches any number of directories); without, their
// names. It may be given more than once.
func WithExclude(patterns ...string) Option {
	return func(o *options) { o.exclude = append(o.exclude, patterns...) }
}

// maxValues returns the largest number of values that a document may have: lists, objects and
// all that they hold.
func (o *options) maxValues() int { return max(DefaultMaxBytes, int(o.maxBytes)) / 10 }

// maxText is the largest document, as UTF-8. A tree has 32-bit offsets into up to twice the
// document.
const maxText = 1<<30 - 1
