package registry

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
)

// A Hash identifies the content of a snapshot. It depends only on the names of the
// documents and on their datasets, so it is the same on every machine.
type Hash [32]byte

// String returns h as 64 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText returns the same text as [Hash.String].
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText parses the text that [Hash.MarshalText] returns.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) {
		return fmt.Errorf("registry: hash has %d hexadecimal digits, must have %d", len(text), hex.EncodedLen(len(h)))
	}
	var parsed Hash
	if _, err := hex.Decode(parsed[:], text); err != nil {
		return fmt.Errorf("registry: hash %q: %w", text, err)
	}
	*h = parsed
	return nil
}

// Plus returns the hash of a snapshot that has the documents of two others, which have no
// document in common.
func (h Hash) Plus(other Hash) Hash {
	h.add(other)
	return h
}

// add adds d to h modulo 2 to the 256th. The hash of a snapshot is the sum of the
// hashes of its documents: updating it costs the same for any number of documents,
// and the order of changes does not matter.
func (h *Hash) add(d Hash) {
	var carry uint64
	for i := 0; i < len(h); i += 8 {
		var sum uint64
		sum, carry = bits.Add64(binary.LittleEndian.Uint64(h[i:]), binary.LittleEndian.Uint64(d[i:]), carry)
		binary.LittleEndian.PutUint64(h[i:], sum)
	}
}

// subtract undoes add.
func (h *Hash) subtract(d Hash) {
	var borrow uint64
	for i := 0; i < len(h); i += 8 {
		var diff uint64
		diff, borrow = bits.Sub64(binary.LittleEndian.Uint64(h[i:]), binary.LittleEndian.Uint64(d[i:]), borrow)
		binary.LittleEndian.PutUint64(h[i:], diff)
	}
}
