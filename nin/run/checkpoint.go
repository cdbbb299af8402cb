package run

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/session"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/safetensors"
	"wgnin/nn/tensorboard"
)

// state is the part of a checkpoint that is not tensors.
//
// A checkpoint is a safetensors file. It holds the weights, named as in model.safetensors, and the
// state of the optimizer, such as velocity.net... Its metadata has the state as JSON under
// "checkpoint", and a hash of all of this under "sha256". The file is written under another name,
// synced and renamed, so there is always a complete checkpoint, whatever ends the program.
type state struct {
	Format   int           `json:"format"`
	Settings nin.Settings  `json:"settings"`
	Data     string        `json:"data"` // hash of the images
	Adapter  string        `json:"adapter"`
	Driver   string        `json:"driver"`
	Found    session.Found `json:"found,omitzero"`
	Step     int           `json:"step"`            // steps done
	Metrics  int64         `json:"metrics"`         // bytes of metrics.jsonl
	Board    int64         `json:"board,omitempty"` // bytes of the event file
	Progress progress      `json:"progress"`
}

const (
	format        = 1 // of checkpoints
	checkpointDir = "checkpoint"
	bestFile      = "best.safetensors" // in checkpointDir
)

// betweenCurves is the shortest time between two drawings of curves.png within an epoch.
const betweenCurves = time.Minute

// checkpoint writes a checkpoint of the run after the last step, which must be settled. It keeps
// the last two checkpoints, and the best weights. The trainer stops when a weight is not finite.
// Running moments and the optimizer's state, however, can overflow while the weights are still
// finite. That is an error here, because [Resume] refuses such a file.
func (r *Run) checkpoint(best bool) error {
	if r.metrics == nil {
		return nil
	}
	// If the checkpoint survives a power failure, so must the lines before it.
	if err := r.metrics.Sync(); err != nil {
		return err
	}
	size, err := r.metrics.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	board, err := r.board.Sync()
	if err != nil {
		return err
	}
	tensors, err := r.Net.Weights()
	if err != nil {
		return err
	}
	weights := tensors
	steps, optimizer, err := r.Trainer.State()
	if err != nil {
		return err
	}
	tensors = append(tensors, optimizer...)
	for _, t := range tensors {
		if t.NotFinite() >= 0 {
			return fmt.Errorf("step %d: %s is not finite: %w", steps, t.Name, nn.ErrDiverged)
		}
	}
	a := r.dev.Adapter()
	raw, err := json.Marshal(state{format, r.Settings, r.dataHash, a.Name, a.Driver, r.Found, steps, size, board,
		r.progress})
	if err != nil {
		return err
	}
	meta := maps.Clone(r.metadata)
	meta["checkpoint"], meta["sha256"] = string(raw), hashCheckpoint(raw, tensors)
	if err := os.MkdirAll(r.file(checkpointDir), 0o755); err != nil {
		return err
	}
	if best { // only the weights, to start another run from or for load_state_dict
		if err := safetensors.Write(r.file(checkpointDir, bestFile), weights, r.metadata); err != nil {
			return err
		}
	}
	if err := safetensors.Write(r.file(checkpointDir, checkpointName(steps)), tensors, meta); err != nil {
		return err
	}
	old, err := checkpoints(r.Dir)
	if err != nil {
		return err
	}
	for _, path := range old[:max(0, len(old)-2)] {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	r.saved, r.savedStep, r.savedMetrics = time.Now(), steps, size
	if time.Since(r.drawn) > betweenCurves {
		return r.drawCurves()
	}
	return nil
}

func checkpointName(steps int) string { return fmt.Sprintf("step-%09d.safetensors", steps) }

func isCheckpoint(name string) bool {
	return strings.HasPrefix(name, "step-") && strings.HasSuffix(name, ".safetensors")
}

// checkpoints returns the paths of a run's checkpoints, the oldest first.
func checkpoints(dir string) (paths []string, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, checkpointDir)) // sorted
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if name := e.Name(); isCheckpoint(name) {
			paths = append(paths, filepath.Join(dir, checkpointDir, name))
		}
	}
	return paths, err
}

// Checkpoint is a checkpoint in memory, with the settings of its run.
type Checkpoint struct {
	Settings nin.Settings

	folder    *folder // locked; nil after Resume
	path      string
	state     state
	network   string // as text; empty in a file of an older program
	whitening string // hash
	weights   []safetensors.Tensor
	optimizer []safetensors.Tensor
}

// lockPatience is the time to wait for a process that was killed, which holds its lock until its
// memory is freed.
const lockPatience = time.Second

