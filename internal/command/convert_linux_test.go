package command

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const (
	unconverted = "short_name = 'x'\nderived_scalar_type = 'mlp_post_act'\nuser_visible_name = 'X'\nneuron_dataset_path = 'p'\n"
	nobody      = 65534
)

// writeFile writes a file to convert into a directory that anybody may write to.
func writeFile(t *testing.T) (file string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Chmod(dir, 0o777))
	file = filepath.Join(dir, "x.toml")
	require.NoError(t, os.WriteFile(file, []byte(unconverted), 0o666))
	return file
}

// convert runs convert --write and returns the exit code and standard error.
func convert(t *testing.T, args ...string) (code int, stderr string) {
	t.Helper()
	var out, messages bytes.Buffer
	code = run(t.Context(), append([]string{"convert", "--write"}, args...), nil, &out, &messages)
	return code, messages.String()
}

// convertAsNobody is convert on a thread that has not the privileges of root over files. The
// thread ends with it.
func convertAsNobody(t *testing.T, file string) (code int, stderr string) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		var err error
		if os.Getuid() == 0 {
			err = errors.Join(unix.Setfsgid(nobody), unix.Setfsuid(nobody))
		}
		if err == nil {
			code, stderr = convert(t, file)
		}
		done <- err
	}()
	require.NoError(t, <-done)
	return code, stderr
}

func content(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(data)
}

func TestConvertKeepsMode(t *testing.T) {
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o664, 0o777, 0o644 | fs.ModeSetgid} {
		for _, to := range []string{"json", "toml"} {
			file := writeFile(t)
			require.NoError(t, os.Chmod(file, mode))
			code, _ := convert(t, "--to", to, file)
			require.Equal(t, exitOK, code)
			info, err := os.Stat(filepath.Join(filepath.Dir(file), "x."+to))
			require.NoError(t, err)
			assert.Equal(t, mode, info.Mode())
		}
	}
}

func TestConvertKeepsOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make a file of another user")
	}
	file := writeFile(t)
	require.NoError(t, os.Chown(file, 1234, 2345))
	code, _ := convert(t, file)
	require.Equal(t, exitOK, code)
	require.NotEqual(t, unconverted, content(t, file))
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, uint32(1234), info.Sys().(*syscall.Stat_t).Uid)
	assert.Equal(t, uint32(2345), info.Sys().(*syscall.Stat_t).Gid)

	file = writeFile(t)
	require.NoError(t, os.Chmod(file, 0o666))
	code, stderr := convertAsNobody(t, file)
	assert.Equal(t, exitFailed, code)
	assert.Equal(t, "neurondex: "+file+": not written: cannot keep its owner 0:0: operation not permitted; run as that user\n", stderr)
	requireUntouched(t, file)
}

// requireUntouched checks that a file has its old content, and that nothing is left beside it.
func requireUntouched(t *testing.T, file string) {
	t.Helper()
	require.Equal(t, unconverted, content(t, file))
	left, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestConvertKeepsAttributes(t *testing.T) {
	file := writeFile(t)
	if err := unix.Setxattr(file, "user.origin", []byte("x\x00y"), 0); err != nil {
		t.Skipf("the file system of the temporary directory has no extended attributes: %v", err)
	}
	require.NoError(t, unix.Setxattr(file, "user.empty", nil, 0))
	code, _ := convert(t, file)
	require.Equal(t, exitOK, code)
	value, err := attribute(file, "user.origin")
	require.NoError(t, err)
	assert.Equal(t, "x\x00y", string(value))
	names, err := attributeNames(file)
	require.NoError(t, err)
	assert.Subset(t, names, []string{"user.origin", "user.empty"})
}

func TestConvertOfHardLink(t *testing.T) {
	file := writeFile(t)
	other := filepath.Join(t.TempDir(), "other.toml")
	require.NoError(t, os.Link(file, other))
	code, stderr := convert(t, file)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, "x.toml: not written: it has 2 hard links")
	requireUntouched(t, file)
	require.NoError(t, os.Remove(other))
	code, _ = convert(t, file)
	assert.Equal(t, exitOK, code)
}

func TestConvertWithoutPermission(t *testing.T) {
	for name, deny := range map[string]func(file string) error{
		"file": func(file string) error { return os.Chmod(file, 0o444) },
		"directory": func(file string) error {
			return os.Chmod(filepath.Dir(file), 0o555)
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := writeFile(t)
			if os.Getuid() == 0 {
				require.NoError(t, os.Chown(file, nobody, nobody))
			}
			require.NoError(t, deny(file))
			code, stderr := convertAsNobody(t, file)
			assert.Equal(t, exitFailed, code)
			assert.Contains(t, stderr, "x.toml: not written: ")
			assert.Contains(t, stderr, "permission denied")
			requireUntouched(t, file)
		})
	}
}
