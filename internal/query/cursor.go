package query

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
)

// A cursor is the hash of the state, the hash of the query, and a position in its order. So
// it means the same on every machine, and after a restart.
const (
	stateBytes = 16
	queryBytes = 8
)

func (v *View) cursor(q Query, position int) string {
	state, query := v.snapshot.Hash(), q.hash()
	b := slices.Concat(state[:stateBytes], query[:])
	return base64.RawURLEncoding.EncodeToString(binary.AppendUvarint(b, uint64(position)))
}

// parseCursor returns the position of the cursor of a query.
func (v *View) parseCursor(q Query) (int, error) {
	b, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil || len(b) <= stateBytes+queryBytes {
		return 0, ErrCursor
	}
	state, query := v.snapshot.Hash(), q.hash()
	if !bytes.Equal(b[stateBytes:stateBytes+queryBytes], query[:]) {
		return 0, ErrCursor
	}
	if !bytes.Equal(b[:stateBytes], state[:stateBytes]) {
		return 0, ErrGone
	}
	position, n := binary.Uvarint(b[stateBytes+queryBytes:])
	if n != len(b)-stateBytes-queryBytes || position > uint64(v.snapshot.Len()) {
		return 0, ErrCursor
	}
	return int(position), nil
}

// hash identifies what a query selects and in which order, but not how much of it.
func (q Query) hash() [queryBytes]byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q %q", q.ShortName, q.DerivedScalarType, q.Model, q.Tag, q.Text, q.Sort))
	return [queryBytes]byte(sum[:])
}
