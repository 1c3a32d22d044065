package release

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/neurondex/neurondex/registry"
	"golang.org/x/mod/sumdb/note"
)

// A Release is what a record says of a release. A record is a line of JSON, followed by
// signatures, if any, in the form of a signed note.
type Release struct {
	Format    int           `json:"format"`
	Number    int           `json:"number"`
	Manifest  ref           `json:"manifest"`
	Catalog   registry.Hash `json:"catalog"` // of the snapshot of its documents
	Documents int           `json:"documents"`
	Datasets  int           `json:"datasets"` // that the documents define
	Bytes     int64         `json:"bytes"`    // of the documents
	Time      time.Time     `json:"time"`
	By        string        `json:"by"`
	Message   string        `json:"message,omitempty"`
	RollsBack int           `json:"rollsBack,omitempty"` // the number of the release that it repeats
	Parent    Hash          `json:"parent"`              // of the record before, which may be deleted
	ID        string        `json:"id"`                  // random: no two records are equal
}

// A Record is what a store holds under the number of a release.
type Record struct {
	Number  int
	Hash    Hash     // of the whole record
	Release *Release // nil if Err is not
	Err     error    // why the record is refused

	data []byte
}

// Data returns the record as the store holds it. It must not be modified.
func (rec *Record) Data() []byte { return rec.data }

const (
	format       = 1
	recordPrefix = "releases/"
	maxNumber    = 99_999_999
	maxListed    = 1 << 20  // records of a store
	maxRecord    = 64 << 10 // bytes
	maxMessage   = 4 << 10  // bytes
	// maxSkew is how much later than the reader's clock a release may be published. A
	// release beyond it is refused until the clock gets there, or a newer one is published.
	maxSkew = 5 * time.Minute
)

func recordKey(number int) string { return fmt.Sprintf("%s%08d", recordPrefix, number) }

// numberOf returns the number of the release that a key is for, or 0 if it is for none.
func numberOf(key string) int {
	var n int
	digits := strings.TrimPrefix(key, recordPrefix)
	if len(digits) != 8 {
		return 0
	}
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// encode returns the record of r, signed if signer is not nil.
func (r *Release) encode(signer note.Signer) ([]byte, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	line = append(line, '\n')
	if signer == nil {
		return line, nil
	}
	return note.Sign(&note.Note{Text: string(line)}, signer)
}

// decode verifies the record of a number.
func (repo *Repository) decode(number int, data []byte) (*Release, error) {
	line, _, found := bytes.Cut(data, []byte("\n"))
	if !found {
		return nil, fmt.Errorf("record: %w", ErrMalformed)
	}
	if repo.Keys != nil {
		signed, err := note.Open(data, repo.Keys)
		if err != nil {
			return nil, fmt.Errorf("%w: %v", ErrSignature, err) //nolint:errorlint // the cause is for people
		}
		if signed.Text != string(line)+"\n" {
			return nil, fmt.Errorf("record: %w", ErrMalformed)
		}
	}
	var version struct{ Format int }
	if err := json.Unmarshal(line, &version); err != nil {
		return nil, fmt.Errorf("record: %w: %v", ErrMalformed, err) //nolint:errorlint // the cause is for people
	}
	if version.Format != format {
		return nil, fmt.Errorf("format %d: %w", version.Format, ErrFormat)
	}
	var r Release
	if err := json.Unmarshal(line, &r); err != nil {
		return nil, fmt.Errorf("record: %w: %v", ErrMalformed, err) //nolint:errorlint // the cause is for people
	}
	switch {
	case r.Number != number:
		return nil, fmt.Errorf("record is that of release %d: %w", r.Number, ErrMalformed)
	case r.Documents < 0 || r.Datasets < 0 || r.Bytes < 0 || r.RollsBack < 0 || r.RollsBack >= number || r.Manifest.Size <= 0:
		return nil, fmt.Errorf("record has a number out of range: %w", ErrMalformed)
	case !isText(r.By) || !isText(r.Message) || !isText(r.ID):
		return nil, fmt.Errorf("record: text is not UTF-8, or too long: %w", ErrMalformed)
	case r.Time.After(repo.clock().Add(maxSkew)):
		return nil, fmt.Errorf("%v: %w", r.Time.Format(time.RFC3339), ErrFuture)
	case r.Documents > maxDocuments:
		return nil, fmt.Errorf("%d documents, at most %d: %w", r.Documents, maxDocuments, ErrLimit)
	case r.Bytes > repo.maxBytes():
		return nil, fmt.Errorf("%d bytes of documents, at most %d: %w", r.Bytes, repo.maxBytes(), ErrLimit)
	case r.Manifest.Size > maxRoot:
		return nil, fmt.Errorf("manifest of %d bytes, at most %d: %w", r.Manifest.Size, maxRoot, ErrLimit)
	}
	return &r, nil
}

func isText(s string) bool { return len(s) <= maxMessage && utf8.ValidString(s) }

// record reads the record of a number. The error is that of the store, or [ErrNoRelease] if
// there is none.
func (repo *Repository) record(ctx context.Context, s Store, number int) (Record, error) {
	rec := Record{Number: number}
	data, err := s.Get(ctx, recordKey(number), maxRecord)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return rec, fmt.Errorf("release %d: %w", number, ErrNoRelease)
	case errors.Is(err, ErrTooLarge):
		rec.Err = &RefusedError{number, fmt.Errorf("record exceeds %d bytes: %w", maxRecord, ErrLimit)}
		return rec, nil
	case err != nil:
		return rec, err
	}
	rec.data, rec.Hash = data, hashOf(data)
	rec.Release, err = repo.decode(number, data)
	rec.Err = refused(number, err)
	return rec, nil
}

