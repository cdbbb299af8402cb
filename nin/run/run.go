// Package run trains a recipe's network and leaves a folder: metrics.jsonl, curves.png,
// model.safetensors, and checkpoints from which a stopped run resumes to the same bits.
//
// [New] claims the folder, and [Run.Events] trains. Here ctx is a context, dev a [gpu.Device],
// train and test are the images that data.Load returns, dir is a folder that need not exist, and
// must ends the program if there is an error:
//
//	recipe, err := nin.Find("mini")
//	must(err)
//	settings := recipe.Settings()
//	settings.Batch, settings.Steps = 32, 5
//	r, err := run.New(ctx, dev, settings, nil, train, test, dir)
//	must(err)
//	defer r.Close()
//	for event, err := range r.Events(ctx) {
//		must(err)
//		switch {
//		case event.Step != nil:
//			log.Printf("step %d: loss %.3f", event.Step.Step, event.Step.Loss)
//		case event.End != nil:
//			fmt.Println("done after", event.End.Step)
//		}
//	}
//
// The settings are the recipe's, with changes, and nil is for no whitening of the images. A recipe
// of your own is one more argument, after dir. The file nin/run/example_test.go has these lines in
// a whole function, and a run of its own recipe that is stopped and resumed.
//
// When ctx is done, the run writes a checkpoint and the sequence ends. [ReadCheckpoint] and
// [Resume] continue it, in another process or on another day. [NewAcross] trains on several ranks.
package run

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// Run is a training run with its folder.
type Run struct {
	*session.Session
	Settings nin.Settings
	Recipe   nin.Recipe
	Dir      string
	Start    int    // steps that a resumed run had done before
	Note     string // tells the user about the start of the run, such as what has changed since it stopped

	metadata     map[string]string // for files of weights
	dev          *gpu.Device
	ranks        nn.Ranks // nil for a single rank
	dataHash     string
	metrics      *os.File // nil on all ranks but 0, which write no files
	board        *tensorboard.Writer
	begun        time.Time // when the epoch began
	progress     progress
	saved        time.Time // when the last checkpoint was written
	savedStep    int
	savedMetrics int64     // bytes of metrics.jsonl
	drawn        time.Time // when curves.png was drawn
	stuck        stuck
	folder       *folder
	moved        *platform // of a resumed run, if metrics.jsonl has another
}

// New prepares a run on dev. It creates the folder dir with the first line of metrics.jsonl and a
// checkpoint. Until the run is closed, no other process can write to the folder. After an error,
// New leaves nothing but folders above dir. ctx cancels the measurements for Settings.Tune.
//
// The settings name one of [nin.Recipes], or one of known, which are recipes of your own. The run
// trains on the images train, and tests after each epoch on test. The dataset and the folder that
// the settings name are only recorded. w whitens the images; nil means none.
//
// Errors: [ErrExists] and [ErrBusy] for the folder, settings that are out of range or do not fit
// the images, and those of [nn.NewNet] and [nn.NewTrainer].
func New(ctx context.Context, dev *gpu.Device, s nin.Settings, w *data.Whitening, train, test *data.Images, dir string,
	known ...nin.Recipe) (*Run, error) {
	return NewAcross(ctx, dev, nil, s, w, train, test, dir, known...)
}

// NewAcross is [New] on one of several ranks, all with the same settings and images. Only rank 0
// reads the file of Settings.Init, has the folder and writes files. A setting Shards of 0 becomes
// the number of ranks. Call the run's methods on all ranks.
func NewAcross(ctx context.Context, dev *gpu.Device, ranks nn.Ranks, s nin.Settings, w *data.Whitening, train,
	test *data.Images, dir string, known ...nin.Recipe) (_ *Run, err error) {
	recipe, err := checked(s, known)
	if err != nil {
		return nil, err
	}
	if ranks != nil && s.Shards == 0 {
		s.Shards = ranks.Size()
	}
	if err := agree(ranks, s); err != nil {
		return nil, err
	}
	r := &Run{Settings: s, Recipe: recipe, Dir: dir, dev: dev, ranks: ranks}
	if err := r.first(func() (err error) {
		r.folder, err = claim(dir)
		return err
	}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.Discard()
		}
	}()
	if r.Session, err = session.Training(ctx, dev, ranks, recipe, s, session.Found{}, w, train, test); err != nil {
		return nil, err
	}
	if err = r.describe(w, train); err != nil {
		return nil, err
	}
	if err = r.first(func() error { return r.begin(w) }); err != nil {
		return nil, err
	}
	return r, r.share()
}