// ReadCheckpoint reads the last checkpoint of the run in dir, and locks the folder. No other
// process can continue the run until the checkpoint, or the run that [Resume] makes of it, is
// closed. Errors: [ErrBusy] if another process has the lock, [ErrOnlyWeights], and a checkpoint
// that is missing or damaged.
func ReadCheckpoint(dir string) (_ *Checkpoint, err error) {
	if paths, err := checkpoints(dir); err != nil || len(paths) == 0 {
		return nil, cmp.Or(err, noCheckpoint(dir))
	}
	l, err := lock(dir)
	for start := time.Now(); errors.Is(err, ErrBusy) && time.Since(start) < lockPatience; l, err = lock(dir) {
		time.Sleep(lockPatience / 20)
	}
	if err != nil {
		return nil, err
	}
	f := &folder{dir: dir, lock: l}
	defer func() {
		if err != nil {
			f.release()
		}
	}()
	if l != nil { // without a lock, another process may be writing
		if err := f.removeLeftovers(); err != nil {
			return nil, err
		}
	}
	paths, err := checkpoints(dir) // list again, because the process that had the lock may have written
	if err != nil || len(paths) == 0 {
		return nil, cmp.Or(err, noCheckpoint(dir))
	}
	path := paths[len(paths)-1]
	c, err := readCheckpoint(path)
	if err != nil && len(paths) > 1 {
		return nil, fmt.Errorf("%w; remove it to continue from %s", err, paths[len(paths)-2])
	}
	if err != nil {
		return nil, err
	}
	c.folder = f
	return c, nil
}

// ReadCheckpointAcross is [ReadCheckpoint] on one of several ranks. Rank 0 reads the file, and
// holds the lock and the weights. [ResumeAcross] gives the weights to the others.
func ReadCheckpointAcross(ranks nn.Ranks, dir string) (c *Checkpoint, err error) {
	type shared struct {
		Path, Network, Whitening string
		State                    state
	}
	raw, err := nn.Share(ranks, func() ([]byte, error) {
		if c, err = ReadCheckpoint(dir); err != nil {
			return nil, err
		}
		return json.Marshal(shared{c.path, c.network, c.whitening, c.state})
	})
	if err != nil || c != nil {
		return c, err
	}
	var s shared
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	return &Checkpoint{Settings: s.State.Settings, path: s.Path, state: s.State, network: s.Network,
		whitening: s.Whitening}, nil
}

func noCheckpoint(dir string) error {
	return fmt.Errorf("%s has no checkpoint; want a folder that a run was written to", dir)
}

// Close lets other processes continue the run. It does nothing after [Resume].
func (c *Checkpoint) Close() {
	c.folder.release()
	c.folder = nil
}

func readCheckpoint(path string) (*Checkpoint, error) {
	tensors, meta, err := safetensors.Read(path)
	if err != nil {
		return nil, err
	}
	c, err := newCheckpoint(tensors, meta)
	if err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	c.path = path
	return c, nil
}

// ErrOnlyWeights reports a file of weights in place of a checkpoint.
var ErrOnlyWeights = errors.New("is not a checkpoint, only weights")

// newCheckpoint returns the checkpoint in a file. Its errors are written to follow the file's name.
func newCheckpoint(tensors []safetensors.Tensor, meta map[string]string) (*Checkpoint, error) {
	c := &Checkpoint{network: meta["network"], whitening: meta["whitening"]}
	raw := []byte(meta["checkpoint"])
	if len(raw) == 0 {
		return nil, ErrOnlyWeights
	}
	if meta["sha256"] != hashCheckpoint(raw, tensors) {
		return nil, errors.New("is damaged: its SHA-256 is not the one it was written with")
	}
	if err := json.Unmarshal(raw, &c.state); err != nil {
		return nil, fmt.Errorf("is not a checkpoint: %w", err)
	}
	if c.state.Format != format {
		return nil, fmt.Errorf("has format %d; this program reads %d", c.state.Format, format)
	}
	c.Settings = c.state.Settings
	if p := &c.state.Progress; p.Weight == 0 { // from a program that weighted steps by their images
		p.Weight = float64(p.Images)
	}
	for _, t := range tensors {
		if nn.IsOptimizerState(t.Name) {
			c.optimizer = append(c.optimizer, t)
		} else {
			c.weights = append(c.weights, t)
		}
	}
	return c, nil
}

// ErrOtherImages reports images that are not those with which the run began.
var ErrOtherImages = errors.New("the images are not those the run began with")

// Resume continues the run in dir from c, to the same bits. The settings, the images and the
// network must be those of the run. A run of a recipe of your own needs the recipe in known, as for
// [New]. [Run.Events] drops the lines of metrics.jsonl after the checkpoint and writes them again.
//
// The run takes over the lock of c. After an error, the folder is unlocked. Errors:
// [ErrOtherImages], [ErrMetricsLost], a network that has changed, and those of [session.Training].
func Resume(ctx context.Context, dev *gpu.Device, c *Checkpoint, train, test *data.Images, dir string,
	known ...nin.Recipe) (*Run, error) {
	return ResumeAcross(ctx, dev, nil, c, train, test, dir, known...)
}