// numbers returns the numbers of the releases of a store that are greater than after,
// ascending. It ignores other keys.
func numbers(ctx context.Context, s Store, after int) ([]int, error) {
	var list []int
	listed := 0
	for e, err := range s.List(ctx, recordPrefix, recordKey(after)) {
		if err != nil {
			return nil, err
		}
		if listed++; listed > maxListed {
			return nil, fmt.Errorf("more than %d keys in %s: %w", maxListed, recordPrefix, ErrLimit)
		}
		if n := numberOf(e.Key); n > after {
			list = append(list, n)
		}
	}
	return list, nil
}

// newest returns the newest record whose number is greater than after, or the zero Record
// if there is none. A record may be deleted while it is read, if there are newer ones.
func (repo *Repository) newest(ctx context.Context, s Store, after int) (Record, error) {
	for {
		list, err := numbers(ctx, s, after)
		if err != nil || len(list) == 0 {
			return Record{}, err
		}
		rec, err := repo.record(ctx, s, list[len(list)-1])
		if !errors.Is(err, ErrNoRelease) {
			return rec, err
		}
		after = rec.Number
	}
}

// Head returns the newest record, or the zero Record if there is none.
func (repo *Repository) Head(ctx context.Context) (Record, error) {
	return repo.newest(ctx, repo.store(), 0)
}

// History returns the records of all releases that are not pruned, newest first.
func (repo *Repository) History(ctx context.Context) ([]Record, error) {
	list, err := numbers(ctx, repo.store(), 0)
	if err != nil {
		return nil, err
	}
	slices.Reverse(list)
	records := make([]Record, len(list))
	err = each(ctx, len(list), func(ctx context.Context, i int) (err error) {
		records[i], err = repo.record(ctx, repo.store(), list[i])
		if errors.Is(err, ErrNoRelease) { // pruned meanwhile
			err = nil
		}
		return err
	})
	records = slices.DeleteFunc(records, func(r Record) bool { return r.Release == nil && r.Err == nil })
	return records, err
}