// share gives all ranks the weights of rank 0, and notes which of them have other adapters.
func (r *Run) share() error {
	if r.ranks == nil {
		return nil
	}
	var mine [256]byte
	copy(mine[:], r.dev.Adapter().Name+" ("+r.dev.Adapter().Driver+")")
	all := make([]byte, len(mine)*r.ranks.Size())
	if err := r.ranks.AllGather(mine[:], all); err != nil {
		return err
	}
	var other []string
	for i := range r.ranks.Size() {
		if theirs := string(bytes.TrimRight(all[i*len(mine):][:len(mine)],
			"\x00")); theirs != string(bytes.TrimRight(mine[:], "\x00")) {
			other = append(other, fmt.Sprintf("rank %d %s", i, theirs))
		}
	}
	if len(other) > 0 {
		r.AddNote(fmt.Sprintf("%d of %d ranks have another adapter than rank %d, so the last bits depend on which rank has which: %s",
			len(other), r.ranks.Size(), r.ranks.Rank(), listed(other)))
	}
	return r.Trainer.Share()
}

// agree returns an error if settings other than the places of files differ between ranks.
func agree(ranks nn.Ranks, s nin.Settings) error {
	s.Data, s.Init = "", ""
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	hash := sha256.Sum256(text)
	return nn.Agree(ranks, "settings", hash[:])
}

// first calls f on rank 0. If f returns an error, first returns one on all ranks.
func (r *Run) first(f func() error) error {
	_, err := nn.Share(r.ranks, func() ([]byte, error) { return nil, f() })
	return err
}

// begin sets the weights, and makes the first files.
func (r *Run) begin(w *data.Whitening) (err error) {
	s := r.Settings
	if err := r.Net.Init(r.Recipe.Init, s.Seed); err != nil {
		return err
	}
	if s.Init != "" {
		if err := r.startFrom(s.Init); err != nil {
			return nin.SettingError{Setting: "Init", Problem: s.Init, Err: err}
		}
	} else {
		r.Note = randomNote(r.Recipe, s)
	}
	if r.metrics, err = r.folder.begin(); err != nil {
		return err
	}
	if w != nil {
		if err := w.Write(r.file(nin.WhiteningFile)); err != nil {
			return err
		}
	}
	err = r.write("run", struct {
		nin.Settings
		platform
		Parameters int `json:"parameters"`
		session.Found
	}{s, platformOf(r.dev), r.Net.Params(), r.Found})
	if err != nil {
		return err
	}
	if s.TensorBoard {
		if r.board, err = tensorboard.Open(r.file(tensorboard.FileName), 0); err != nil {
			return err
		}
	}
	return r.checkpoint(false)
}

// randomNote returns a note if the settings do not go well with the random weights from which a run
// starts, and otherwise an empty text.
func randomNote(r nin.Recipe, s nin.Settings) string {
	switch {
	case s.Freeze != "":
		return "the frozen layers keep random weights, because the run starts from no file of weights"
	case r.FineTune:
		return fmt.Sprintf("the learning rate and the epochs of %s are for a start from trained weights, such as torchvision's; "+
			"this run starts from random ones, which take a higher rate and more epochs", s.Recipe)
	}
	return ""
}

// file returns a path in the run's folder.
func (r *Run) file(names ...string) string {
	return filepath.Join(append([]string{r.Dir}, names...)...)
}

