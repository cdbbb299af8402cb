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

// Write puts data into the file at path: written beside it, synced and
// renamed, so that whatever ends the program leaves the old file or the new
// one. A file keeps its mode, and everybody can read a new one. If path is a symbolic link,
// Write writes the file that it points to. It writes directly into a pipe or a device.
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
	err = cmp.Or(err, f.Chmod(mode), f.Sync()) // without Sync, a power cut can leave an empty file of the new name
	if err = cmp.Or(err, f.Close()); err == nil {
		err = atomic.ReplaceFile(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error to report is the first
	}
	return err
}

// part ends the name of a file that Write has not renamed yet.
const part = ".part"

// WritePNG is Write of img as a PNG.
func WritePNG(path string, img image.Image) error {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return Write(path, b.Bytes())
}

// writeInto writes to a pipe or a device, which a rename would replace by a file.
func writeInto(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// maxLinks is how many symbolic links may lead to a file, as on Linux.
const maxLinks = 40

// Target is the file that path names: path itself, or where its symbolic links lead,
// whether or not there is a file yet.
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
			return at, nil // such as /dev/stdout, whose link has no file's name
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
		if real, err := filepath.EvalSymlinks(dir); err == nil { // what .. leads out of may be a link itself
			dir = real
		}
		at = filepath.Join(dir, name)
	}
	return "", fmt.Errorf("%s leads through more than %d symbolic links", path, maxLinks)
}

// RemoveLeftovers removes what a kill during Write leaves in the folder dir, for the files whose
// names own reports: files NAME.NUMBER.part. No other process may be writing to the folder.
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
