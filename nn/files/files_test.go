package files_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nn/files"
)

// holds checks the content and the mode of a file.
func holds(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, text, string(got))
	info, err := os.Lstat(path)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		assert.Equal(t, mode, info.Mode())
	}
	left, err := filepath.Glob(path + "?*")
	require.NoError(t, err)
	assert.Empty(t, left, "beside it")
}

// TestWrite checks that a replaced file keeps its mode, and that a link stays a link wherever it
// points.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, files.Write(file, []byte("new")))
	holds(t, file, "new", 0o644)
	require.NoError(t, os.Chmod(file, 0o640))
	require.NoError(t, files.Write(file, []byte("old")))
	holds(t, file, "old", 0o640)

	require.NoError(t, os.Mkdir(filepath.Join(dir, "links"), 0o755))
	first, second, dangling := filepath.Join(dir, "first"), filepath.Join(dir, "links", "second"),
		filepath.Join(dir, "dangling")
	if err := os.Symlink(filepath.Join("links", "second"), first); err != nil {
		t.Skip(err)
	}
	require.NoError(t, os.Symlink(filepath.Join("..", "file"), second))
	require.NoError(t, os.Symlink("none", dangling))
	require.NoError(t, files.Write(first, []byte("through two")))
	require.NoError(t, files.Write(dangling, []byte("to a new one")))
	holds(t, file, "through two", 0o640)
	holds(t, filepath.Join(dir, "none"), "to a new one", 0o644)
	for _, link := range []string{first, second, dangling} {
		info, err := os.Lstat(link)
		require.NoError(t, err)
		assert.Equal(t, fs.ModeSymlink, info.Mode().Type(), link)
	}

	// A link leads out of a folder that is reached through a link.
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "deep", "er"), 0o755))
	require.NoError(t, os.Symlink(filepath.Join("deep", "er"), filepath.Join(dir, "short")))
	require.NoError(t, os.Symlink(filepath.Join("..", "beside"), filepath.Join(dir, "deep", "er", "out")))
	require.NoError(t, files.Write(filepath.Join(dir, "short", "out"), []byte("beside")))
	holds(t, filepath.Join(dir, "deep", "beside"), "beside", 0o644)
	assert.NoFileExists(t, filepath.Join(dir, "beside"))

	loop := filepath.Join(dir, "loop")
	require.NoError(t, os.Symlink("loop", loop))
	assert.ErrorContains(t, files.Write(loop, nil), loop)
	assert.Error(t, files.Write(dir, nil))
}

// TestWriteIntoADevice checks that Write writes into a file that is not regular, and does not
// replace it.
func TestWriteIntoADevice(t *testing.T) {
	if _, err := os.Stat("/dev/null"); err != nil {
		t.Skip(err)
	}
	link := filepath.Join(t.TempDir(), "null.onnx")
	require.NoError(t, os.Symlink("/dev/null", link))
	require.NoError(t, files.Write(link, []byte("data")))
	info, err := os.Stat("/dev/null")
	require.NoError(t, err)
	assert.Equal(t, fs.ModeDevice|fs.ModeCharDevice, info.Mode().Type())
}
