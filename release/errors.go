package release

import (
	"errors"
	"fmt"

	"github.com/neurondex/neurondex/config"
)

// Errors to branch on with [errors.Is]. All but ErrNoRelease are the cause of a
// [*RefusedError].
var (
	// ErrNoRelease means that a store has no release, or not the one asked for.
	ErrNoRelease = errors.New("no such release")
	// ErrMalformed means that something in a store does not have the form it must have.
	ErrMalformed = errors.New("malformed")
	// ErrHash means that content does not have the hash or the size it must have.
	ErrHash = errors.New("content does not have its hash")
	// ErrMissing means that a blob of a release does not exist.
	ErrMissing = errors.New("blob does not exist")
	// ErrSignature means that a record is not signed with an accepted key.
	ErrSignature = errors.New("not signed with an accepted key")
	// ErrFuture means that a release was published later than this machine's clock shows.
	ErrFuture = errors.New("published in the future; check the clocks")
	// ErrBackwards means that the newest release is older than one seen before.
	ErrBackwards = errors.New("newest release is older than the one in service")
	// ErrReplaced means that the record of a release is not the one seen before.
	ErrReplaced = errors.New("record was replaced after it was published")
	// ErrLimit means that a release exceeds a limit of its reader.
	ErrLimit = errors.New("exceeds a limit")
	// ErrFormat means that a release was published in a newer format.
	ErrFormat = errors.New("format is not supported; update neurondex")
)

// A RefusedError says why a release is not used. Nothing of it is.
type RefusedError struct {
	Number int // 0 for a store that has no release any more
	Err    error
}

// Error implements error.
func (e *RefusedError) Error() string {
	if e.Number == 0 {
		return fmt.Sprintf("a store without releases is refused: %v", e.Err)
	}
	return fmt.Sprintf("release %d is refused: %v", e.Number, e.Err)
}

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// A ConflictError means that somebody else published a release since the head that a push
// or a rollback builds on.
type ConflictError struct{ Winner Record }

// Error implements error.
func (e *ConflictError) Error() string {
	by := ""
	if r := e.Winner.Release; r != nil {
		by = " by " + r.By
	}
	return fmt.Sprintf("release %d was published meanwhile%s; nothing was published", e.Winner.Number, by)
}

// An InvalidError lists what is wrong with the documents of a catalog.
type InvalidError struct{ Diagnostics config.Diagnostics }

// Error implements error.
func (e *InvalidError) Error() string { return e.Diagnostics.Err().Error() }

// Unwrap returns [config.ErrInvalid].
func (e *InvalidError) Unwrap() error { return config.ErrInvalid }

// refused returns the error of a release that a store holds: a [*RefusedError] if err is
// about what the store holds, or err itself if the store cannot be read.
func refused(number int, err error) error {
	if _, already := errors.AsType[*RefusedError](err); already || err == nil {
		return err
	}
	for _, cause := range []error{ErrMalformed, ErrHash, ErrMissing, ErrSignature, ErrFuture, ErrBackwards, ErrReplaced, ErrLimit, ErrFormat, config.ErrInvalid} {
		if errors.Is(err, cause) {
			return &RefusedError{number, err}
		}
	}
	return fmt.Errorf("release %d cannot be read: %w", number, err)
}
