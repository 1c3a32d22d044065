package config

import "github.com/neurondex/neurondex/registry"

// DefaultMaxBytes is the size in bytes up to which a document is read.
const DefaultMaxBytes = 16 << 20

// An Option changes how documents are read.
type Option func(*options)

type options struct {
	maxBytes   int64
	extraTypes map[registry.DerivedScalarType]bool
}

func newOptions(opts []Option) options {
	o := options{maxBytes: DefaultMaxBytes}
	for _, set := range opts {
		set(&o)
	}
	return o
}

func (o *options) declare(types []registry.DerivedScalarType) {
	if o.extraTypes == nil {
		o.extraTypes = make(map[registry.DerivedScalarType]bool)
	}
	for _, t := range types {
		o.extraTypes[t] = true
	}
}

// WithExtraScalarTypes makes types known besides those of package registry and those
// that a document declares for itself.
func WithExtraScalarTypes(types ...registry.DerivedScalarType) Option {
	return func(o *options) { o.declare(types) }
}

// WithMaxBytes sets the size in bytes up to which a document is read, in place of
// [DefaultMaxBytes].
func WithMaxBytes(n int64) Option { return func(o *options) { o.maxBytes = n } }
