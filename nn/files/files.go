// Package files writes files whole or not at all.
package files

import (
	"bytes"
	"errors"
	"io/fs"
	"os"

	"github.com/natefinch/atomic"
)

// Write puts data into the file at path: written beside it, synced and
// renamed, so that whatever ends the program leaves the old file or the new
// one. A new file can be read by everybody.
func Write(path string, data []byte) error {
	_, err := os.Stat(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	if err := atomic.WriteFile(path, bytes.NewReader(data)); err != nil {
		return err
	}
	if isNew { // atomic leaves it as os.CreateTemp made it, for the owner only
		return os.Chmod(path, 0o644)
	}
	return nil
}
