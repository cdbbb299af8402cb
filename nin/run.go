package nin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/nearest"
	"wgnin/nn/safetensors"
	"wgnin/nn/tensorboard"
)

// Settings are all that the bits of a run depend on, besides adapter, driver
// and program. The first line of metrics.jsonl records them.
type Settings struct {
	Recipe      string  `json:"recipe"`
	Dataset     string  `json:"dataset"`
	Epochs      int     `json:"epochs"`
	Steps       int     `json:"steps"` // 0 is no limit
	Batch       int     `json:"batch"`
	Rate        float64 `json:"lr"`
	Momentum    float64 `json:"momentum"`
	WeightDecay float64 `json:"weight_decay"`
	Dropout     float64 `json:"dropout"`
	Augment     string  `json:"augment,omitempty"` // of the training images: crop, mirror, or crop,mirror
	Whiten      bool    `json:"whiten,omitempty"`
	Seed        uint64  `json:"seed"`
	TrainImages int     `json:"train_images"` // 0 is all
	TestImages  int     `json:"test_images"`  // 0 is all
	Shuffle     bool    `json:"shuffle"`
	Init        string  `json:"init,omitempty"` // file of weights to start from
	Data        string  `json:"data,omitempty"` // folder of the dataset

	// Patience ends the run after so many epochs without a better test
	// accuracy; 0 is never.
	Patience int `json:"patience,omitempty"`

	// Tune takes the kernels that are measured to be the fastest on the
	// device; which they are, the first line of metrics.jsonl records too.
	Tune bool `json:"tune,omitempty"`

	// What follows does not change the bits.

	// CheckpointEvery is how often a checkpoint is written, besides those
	// after each epoch and at the end; the zero Every is every ten minutes.
	CheckpointEvery Every `json:"checkpoint_every,omitzero"`
	// TensorBoard adds an event file.
	TensorBoard bool `json:"tensorboard,omitempty"`
}

// Settings are the recipe's own.
func (r Recipe) Settings() Settings {
	return Settings{
		Recipe: r.Name, Dataset: r.Dataset, Epochs: r.Epochs, Batch: r.Batch, Rate: r.Rate,
		Momentum: r.Momentum, WeightDecay: r.WeightDecay, Dropout: r.Dropout, Whiten: r.Whiten, Shuffle: true,
		CheckpointEvery: Every{Time: betweenCheckpoints},
	}
}

// CheckDataset refuses a -dataset that package data does not know.
func CheckDataset(name string) error {
	names := data.Names()
	if slices.Contains(names, name) {
		return nil
	}
	return fmt.Errorf("-dataset is %q; %s", name, nearest.Hint(name, names))
}

// flagOf are the flags that are not called as package nn calls the setting.
var flagOf = map[string]string{"learning rate": "lr", "weight decay": "weight-decay", "probability": "dropout"}

// Check refuses settings that no run can have, and says what would be right.
func (s Settings) Check() error {
	if err := CheckDataset(s.Dataset); err != nil {
		return err
	}
	every := s.CheckpointEvery
	switch {
	case s.Dataset == "folder" && s.Data == "":
		return errors.New("-dataset folder needs -data DIR; DIR has a folder of PNG or JPEG images for each class")
	case every.Steps < 0 || every.Steps > 1e9 || every.Time < 0:
		text, _ := every.MarshalText()
		return fmt.Errorf("-checkpoint-every is %s; want 1 to 1000000000 steps, or a time such as 10m", text)
	case s.TrainImages < 0 || s.TestImages < 0:
		return fmt.Errorf("-train-images is %d and -test-images %d; want 0 (all) or more", s.TrainImages, s.TestImages)
	case s.Patience < 0:
		return fmt.Errorf("-patience is %d; want a number of epochs, or 0 for no early end", s.Patience)
	}
	err := s.config(nn.Constant(s.Rate)).Check()
	if err == nil {
		err = nn.Dropout{P: s.Dropout}.Check()
	}
	if err == nil {
		_, err = augmentation(s.Augment, nn.Shape{})
	}
	if err == nil && s.Whiten {
		var r Recipe
		if r, err = Find(s.Recipe); err == nil {
			err = data.CheckWhitening(r.In.C, r.In.H, r.In.W)
		}
	}
	if bad := (nn.RangeError{}); errors.As(err, &bad) {
		return fmt.Errorf("-%s is %v; want %s", cmp.Or(flagOf[bad.Setting], bad.Setting), bad.Value, bad.Want)
	}
	return err
}