// startFrom sets the weights of a file that fit the network. The file may be a checkpoint.
func (r *Run) startFrom(path string) error {
	tensors, meta, _, err := nin.ReadWeights(path)
	if err != nil {
		return err
	}
	missing, unused, err := r.Net.SetMatching(tensors)
	for _, name := range r.Net.Frozen() {
		if slices.ContainsFunc(missing, func(m string) bool { return strings.HasPrefix(m, name+" ") }) {
			return fmt.Errorf("no tensor of the file fits %s, which is frozen and would stay random; freeze less", name)
		}
	}
	if len(missing)+len(unused) > 0 {
		r.Note = fmt.Sprintf("%d tensors of %s were taken; %s start at random; not used: %s", len(tensors)-len(unused),
			path, listed(missing), listed(unused))
	}
	theirs, ours := nin.Preprocessing(meta), nin.Preprocessing(r.metadata)
	switch {
	case theirs != "" && theirs != ours:
		r.AddNote(fmt.Sprintf("%s was trained on images normalised by %s; here they are by %s", path, theirs, ours))
	case theirs == "" && r.Settings.Freeze != "" && (r.Settings.Whiten || r.Settings.Normalise == "dataset"):
		r.AddNote(fmt.Sprintf("%s does not say how the images were normalised that the frozen layers learned from; here they are by %s", path, ours))
	}
	return err
}

// AddNote adds text to the Note.
func (r *Run) AddNote(text string) { r.Note = strings.TrimPrefix(r.Note+"; "+text, "; ") }

// listed returns the first names of a list, and how many more there are.
func listed(names []string) string {
	const most = 4
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// checked returns the recipe of the settings, or an error if no run can have them.
func checked(s nin.Settings, known []nin.Recipe) (nin.Recipe, error) {
	recipe, err := nin.RecipeOf(s, known...)
	if err == nil {
		err = s.Check(known...)
	}
	return recipe, err
}

// describe records what the files of the run say about its images and its network, which sees them
// through w, and computes the loss of guessing. It returns an error if the images differ between
// ranks.
func (r *Run) describe(w *data.Whitening, train *data.Images) error {
	m := nin.Model{Recipe: r.Recipe.Name, Layers: r.Net.Layer, In: r.Net.In, Dataset: r.Settings.Dataset,
		Classes: train.Classes, Whitening: w, Normalisation: r.Found.Normalisation}
	r.metadata = m.Metadata()
	r.dataHash = hashImages(r.TrainImages.Set(), r.TestImages.Set())
	loss, _ := r.Trainer.Loss().(nn.CrossEntropy)
	r.stuck = newStuck(r.Net.Out.C, r.TrainImages.Set(), loss, r.Trainer.StateBytes() == 0)
	return nn.Agree(r.ranks, "images", []byte(r.dataHash+r.metadata["network"]))
}

// Close releases the device memory, the files and the lock. It may be called on nil.
func (r *Run) Close() {
	if r == nil {
		return
	}
	r.Session.Close()
	r.closeFiles()
	r.folder.release()
}

// closeFiles closes the files. It ignores errors, because each write was checked.
func (r *Run) closeFiles() {
	_ = r.board.Close()
	if r.metrics != nil {
		_ = r.metrics.Close()
	}
}

// Discard closes a run that has not begun, and removes what [New] made.
func (r *Run) Discard() {
	r.closeFiles()
	r.folder.discard()
	r.Close()
}

// write appends a line to metrics.jsonl: {"event":event, the fields of v}.
func (r *Run) write(event string, v any) error {
	if r.metrics == nil {
		return nil
	}
	fields, err := json.Marshal(v)
	if err != nil {
		return err
	}
	line := fmt.Appendf(nil, `{"event":%q,%s`+"\n", event, fields[1:])
	_, err = r.metrics.Write(line)
	return err
}

// save writes model.safetensors.
func (r *Run) save() error {
	if r.metrics == nil {
		return nil
	}
	weights, err := r.Net.Weights()
	if err != nil {
		return err
	}
	return safetensors.Write(r.file(WeightsFile), weights, r.metadata)
}
