package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A Hash is the SHA-256 of something in a store.
type Hash [sha256.Size]byte

func hashOf(content []byte) Hash { return sha256.Sum256(content) }

// String returns h as 64 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText returns the same text as [Hash.String].
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText parses the text that [Hash.MarshalText] returns.
func (h *Hash) UnmarshalText(text []byte) error {
	var parsed Hash
	if n, err := hex.Decode(parsed[:], text[:min(len(text), 2*len(h))]); err != nil || n != len(h) || len(text) != 2*len(h) {
		return fmt.Errorf("hash must have %d hexadecimal digits", 2*len(h))
	}
	*h = parsed
	return nil
}

// A ref names a blob. The size, that of the content, bounds what is read and decompressed.
type ref struct {
	Hash Hash  `json:"hash"`
	Size int64 `json:"size"`
}

const blobPrefix = "blobs/"

func (r ref) key() string { return blobPrefix + r.Hash.String() }

func refOf(content []byte) ref { return ref{hashOf(content), int64(len(content))} }

// encoder compresses blobs. What it writes must not differ from one run to the next, but
// may between versions.
var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		panic(err) // the options are wrong
	}
	return e
})

// decoder decompresses blobs, each to at most the capacity that it is given.
var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderConcurrency(0))
	if err != nil {
		panic(err) // the options are wrong
	}
	return d
})

func compress(content []byte) []byte { return encoder().EncodeAll(content, nil) }

// maxCompressed returns the limit on the compressed size of content, which is a little
// larger than what does not compress.
func maxCompressed(size int64) int64 { return size + size>>7 + 1024 }

// open decompresses a blob and verifies it.
func (r ref) open(value []byte) ([]byte, error) {
	content, err := decoder().DecodeAll(value, make([]byte, 0, r.Size))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %v", r.key(), ErrHash, err) //nolint:errorlint // the cause is for people
	}
	if refOf(content) != r {
		return nil, fmt.Errorf("%s: %w; delete it and push again", r.key(), ErrHash)
	}
	return content, nil
}

// get reads a blob from a store and verifies it.
func (r ref) get(ctx context.Context, s Store) ([]byte, error) {
	value, err := s.Get(ctx, r.key(), maxCompressed(r.Size))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", r.key(), ErrMissing)
	case errors.Is(err, ErrTooLarge):
		return nil, fmt.Errorf("%s: %w: %w", r.key(), ErrHash, err)
	case err != nil:
		return nil, err
	}
	return r.open(value)
}

// put makes a store hold a blob, whose compressed content is value. A blob that is there is
// verified, and replaced if it is not what it must be.
func (r ref) put(ctx context.Context, s Store, value []byte) error {
	for range 3 {
		err := s.Create(ctx, r.key(), value)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		switch _, err = r.get(ctx, s); {
		case errors.Is(err, ErrMissing): // deleted meanwhile
		case errors.Is(err, ErrHash):
			if err := s.Delete(ctx, r.key()); err != nil {
				return err
			}
		default:
			return err
		}
	}
	return fmt.Errorf("%s: cannot be stored: others create and delete it", r.key())
}