// config is the trainer's part of the settings.
func (s Settings) config(rate nn.Schedule) nn.TrainConfig {
	return nn.TrainConfig{
		Batch: s.Batch, Epochs: s.Epochs, Steps: s.Steps, Shuffle: s.Shuffle, Seed: s.Seed, SettleEvery: s.CheckpointEvery.Steps,
		SGD: nn.SGD{Rate: rate, Momentum: s.Momentum, WeightDecay: s.WeightDecay},
	}
}

// Run is a network in training, with the files it leaves.
type Run struct {
	Settings Settings
	Recipe   Recipe
	Dir      string
	Net      *nn.Net
	Trainer  *nn.Trainer
	Start    int    // steps done before, by a run that is resumed
	Note     string // what is different since then, if anything is

	test         *nn.Evaluator
	trainImages  *nn.Images
	metadata     map[string]string // of files of weights
	testImages   *nn.Images
	dev          *gpu.Device
	dataHash     string
	found        found
	metrics      *os.File
	board        *tensorboard.Writer
	begun        time.Time // the epoch
	progress     progress
	saved        time.Time // the last checkpoint
	savedStep    int
	savedMetrics int64     // bytes of metrics.jsonl
	drawn        time.Time // curves.png
	same         same
	made         []string // files and folders, by NewRun
}

// found is what a run found out about the device, and its bits depend on.
type found struct {
	Micro   int        `json:"micro_batch"`       // images that train at a time
	Test    int        `json:"test_batch"`        // and that are measured at a time
	Kernels nn.Kernels `json:"kernels,omitempty"` // of Settings.Tune
}

// Kernels are those that Settings.Tune found; nil without it.
func (r *Run) Kernels() nn.Kernels { return r.found.Kernels }

// progress is how far an epoch is, besides the number of steps.
type progress struct {
	LossSum float64       `json:"loss_sum"` // of the images since the epoch began
	Images  int           `json:"images"`   // since the epoch began
	Elapsed time.Duration `json:"elapsed"`  // since the epoch began
	Best    float64       `json:"best"`     // test accuracy
	// BestEpoch is the epoch of Best, counting from 1; 0 is none.
	BestEpoch int `json:"best_epoch,omitempty"`
}

// Event is what a run reports: one of its fields is set.
type Event struct {
	Step    *nn.Step
	Test    *nn.Evaluation // in the test of an epoch: the images so far
	Epoch   *Epoch
	End     *End
	Warning string
}

// Epoch is the result of a pass over the training images.
type Epoch struct {
	Epoch           int     `json:"epoch"` // counts from 1
	TrainLoss       float64 `json:"train_loss"`
	TestLoss        float64 `json:"test_loss"`
	TestAccuracy    float64 `json:"test_accuracy"`
	Seconds         float64 `json:"seconds"`           // of training, without the test
	ImagesPerSecond float64 `json:"images_per_second"` // of training
}

// End is the result of a run.
type End struct {
	Hash string `json:"hash"` // of the weights

	Step      int     `json:"-"` // steps done in all
	Early     bool    `json:"-"` // ended by Settings.Patience
	Best      float64 `json:"-"` // test accuracy
	BestEpoch int     `json:"-"` // that had it, whose weights are in checkpoint/best.safetensors; 0 is none
}

