package run

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/gofrs/flock"

	"wgnin/nin"
	"wgnin/nn/files"
	"wgnin/nn/tensorboard"
)

// WeightsFile is the name of the file of weights in a run's folder.
const WeightsFile = "model.safetensors"

const (
	metricsFile = "metrics.jsonl"
	curvesFile  = "curves.png"
	lockFile    = ".lock" // exists while a process writes to the folder, and holds its number
)

// ErrExists reports that the folder for a new run already has one.
var ErrExists = errors.New("holds a run already")

// ErrBusy reports that another process writes to the folder of a run.
var ErrBusy = errors.New("is in use")

// folder is a run's folder, locked against other processes.
type folder struct {
	dir  string
	lock *flock.Flock // nil after release, and where the file system has no locks
	made []string     // files and folders that discard removes
}

// claim makes dir, unless it exists, and locks it for a new run. It refuses a folder with any file
// that a run writes. If two processes claim one folder at the same time, only one gets it.
func claim(dir string) (_ *folder, err error) {
	dir = filepath.Clean(dir) // because filepath.Dir("run/") is run
	f := &folder{dir: dir}
	for range 10 {
		if err = os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
			return nil, err
		}
		if err = os.Mkdir(dir, 0o755); err == nil {
			f.made = []string{dir}
		} else if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		f.lock, err = lock(dir)
		if !errors.Is(err, fs.ErrNotExist) { // if it is, the process that made the folder has discarded it
			break
		}
	}
	if err != nil {
		f.discard() // a folder that another process has locked is not empty, and stays
		return nil, err
	}
	for _, name := range []string{metricsFile, nin.WhiteningFile, tensorboard.FileName, checkpointDir, WeightsFile,
		curvesFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			f.discard()
			return nil, fmt.Errorf("%s %w (%s)", dir, ErrExists, name)
		}
	}
	return f, nil
}

// begin creates metrics.jsonl, and refuses a folder that has one. From then on, discard also
// removes the files that a run makes before its first step.
func (f *folder) begin() (*os.File, error) {
	metrics, err := os.OpenFile(filepath.Join(f.dir, metricsFile), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) { // without locks
		return nil, fmt.Errorf("%s %w (%s)", f.dir, ErrExists, metricsFile)
	}
	if err != nil {
		return nil, err
	}
	for _, name := range []string{metricsFile, nin.WhiteningFile, tensorboard.FileName, checkpointDir,
		filepath.Join(checkpointDir, checkpointName(0))} {
		f.made = append(f.made, filepath.Join(f.dir, name))
	}
	return metrics, nil
}

// removeLeftovers removes temporary files beside the run's files, which remain if a process is
// killed while it writes.
func (f *folder) removeLeftovers() error {
	return errors.Join(
		files.RemoveLeftovers(f.dir, func(name string) bool {
			return slices.Contains([]string{WeightsFile, curvesFile, nin.WhiteningFile}, name)
		}),
		files.RemoveLeftovers(filepath.Join(f.dir, checkpointDir), func(name string) bool {
			return name == bestFile || isCheckpoint(name)
		}))
}

// release unlocks the folder. It may be called on nil and more than once.
func (f *folder) release() {
	if f == nil || f.lock == nil {
		return
	}
	// Remove the file while it is locked, so that it cannot be the lock of the next process.
	// Windows removes only closed files, and refuses if the next process has this one open.
	failed := os.Remove(f.lock.Path())
	_ = f.lock.Unlock()
	if failed != nil {
		_ = os.Remove(f.lock.Path())
	}
	f.lock = nil
}

// discard removes what claim and the run have made, and unlocks the folder. It may be called on
// nil.
func (f *folder) discard() {
	if f == nil {
		return
	}
	for _, path := range slices.Backward(f.made) {
		if path == f.dir {
			f.release()
		}
		_ = os.Remove(path) // a folder that holds something else stays
	}
	f.release()
}

// lock locks a folder. It returns an [ErrBusy] if another process has the lock. The lock ends with
// the process. It also ends when the process replaces itself by a new program, which then locks the
// folder again. Some network file systems have no locks; there, lock returns nil without an error.
func lock(dir string) (*flock.Flock, error) {
	path := filepath.Join(dir, lockFile)
	if foreign(path) {
		return nil, fmt.Errorf("%s is not the lock of a run; want a folder without it", path)
	}
	for {
		l := flock.New(path, flock.SetPermissions(0o644))
		ok, err := l.TryLock()
		switch {
		case errors.Is(err, errors.ErrUnsupported), errors.Is(err, syscall.ENOLCK):
			_ = os.Remove(path)
			return nil, nil
		case err != nil:
			return nil, err
		case !ok:
			return nil, busy(dir, path)
		}
		mine, err := l.Stat()
		if there, gone := os.Stat(path); err == nil && gone == nil && os.SameFile(mine, there) {
			// This fails on Windows. Other processes then do not know the number of this one.
			_ = os.WriteFile(path, strconv.AppendInt(nil, int64(os.Getpid()), 10), 0o644)
			return l, nil
		}
		_ = l.Unlock() // the process that had the lock removed its file
	}
}

// foreign reports whether the file in place of the lock was not made by a run. Such a file must
// not be written or removed.
func foreign(path string) bool {
	info, err := os.Lstat(path)
	if err != nil {
		return false
	}
	const digits = 20 // of a process's number
	if !info.Mode().IsRegular() || info.Size() > digits {
		return true
	}
	raw, err := os.ReadFile(path) // Windows refuses if it is locked
	return err == nil && len(bytes.Trim(raw, "0123456789")) > 0
}

// busy returns the error for a locked folder.
func busy(dir, path string) error {
	by := "another process"
	raw, err := os.ReadFile(path)
	if n, bad := strconv.Atoi(string(bytes.TrimSpace(raw))); err == nil && bad == nil {
		by = fmt.Sprintf("process %d", n)
	}
	return fmt.Errorf("%s %w by %s; want a folder that no other run writes to", dir, ErrBusy, by)
}
