// Package files writes files whole or not at all.
package files

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/natefinch/atomic"
)

// Write writes data to the file at path. It writes a temporary file beside it, syncs it and renames
// it, so that an interruption leaves either the old content or the new. An existing file keeps its
// mode; a new one gets 0644. If path is a symbolic link, Write writes the file to which it points.
// It writes directly into a pipe or a device.
func Write(path string, data []byte) error {
	path, err := Target(path)
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	switch info, err := os.Stat(path); {
	case err == nil && !info.Mode().IsRegular():
		return writeInto(path, data)
	case err == nil:
		mode = info.Mode()
	}
	dir, name := filepath.Split(path)
	f, err := os.CreateTemp(cmp.Or(dir, "."), name+".*"+part)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = cmp.Or(err, f.Chmod(mode), f.Sync()) // without Sync, a power cut can leave an empty file at path
	if err = cmp.Or(err, f.Close()); err == nil {
		err = atomic.ReplaceFile(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error is the one to report
	}
	return err
}

// part is the suffix of a temporary file of Write.
const part = ".part"

// WritePNG writes img as a PNG with [Write].
func WritePNG(path string, img image.Image) error {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return Write(path, b.Bytes())
}

// writeInto writes to a pipe or a device. A rename would replace it by a file.
func writeInto(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// maxLinks is the maximum number of symbolic links to follow, as on Linux.
const maxLinks = 40

// Target returns the path of the file that path names: path itself, or the target of its symbolic
// links. The file need not exist.
func Target(path string) (string, error) {
	for at, links := path, 0; links < maxLinks; links++ {
		info, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode()&fs.ModeSymlink == 0 {
			return at, nil
		}
		if err != nil {
			return "", err
		}
		if opened, err := os.Stat(at); err == nil && !opened.Mode().IsRegular() {
			return at, nil // such as /dev/stdout, whose link does not name a file
		}
		to, err := os.Readlink(at)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(to) {
			dir, _ := filepath.Split(at)
			to = dir + to
		}
		dir, name := filepath.Split(to)
		if real, err := filepath.EvalSymlinks(dir); err == nil { // if dir is a link, .. leads out of its target
			dir = real
		}
		at = filepath.Join(dir, name)
	}
	return "", fmt.Errorf("%s leads through more than %d symbolic links", path, maxLinks)
}

// RemoveLeftovers removes the temporary files NAME.NUMBER.part that an interrupted Write left in
// the folder dir, if own reports true for NAME. No other process may be writing to the folder.
func RemoveLeftovers(dir string, own func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		name, isPart := strings.CutSuffix(e.Name(), part)
		name, isNumbered := strings.CutSuffix(strings.TrimRight(name, "0123456789"), ".")
		if isPart && isNumbered && own(name) && e.Type().IsRegular() {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}