// NewRun prepares a run on dev and creates its directory, with the first line
// of metrics.jsonl and a checkpoint. The directory must not hold a run already.
// After an error nothing is left of it but folders above dir. ctx ends the
// measurements of Settings.Tune.
func NewRun(ctx context.Context, dev *gpu.Device, s Settings, train, test *data.Images, dir string) (_ *Run, err error) {
	r, err := newRun(ctx, dev, s, found{}, train, test, dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.Discard()
		}
	}()
	if s.Init != "" {
		weights, _, err := safetensors.Read(s.Init)
		if err == nil {
			err = r.Net.SetWeights(weights)
		}
		if err != nil {
			return nil, fmt.Errorf("-init %s: %w", s.Init, err)
		}
	} else if err = r.Net.Init(r.Recipe.Init, s.Seed); err != nil {
		return nil, err
	}
	r.makes(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for _, name := range []string{metricsFile, whiteningFile, tensorboard.FileName, checkpointDir} {
		r.makes(r.file(name))
	}
	r.makes(r.file(checkpointDir, checkpointName(0)))
	r.metrics, err = os.OpenFile(r.file(metricsFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s holds a run already; choose another -out, or -resume it", dir)
	}
	if err != nil {
		return nil, err
	}
	if s.Whiten {
		if err := train.Whitening.Write(r.file(whiteningFile)); err != nil {
			return nil, err
		}
	}
	a := dev.Adapter()
	err = r.write("run", struct {
		Settings
		Adapter    string            `json:"adapter"`
		Class      string            `json:"class"`
		Driver     string            `json:"driver"`
		Backend    string            `json:"backend"`
		Versions   map[string]string `json:"versions"`
		Parameters int               `json:"parameters"`
		found
	}{s, a.Name, a.Class.String(), a.Driver, a.Backend, versions(), r.Net.Params(), r.found})
	if err != nil {
		return nil, err
	}
	if s.TensorBoard {
		if r.board, err = tensorboard.Open(r.file(tensorboard.FileName), 0); err != nil {
			return nil, err
		}
	}
	return r, r.checkpoint(false)
}

const metricsFile = "metrics.jsonl"

// file is a path in the run's directory.
func (r *Run) file(names ...string) string {
	return filepath.Join(append([]string{r.Dir}, names...)...)
}

// newRun puts all that a run needs on the device. What was found before is
// kept; the zero found is none.
func newRun(ctx context.Context, dev *gpu.Device, s Settings, f found, train, test *data.Images, dir string) (_ *Run, err error) {
	recipe, err := Find(s.Recipe)
	if err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	r, err := assemble(ctx, dev, recipe, s, f, train, test)
	if err != nil {
		return nil, err
	}
	r.Dir = dir
	var w *data.Whitening
	if s.Whiten {
		w = train.Whitening
	}
	r.metadata = metadata(recipe.Name, s.Dataset, train.Classes, w)
	r.dataHash = hashImages(r.trainImages.Set(), r.testImages.Set())
	return r, nil
}

// assemble puts a run of the recipe's network on the device.
func assemble(ctx context.Context, dev *gpu.Device, recipe Recipe, s Settings, f found, train, test *data.Images) (_ *Run, err error) {
	r := &Run{Settings: s, Recipe: recipe, dev: dev}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	train, test = train.First(s.TrainImages), test.First(s.TestImages)
	in := recipe.In
	in.C = train.C
	augment, err := augmentation(s.Augment, in)
	if err != nil {
		return nil, err
	}
	var whitening *data.Whitening
	if s.Whiten {
		if whitening = train.Whitening; whitening == nil {
			return nil, errors.New("the training images have no whitening; load them with one")
		}
	}
	if r.Net, err = nn.NewNet(dev, recipe.Net(len(train.Classes), s.Dropout), in, nn.Whiten(whitening)); err != nil {
		return nil, err
	}
	if s.Tune && f.Kernels == nil {
		if f.Kernels, err = Tune(ctx, r.Net, s.Batch, func(nn.Choice) {}); err != nil {
			return nil, err
		}
	}
	r.Net.Use(f.Kernels)
	if r.trainImages, err = upload(dev, train, "train"); err != nil {
		return nil, err
	}
	if r.testImages, err = upload(dev, test, "test"); err != nil {
		return nil, err
	}
	cfg := s.config(nn.Constant(s.Rate))
	cfg.Augment, cfg.MicroBatch = augment, f.Micro
	cfg.SGD.Rate = recipe.schedule(s.Rate, cfg.Total(train.Len()))
	if r.Trainer, err = nn.NewTrainer(r.Net, r.trainImages, cfg); err != nil {
		return nil, err
	}
	if r.test, err = nn.NewEvaluator(r.Net, r.testImages, cmp.Or(f.Test, s.Batch)); err != nil {
		return nil, err
	}
	r.found = found{r.Trainer.MicroBatch(), r.test.Batch(), f.Kernels}
	return r, nil
}

// upload is [nn.Upload] of the images to train or test on; its errors name the
// flag that takes fewer.
func upload(dev *gpu.Device, set *data.Images, use string) (*nn.Images, error) {
	images, err := nn.Upload(dev, set)
	if errors.Is(err, gpu.ErrOutOfMemory) {
		err = fmt.Errorf("%d images of [%d,%d,%d] are too many; %s on fewer with -%[5]s-images N: %w", set.Len(), set.C, set.H, set.W, use, err)
	}
	return images, err
}

// versions are those of what the bits depend on.
func versions() map[string]string {
	v := map[string]string{"go": runtime.Version(), "os": runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "github.com/rajveermalviya/go-webgpu/wgpu" {
				v["go-webgpu"] = d.Version
			}
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v["revision"] = s.Value
			}
		}
	}
	return v
}

