package registry

import (
	"errors"
	"fmt"
	"strings"
)

// Errors for use with [errors.Is].
var (
	// ErrNotFound means that no dataset has the key.
	ErrNotFound = errors.New("no such neuron dataset")
	// ErrDuplicate means that a document defines a key twice, or that a change names a
	// document twice.
	ErrDuplicate = errors.New("defined twice")
	// ErrMissingField means that a required field is blank.
	ErrMissingField = errors.New("required field is empty")
	// ErrTooLong means that the names of a dataset exceed 4 GiB.
	ErrTooLong = errors.New("exceeds 4 GiB")
)

// A NotFoundError reports that a snapshot has no dataset with a key. It matches
// [ErrNotFound].
type NotFoundError struct {
	Key      Key
	Snapshot *Snapshot // the snapshot that was searched
}

// Error names the key and lists all available keys in order. If the short name ends in
// "_undefined", as in a URL that lost the name of its autoencoder, a second line says so.
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

// Is reports whether target is [ErrNotFound].
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

// A DocumentError reports why a [Registry] rejected a document, and with it the whole
// change.
type DocumentError struct {
	Document string
	Index    int    // of the invalid dataset in the document, or -1 for the document itself
	Key      Key    // of the invalid dataset
	Field    string // that is invalid, or ""
	Err      error  // ErrDuplicate, ErrMissingField or ErrTooLong
}

// Error names the document, the dataset and the field, and gives the reason.
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

// Unwrap returns e.Err.
func (e *DocumentError) Unwrap() error { return e.Err }