// ResumeAcross is [Resume] on one of several ranks, with a checkpoint from [ReadCheckpointAcross].
// There may be more or fewer ranks than before, up to Settings.Shards.
func ResumeAcross(ctx context.Context, dev *gpu.Device, ranks nn.Ranks, c *Checkpoint, train, test *data.Images,
	dir string, known ...nin.Recipe) (_ *Run, err error) {
	defer c.Close() // unless the run has the lock
	var w *data.Whitening
	if c.Settings.Whiten { // the run's own whitening, to the bit
		if w, err = nin.WhiteningBeside(c.path, c.whitening); err != nil {
			return nil, err
		}
	}
	a := dev.Adapter()
	where, err := nn.Share(ranks, func() ([]byte, error) { return []byte(a.Name + a.Driver), nil })
	if err != nil {
		return nil, err
	}
	elsewhere := string(where) != c.state.Adapter+c.state.Driver
	if elsewhere { // what was found out about the other device is useless
		c.state.Found = session.Found{Normalisation: c.state.Found.Normalisation, Shares: c.state.Found.Shares}
	}
	recipe, err := checked(c.Settings, known)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.path, err)
	}
	s := c.Settings
	s.Shards = max(1, s.Shards) // 0 would be the number of ranks now
	r := &Run{Settings: c.Settings, Recipe: recipe, Dir: dir, dev: dev, ranks: ranks, folder: c.folder}
	c.folder = nil
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if r.Session, err = session.Training(ctx, dev, ranks, recipe, s, c.state.Found, w, train, test); err != nil {
		return nil, fmt.Errorf("%s: %w", c.path, err)
	}
	if err := r.describe(w, train); err != nil {
		return nil, err
	}
	if r.dataHash != c.state.Data {
		return nil, fmt.Errorf("%s: %w", c.path, ErrOtherImages)
	}
	if now := r.metadata["network"]; c.network != "" && c.network != now {
		return nil, fmt.Errorf("%s: the recipe's network has changed: it was %q and is %q", c.path, c.network, now)
	}
	if was := c.state.Found; was.Micro > 0 && (r.Found.Micro != was.Micro || r.Found.Test != was.Test) {
		r.Note = fmt.Sprintf("the memory allows %d images at a time, and the run had %d; the last bits may differ",
			r.Found.Micro, was.Micro)
	}
	r.progress, r.Start, r.saved, r.savedStep = c.state.Progress, c.state.Step, time.Now(), c.state.Step
	if elsewhere {
		r.Note = fmt.Sprintf("the run began on %s (%s); here the last bits may differ", c.state.Adapter, c.state.Driver)
	}
	if err = r.first(func() error { return r.goOn(c) }); err != nil {
		return nil, err
	}
	return r, r.share()
}

// goOn restores the weights and the optimizer's state from the checkpoint, and opens the files.
func (r *Run) goOn(c *Checkpoint) (err error) {
	if err := r.Net.SetWeights(c.weights); err != nil {
		return fmt.Errorf("%s: the recipe's network has changed: %w", c.path, err)
	}
	if err := r.Trainer.SetState(c.state.Step, c.optimizer); err != nil {
		return fmt.Errorf("%s: %w", c.path, err)
	}
	r.metrics, err = os.OpenFile(r.file(metricsFile), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	was, err := c.checkMetrics(r.metrics)
	if err != nil {
		return fmt.Errorf("%s: %w", r.file(metricsFile), err)
	}
	if here := platformOf(r.dev); !here.equal(was.platform) {
		r.moved = &here
	}
	r.savedMetrics = c.state.Metrics
	if c.Settings.TensorBoard {
		r.board, err = tensorboard.Open(r.file(tensorboard.FileName), c.state.Board)
	}
	return err
}

// ErrMetricsLost reports a metrics.jsonl that lacks lines from before the checkpoint.
var ErrMetricsLost = errors.New("it has lost lines that were written before the checkpoint")

// checkMetrics returns what metrics.jsonl records up to the checkpoint. It returns an error if the
// file does not belong to the checkpoint's run.
func (c *Checkpoint) checkMetrics(f *os.File) (record, error) {
	info, err := f.Stat()
	if err != nil {
		return record{}, err
	}
	if info.Size() < c.state.Metrics {
		return record{}, fmt.Errorf("%w (%d of %d bytes): %s", ErrMetricsLost, info.Size(), c.state.Metrics, c.path)
	}
	r, err := readRecord(io.NewSectionReader(f, 0, c.state.Metrics))
	if err == nil && r.settings != nil {
		s := *r.settings
		s.Data = c.Settings.Data // the images may have moved; their hash is compared
		if s != c.Settings {
			err = errors.New("its first line has other settings than the checkpoint: the recipe was changed")
		}
	}
	return r, err
}

func hashCheckpoint(state []byte, tensors []safetensors.Tensor) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d\n%s\n", len(state), state)
	safetensors.Hash(h, tensors)
	return hex.EncodeToString(h.Sum(nil))
}

// hashImages returns a hash of everything that training sees of the sets.
func hashImages(sets ...*data.Images) string {
	h := sha256.New()
	for _, s := range sets {
		fmt.Fprintf(h, "%d %d %d %d %d\n", s.Len(), s.C, s.H, s.W, len(s.Classes))
		h.Write(s.Pixels)
		h.Write(s.Labels)
	}
	return hex.EncodeToString(h.Sum(nil))
}