// Close gives everything back. It may be called on nil.
func (r *Run) Close() {
	if r == nil {
		return
	}
	r.Trainer.Close()
	r.test.Close()
	r.trainImages.Close()
	r.testImages.Close()
	r.Net.Close()
	// What is in the files was written and checked.
	_ = r.board.Close()
	if r.metrics != nil {
		_ = r.metrics.Close()
	}
}

// makes notes, for Discard, that a file or folder is going to be made, if it is
// not there.
func (r *Run) makes(path string) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		r.made = append(r.made, path)
	}
}

// Discard closes a run that has not begun, and removes what NewRun made.
func (r *Run) Discard() {
	r.Close()
	for _, path := range slices.Backward(r.made) {
		_ = os.Remove(path) // a folder that holds something else stays
	}
}

// write appends a line to metrics.jsonl: {"event":event, the fields of v}.
func (r *Run) write(event string, v any) error {
	fields, err := json.Marshal(v)
	if err != nil {
		return err
	}
	line := fmt.Appendf(nil, `{"event":%q,%s`+"\n", event, fields[1:])
	_, err = r.metrics.Write(line)
	return err
}

// Events runs the training and yields what happens. After each epoch the test
// images are evaluated; after the last step the weights are written to
// model.safetensors. When ctx is done the run stops after the steps in flight,
// leaves a checkpoint and the weights, and ends with ctx's error. After any other
// error, such as [gpu.ErrLost] and [nn.ErrDiverged], the last checkpoint is there
// as it was, and [ResumeRun] goes on from it, on a device that is opened anew if it
// was lost.
func (r *Run) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		err := r.events(ctx, func(e Event) bool {
			// What the caller does is no part of the training's time.
			defer func(start time.Time) { r.begun = r.begun.Add(time.Since(start)) }(time.Now())
			return yield(e, nil)
		})
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			// A stop that could not be saved is that error, not a clean stop.
			if failed := r.leave(); failed != nil {
				err = failed
			}
		}
		if err == nil || errors.Is(err, errStopped) {
			return
		}
		if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
			err = fmt.Errorf("%w; the checkpoint of step %d is kept", err, r.savedStep)
		}
		yield(Event{}, err)
	}
}

// errStopped says that the caller of Events wants no more.
var errStopped = errors.New("stopped")

// betweenCheckpoints is how long a run goes without a checkpoint, if it is told
// nothing else.
const betweenCheckpoints = 10 * time.Minute

