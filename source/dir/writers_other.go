//go:build !linux

package dir

import "io/fs"

// leaseOf reports whether a process has an open file open for writing: it is not known.
func leaseOf(fs.File) writing { return writingUnknown }

func newWriterWatch() writerWatch { return noWriterWatch{} }
