//go:build !unix

package disk

import "io"

// OpenRegular opens the regular file at a path for reading. It needs no size.
func OpenRegular(path string, _ int64) (io.ReadCloser, error) { return Open(path) }
