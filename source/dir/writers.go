package dir

import "time"

// A writing is whether a process has a file open for writing, as far as the system tells.
type writing int

const (
	writingUnknown writing = iota
	writingNo
	writingYes
)

// A writerWatch knows which files of some directories were written to and not closed since.
type writerWatch interface {
	add(dir string)
	remove(dir string)
	isOpen(path string, now time.Time) bool
	// expect returns a channel that is closed once an event of a path has come, or if none
	// will. Forget ends what expect began.
	expect(path string) <-chan struct{}
	forget(path string)
	close()
}

// noWriterWatch stands in where the system does not report that writers close files.
type noWriterWatch struct{}

func (noWriterWatch) add(string)                    {}
func (noWriterWatch) remove(string)                 {}
func (noWriterWatch) isOpen(string, time.Time) bool { return false }
func (noWriterWatch) forget(string)                 {}
func (noWriterWatch) close()                        {}

func (noWriterWatch) expect(string) <-chan struct{} {
	none := make(chan struct{})
	close(none)
	return none
}
