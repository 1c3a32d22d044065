package release

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"runtime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/parallel"
)

// A root is the upper level of a manifest. A document is in the shard whose index is the
// first bits of the SHA-256 of its name.
type root struct {
	Bits   int   `json:"bits"`
	Shards []ref `json:"shards"` // 1<<Bits; the zero ref is an empty shard
}

// An entry of a shard describes a document. The entries of a shard are sorted by name.
type entry struct {
	Name string `json:"name"`
	ref
	Datasets int `json:"datasets"`
}

const (
	maxDocuments = 1 << 20
	maxBits      = 10 // (20+1)/2, for maxDocuments
	maxRoot      = 128 << 10
	maxShard     = 8 << 20
	maxName      = 1024
	unsharded    = 64 // documents that are not worth several shards
)

// shardBits returns the number of bits for a number of documents: with about as many shards
// as a shard has entries, the least is new after a change.
func shardBits(documents int) int {
	if documents <= unsharded {
		return 0
	}
	return min((bits.Len(uint(documents-1))+1)/2, maxBits)
}

func shardOf(name string, bits int) int {
	h := hashOf([]byte(name))
	return int(binary.BigEndian.Uint32(h[:]) >> (32 - bits))
}

// A blob is content with its ref.
type blob struct {
	ref
	content []byte
	stored  int64 // the size of the compressed content, once it is known
}

// newBlob returns the blob of a part of a manifest.
func newBlob(part any) (blob, error) {
	content, err := json.Marshal(part)
	return blob{ref: refOf(content), content: content}, err
}

// newManifest returns the blobs of the manifest of a list of entries, which it sorts. The
// root is the last blob.
func newManifest(entries []entry) ([]blob, error) {
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.Name, b.Name) })
	r := root{Bits: shardBits(len(entries))}
	r.Shards = make([]ref, 1<<r.Bits)
	shards := make([][]entry, len(r.Shards))
	for _, e := range entries {
		i := shardOf(e.Name, r.Bits)
		shards[i] = append(shards[i], e)
	}
	var blobs []blob
	for i, shard := range shards {
		if len(shard) == 0 {
			continue
		}
		b, err := newBlob(shard)
		if err != nil {
			return nil, err
		}
		if b.Size > maxShard {
			return nil, fmt.Errorf("names of documents are too long: %w", ErrLimit)
		}
		r.Shards[i] = b.ref
		blobs = append(blobs, b)
	}
	b, err := newBlob(r)
	return append(blobs, b), err
}

// A manifest is what the blobs of a manifest say.
type manifest struct {
	root    ref
	bits    int
	shards  map[ref][]entry  // by their blobs
	entries map[string]entry // by name
}

// refs yields every blob of a manifest and of its documents.
func (m *manifest) refs(yield func(ref) bool) {
	if !yield(m.root) {
		return
	}
	for r := range m.shards {
		if !yield(r) {
			return
		}
	}
	for _, e := range m.entries {
		if !yield(e.ref) {
			return
		}
	}
}

// A fetch returns the verified content of a blob.
type fetch func(context.Context, ref) ([]byte, error)