func (r *Run) events(ctx context.Context, yield func(Event) bool) error {
	if err := r.rewind(); err != nil {
		return err
	}
	r.begun = time.Now().Add(-r.progress.Elapsed)
	perEpoch := r.Trainer.StepsPerEpoch()
	step := r.Start
	if r.progress.Images > 0 && step%perEpoch == 0 { // stopped in the evaluation
		if err := r.endEpoch(ctx, step/perEpoch, yield); err != nil {
			return err
		}
	}
	if !r.early(step) {
		for s, err := range r.Trainer.Steps(ctx) {
			if err != nil {
				return err
			}
			step = s.Step
			if err := r.endStep(s, yield); err != nil {
				return err
			}
			switch {
			case step%perEpoch == 0:
				err = r.endEpoch(ctx, step/perEpoch, yield)
			case s.Settled:
				err = r.checkpoint(false)
			case r.due():
				r.Trainer.Settle()
			}
			if err != nil {
				return err
			}
			if r.early(step) {
				break
			}
		}
	}
	hash, err := r.Net.Hash()
	if err != nil {
		return err
	}
	if err := r.save(); err != nil {
		return err
	}
	end := End{hash, step, r.early(step), r.progress.Best, r.progress.BestEpoch}
	if err := r.write("end", end); err != nil {
		return err
	}
	if err := r.drawCurves(); err != nil {
		return err
	}
	yield(Event{End: &end})
	return nil
}

// rewind drops the lines of metrics.jsonl after the last checkpoint.
func (r *Run) rewind() error {
	if err := r.metrics.Truncate(r.savedMetrics); err != nil {
		return err
	}
	_, err := r.metrics.Seek(r.savedMetrics, io.SeekStart)
	return err
}

// endStep records a step.
func (r *Run) endStep(s nn.Step, yield func(Event) bool) error {
	r.progress.LossSum += s.Loss * float64(s.Images)
	r.progress.Images += s.Images
	r.progress.Elapsed = time.Since(r.begun)
	if err := r.write("step", struct {
		Step   int     `json:"step"`
		Epoch  int     `json:"epoch"`
		Loss   float64 `json:"loss"`
		Images int     `json:"images"`
	}{s.Step, s.Epoch, s.Loss, s.Images}); err != nil {
		return err
	}
	err := r.board.Write(s.Step, tensorboard.Scalar{Tag: "loss/train", Value: s.Loss}, tensorboard.Scalar{Tag: "learning_rate", Value: s.Rate})
	if err != nil {
		return err
	}
	if !yield(Event{Step: &s}) {
		return errStopped
	}
	if classes := r.Net.Out.C; s.Images == r.Trainer.Batch() && r.same.dead(s.Loss, classes) {
		w := fmt.Sprintf("the network is dead: the loss of the last %d steps is ln %d to the last bit, so the logits are equal whatever the image and "+
			"nothing can be learned from them; begin anew with another -seed or a smaller -lr", deadSteps, classes)
		if !yield(Event{Warning: w}) {
			return errStopped
		}
	}
	return nil
}

