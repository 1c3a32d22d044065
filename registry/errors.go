package registry

import (
	"errors"
	"fmt"
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