// readManifest reads and verifies the manifest of a release. It takes the shards that did
// not change from old, which may be nil.
func readManifest(ctx context.Context, get fetch, r *Release, old *manifest) (*manifest, error) {
	content, err := get(ctx, r.Manifest)
	if err != nil {
		return nil, err
	}
	var top root
	if err := json.Unmarshal(content, &top); err != nil {
		return nil, malformed(r.Manifest, err)
	}
	if top.Bits < 0 || top.Bits > maxBits || len(top.Shards) != 1<<top.Bits {
		return nil, malformed(r.Manifest, fmt.Errorf("%d shards for %d bits", len(top.Shards), top.Bits))
	}
	shards := make([][]entry, len(top.Shards))
	err = each(ctx, len(shards), func(ctx context.Context, i int) (err error) {
		if top.Shards[i] == (ref{}) {
			return nil
		}
		if old != nil && old.bits == top.Bits {
			known := old.shards[top.Shards[i]]
			if known != nil && shardOf(known[0].Name, top.Bits) == i {
				shards[i] = known
				return nil
			}
		}
		shards[i], err = readShard(ctx, get, top.Shards[i], i, top.Bits)
		return err
	})
	if err != nil {
		return nil, err
	}
	m := &manifest{r.Manifest, top.Bits, make(map[ref][]entry), make(map[string]entry)}
	var size int64
	datasets := 0
	for i, shard := range shards {
		if shard != nil {
			m.shards[top.Shards[i]] = shard
		}
		for _, e := range shard {
			m.entries[e.Name] = e
			size += e.Size
			datasets += e.Datasets
		}
	}
	if len(m.entries) != r.Documents || size != r.Bytes || datasets != r.Datasets {
		return nil, fmt.Errorf("manifest has %d documents, %d datasets and %d bytes, but the record says %d, %d and %d: %w",
			len(m.entries), datasets, size, r.Documents, r.Datasets, r.Bytes, ErrMalformed)
	}
	return m, nil
}

func readShard(ctx context.Context, get fetch, from ref, index, bits int) ([]entry, error) {
	if from.Size <= 0 || from.Size > maxShard {
		return nil, fmt.Errorf("shard of %d bytes, at most %d: %w", from.Size, maxShard, ErrLimit)
	}
	content, err := get(ctx, from)
	if err != nil {
		return nil, err
	}
	shard, err := parseShard(content, index, bits)
	if err != nil {
		return nil, malformed(from, err)
	}
	return shard, nil
}

// parseShard stops at the first entry that is not what it must be: an entry takes little
// more memory than its text.
func parseShard(content []byte, index, bits int) ([]entry, error) {
	d := json.NewDecoder(bytes.NewReader(content))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil, errors.New("shard is not a list")
	}
	var shard []entry
	for d.More() {
		var e entry
		if err := d.Decode(&e); err != nil {
			return nil, err
		}
		switch err := checkName(e.Name); {
		case err != nil:
			return nil, err
		case e.Hash == (Hash{}) || e.Size < 0 || e.Size > config.DefaultMaxBytes || e.Datasets < 0 || int64(e.Datasets) > e.Size:
			return nil, fmt.Errorf("%q: number out of range", e.Name)
		case shardOf(e.Name, bits) != index:
			return nil, fmt.Errorf("%q belongs into another shard", e.Name)
		case len(shard) > 0 && shard[len(shard)-1].Name >= e.Name:
			return nil, fmt.Errorf("%q is not in order", e.Name)
		}
		shard = append(shard, e)
	}
	if _, err := d.Token(); err != nil || len(shard) == 0 || d.InputOffset() != int64(len(content)) {
		return nil, errors.New("shard is not a list of documents")
	}
	return shard, nil
}

func malformed(r ref, err error) error {
	return fmt.Errorf("%s: %w: %v", r.key(), ErrMalformed, err) //nolint:errorlint // the cause is for people
}

// checkName accepts names that are relative paths of dataset files on every system.
func checkName(name string) error {
	switch {
	case config.Format(name) == "":
		return fmt.Errorf("name %.100q does not end in .toml, .json or .jsonc", name)
	case len(name) > maxName:
		return fmt.Errorf("name %.100q has %d bytes, at most %d", name, len(name), maxName)
	case !fs.ValidPath(name) || !utf8.ValidString(name) || strings.ContainsAny(name, `\:`) || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("name %.100q is not a relative path that every system accepts", name)
	}
	return nil
}

// requests is the number of requests to a store at a time.
const requests = 32

// each calls f for each number from 0 to n-1, several at a time. After the first error it
// cancels the others.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	parallel.For(n, requests, func(i int) {
		if ctx.Err() != nil {
			return
		}
		if err := f(ctx, i); err != nil {
			cancel(err)
		}
	})
	return context.Cause(ctx)
}

// eachCore calls f for each number from 0 to n-1, on all cores.
func eachCore(n int, f func(int)) { parallel.For(n, runtime.GOMAXPROCS(0), f) }