// endEpoch measures the epoch of the given number, counting from 1, records it
// and begins the next.
func (r *Run) endEpoch(ctx context.Context, number int, yield func(Event) bool) error {
	p := r.progress
	var test nn.Evaluation
	for sofar, err := range r.test.Batches(ctx) {
		if err != nil {
			return err
		}
		if test = sofar; !yield(Event{Test: &sofar}) {
			return errStopped
		}
	}
	step := number * r.Trainer.StepsPerEpoch()
	if math.IsNaN(test.Loss) || math.IsInf(test.Loss, 0) {
		return fmt.Errorf("step %d: the test loss is %g: %w", step, test.Loss, nn.ErrDiverged)
	}
	e := Epoch{
		Epoch: number, TrainLoss: p.LossSum / float64(p.Images), TestLoss: test.Loss, TestAccuracy: test.Accuracy,
		Seconds: p.Elapsed.Seconds(), ImagesPerSecond: float64(p.Images) / p.Elapsed.Seconds(),
	}
	if err := r.write("epoch", e); err != nil {
		return err
	}
	err := r.board.Write(step, tensorboard.Scalar{Tag: "loss/test", Value: e.TestLoss}, tensorboard.Scalar{Tag: "accuracy/test", Value: e.TestAccuracy},
		tensorboard.Scalar{Tag: "images_per_second", Value: e.ImagesPerSecond})
	if err != nil {
		return err
	}
	r.begun, r.progress = time.Now(), progress{Best: p.Best, BestEpoch: p.BestEpoch}
	best := e.TestAccuracy > p.Best
	if best {
		r.progress.Best, r.progress.BestEpoch = e.TestAccuracy, number
	}
	if err := r.checkpoint(best); err != nil {
		return err
	}
	if err := r.drawCurves(); err != nil {
		return err
	}
	if !yield(Event{Epoch: &e}) {
		return errStopped
	}
	return nil
}

// due says that it is time for a checkpoint.
func (r *Run) due() bool {
	every := r.Settings.CheckpointEvery
	return every.Steps == 0 && time.Since(r.saved) > cmp.Or(every.Time, betweenCheckpoints)
}

// early says that the run ends after so many steps by Settings.Patience.
func (r *Run) early(steps int) bool {
	patience, perEpoch := r.Settings.Patience, r.Trainer.StepsPerEpoch()
	return patience > 0 && steps%perEpoch == 0 && r.progress.Images == 0 && steps/perEpoch-r.progress.BestEpoch >= patience
}

// Finished says that a run that is resumed had come to its end.
func (r *Run) Finished() bool {
	return r.progress.Images == 0 && (r.early(r.Start) || r.Start == r.Trainer.Total())
}

// leave saves all that is needed to go on.
func (r *Run) leave() error {
	if err := r.checkpoint(false); err != nil {
		return err
	}
	return errors.Join(r.save(), r.drawCurves())
}

// same counts steps in a row that have the same loss.
type same struct {
	loss  float64
	steps int
}

// deadSteps is how many whole batches must have the same loss for a network to
// be called dead.
const deadSteps = 20

// dead says, once, that a loss is the last of deadSteps that are equal to the
// last bit, and are that of equal logits, ln(classes): different batches give
// that only if the images make no difference, as when the last ReLU lets nothing
// through.
func (s *same) dead(loss float64, classes int) bool {
	if loss != s.loss {
		*s = same{loss: loss}
	}
	s.steps++
	return s.steps == deadSteps && math.Abs(loss-math.Log(float64(classes))) < 1e-4 // the sum of a batch is rounded
}

// save writes model.safetensors.
func (r *Run) save() error {
	weights, err := r.Net.Weights()
	if err != nil {
		return err
	}
	return safetensors.Write(r.file("model.safetensors"), weights, r.metadata)
}

// WriteProfile prints where the device's time went.
func WriteProfile(w io.Writer, dev *gpu.Device) {
	ts := dev.Timings()
	var total time.Duration
	for _, t := range ts {
		total += t.Total
	}
	fmt.Fprintf(w, "%-10s %-22s %-38s %6s %12s %6s %8s\n", "layer", "kernel", "shape", "runs", "ms a run", "share", "GFLOP/s")
	for _, t := range ts {
		fmt.Fprintf(w, "%-10s %-22s %-38s %6d %12.3f %5.1f%% %8.2f\n", t.Layer, t.Kernel, t.Detail, t.Count,
			float64(t.Total.Microseconds())/1000/float64(t.Count), 100*float64(t.Total)/float64(total), float64(t.Flops)*float64(t.Count)/float64(t.Total))
	}
	fmt.Fprintf(w, "all dispatches: %v\n", total.Round(time.Millisecond))
}

// TrainLen is the number of training images.
func (r *Run) TrainLen() int { return r.trainImages.Len() }

// TestImages are the images that the run is tested on.
func (r *Run) TestImages() *data.Images { return r.testImages.Set() }
