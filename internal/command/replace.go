package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// errNotWritten is the error for a file that cannot be replaced without losing something.
var errNotWritten = errors.New("not written")

// linkTarget returns the name of the file that path leads to, which is path itself unless it
// is a symbolic link.
func linkTarget(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return path, err
	}
	return filepath.EvalSymlinks(path)
}

// replaceFile writes data to the file to, in place of the file from, which it removes if that
// has another name. Neither may be a symbolic link. A process that watches the directory sees
// the old or the new file, never a part. The new file has the mode of the old one, and on
// Linux and macOS its owner and its extended attributes, such as an access control list.
//
// A file with other hard links, or with something that cannot be kept, is not replaced.
func replaceFile(from, to string, data []byte) (err error) {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if n := hardLinks(info); n > 1 {
		return fmt.Errorf("%w: it has %d hard links, and the others would keep the old content; save the output of convert without --write, and copy it over the file", errNotWritten, n)
	}
	if other, err := os.Lstat(to); to != from && err == nil && !other.Mode().IsRegular() {
		return fmt.Errorf("%w: %s exists and is not a regular file", errNotWritten, to)
	}
	// Only the directory has to be writable for what follows.
	probe, err := os.OpenFile(from, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotWritten, err)
	}
	if err := probe.Close(); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".*")
	if err != nil {
		return fmt.Errorf("%w: cannot create a file beside it: %w", errNotWritten, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = keepAttributes(f, from, info)
	}
	// The mode comes last: a new owner resets part of it.
	mode := info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), to); err != nil {
		return err
	}
	if to != from {
		if err := os.Remove(from); err != nil {
			return fmt.Errorf("%s written, but cannot remove the original: %w", to, err)
		}
	}
	return nil
}
