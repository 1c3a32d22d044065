package registry

import (
	"errors"
	"fmt"
	"strings"
)

// Errors to branch on with [errors.Is].
var (
	// ErrNotFound says that there is no dataset of a key.
	ErrNotFound = errors.New("no such neuron dataset")
	// ErrDuplicate says that a document defines a key twice, or that a change
	// names a document twice.
	ErrDuplicate = errors.New("defined twice")
	// ErrMissingField says that a required field is empty.
	ErrMissingField = errors.New("required field is empty")
	// ErrTooLong says that the names of a dataset have more than 4 GiB.
	ErrTooLong = errors.New("longer than 4 GiB")
)

// A NotFoundError says that a snapshot has no dataset of a key. It is an
// [ErrNotFound].
type NotFoundError struct {
	Key      Key
	Snapshot *Snapshot // where it was looked for
}

// Error names the key and lists every key that there is, in order. Where the short
// name ends in "_undefined", which is what a URL holds that lost its autoencoder's
// name, a second line says so.
func (e *NotFoundError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "no neuron dataset for (%q, %q). ", e.Key.ShortName, e.Key.DerivedScalarType)
	sep := "Available datasets: "
	for k := range e.Snapshot.Keys() {
		fmt.Fprintf(&b, "%s(%q, %q)", sep, k.ShortName, k.DerivedScalarType)
		sep = ", "
	}
	if e.Snapshot.Len() == 0 {
		b.WriteString("There are no datasets.")
	}
	if strings.HasSuffix(e.Key.ShortName, "_undefined") {
		kind := "autoencoder"
		switch e.Key.DerivedScalarType {
		case FlattenedAttnWriteToLatentSummedOverHeads, AttentionAutoencoderLatent:
			kind = "attention autoencoder"
		case MLPAutoencoderLatent:
			kind = "mlp autoencoder"
		}
		fmt.Fprintf(&b, "\nThe %s name may need to be given in the URL.", kind)
	}
	return b.String()
}

// Is makes every NotFoundError an [ErrNotFound].
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

// A DocumentError says why a [Registry] did not take a document. Nothing of the
// change that held it was applied.
type DocumentError struct {
	Document string
	Index    int // of the dataset at fault in its document, from 0; -1: the document itself
	Key      Key // of the dataset at fault
	Field    string
	Err      error // ErrDuplicate, ErrMissingField or ErrTooLong
}

// Error says which document and which dataset are at fault, and why.
func (e *DocumentError) Error() string {
	switch {
	case e.Index < 0:
		return fmt.Sprintf("document %q: %v", e.Document, e.Err)
	case e.Field != "":
		return fmt.Sprintf("document %q: dataset %d (%v): %s: %v", e.Document, e.Index, e.Key, e.Field, e.Err)
	default:
		return fmt.Sprintf("document %q: dataset %d (%v): %v", e.Document, e.Index, e.Key, e.Err)
	}
}

// Unwrap returns the reason.
func (e *DocumentError) Unwrap() error { return e.Err }
