package nin

import (
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
	"strings"
	"time"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/nearest"
	"wgnin/nn/safetensors"
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
	Seed        uint64  `json:"seed"`
	TrainImages int     `json:"train_images"` // 0 is all
	TestImages  int     `json:"test_images"`  // 0 is all
	Shuffle     bool    `json:"shuffle"`
	Init        string  `json:"init,omitempty"` // file of weights to start from
	Data        string  `json:"data,omitempty"` // folder of the dataset

	// CheckpointEvery is the number of steps between checkpoints; 0 is one
	// every ten minutes. It does not change the bits.
	CheckpointEvery int `json:"checkpoint_every,omitempty"`
}

// Settings are the recipe's own.
func (r Recipe) Settings() Settings {
	return Settings{
		Recipe: r.Name, Dataset: r.Dataset, Epochs: r.Epochs, Batch: r.Batch, Rate: r.Rate,
		Momentum: r.Momentum, WeightDecay: r.WeightDecay, Dropout: r.Dropout, Shuffle: true,
	}
}

// Check refuses settings that no run can have, and says what would be right.
func (s Settings) Check() error {
	finite := func(x float64) bool { return x >= 0 && !math.IsInf(x, 0) }
	switch {
	case !slices.Contains(data.Names(), s.Dataset):
		names := data.Names()
		return fmt.Errorf("-dataset is %q; the nearest is %s (of %s)", s.Dataset, nearest.Word(s.Dataset, names), strings.Join(names, ", "))
	case s.Dataset == "folder" && s.Data == "":
		return errors.New("-dataset folder needs -data DIR; DIR has a folder of PNG or JPEG images for each class")
	case s.Epochs < 1 || s.Epochs > 1e6:
		return fmt.Errorf("-epochs is %d; want 1 to 1000000", s.Epochs)
	case s.Steps < 0 || s.Steps > 1e9:
		return fmt.Errorf("-steps is %d; want 0 (no limit) to 1000000000", s.Steps)
	case s.Batch < 1 || s.Batch > 1e6:
		return fmt.Errorf("-batch is %d; want 1 to 1000000", s.Batch)
	case !finite(s.Rate) || s.Rate > math.MaxFloat32:
		return fmt.Errorf("-lr is %g; want a finite number, 0 or more", s.Rate)
	case !(s.Momentum >= 0 && s.Momentum < 1):
		return fmt.Errorf("-momentum is %g; want 0 <= momentum < 1", s.Momentum)
	case !(s.WeightDecay >= 0 && s.WeightDecay < 1):
		return fmt.Errorf("-weight-decay is %g; want 0 <= decay < 1", s.WeightDecay)
	case !(s.Dropout >= 0 && s.Dropout < 1):
		return fmt.Errorf("-dropout is %g; want 0 <= p < 1", s.Dropout)
	case s.CheckpointEvery < 0 || s.CheckpointEvery > 1e9:
		return fmt.Errorf("-checkpoint-every is %d steps; want 1 to 1000000000, or 0 for every ten minutes", s.CheckpointEvery)
	case s.TrainImages < 0 || s.TestImages < 0:
		return fmt.Errorf("-train-images is %d and -test-images %d; want 0 (all) or more", s.TrainImages, s.TestImages)
	}
	_, err := augmentation(s.Augment, nn.Shape{})
	return err
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

	test        *nn.Evaluator
	trainImages *nn.Images
	testImages  *nn.Images
	dev         *gpu.Device
	dataHash    string
	metrics     *os.File
	progress    progress
	saved       time.Time // the last checkpoint
}

// progress is how far an epoch is, besides the number of steps.
type progress struct {
	LossSum float64       `json:"loss_sum"` // of the images since the epoch began
	Images  int           `json:"images"`   // since the epoch began
	Elapsed time.Duration `json:"elapsed"`  // since the epoch began
	Best    float64       `json:"best"`     // test accuracy
}

// Event is what a run reports: one of its fields is set.
type Event struct {
	Step  *nn.Step
	Epoch *Epoch
	End   *End
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
}

// NewRun prepares a run on dev and creates its directory, with the first line
// of metrics.jsonl and a checkpoint. The directory must not hold a run already.
func NewRun(dev *gpu.Device, s Settings, train, test *data.Images, dir string) (_ *Run, err error) {
	r, err := newRun(dev, s, train, test, dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.Close()
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
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	r.metrics, err = os.OpenFile(r.file(metricsFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s holds a run already; choose another -out, or -resume it", dir)
	}
	if err != nil {
		return nil, err
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
		Micro      int               `json:"micro_batch"`
	}{s, a.Name, a.Class.String(), a.Driver, a.Backend, versions(), r.Net.Params(), r.Trainer.MicroBatch()})
	if err != nil {
		return nil, err
	}
	return r, r.checkpoint(false)
}

const metricsFile = "metrics.jsonl"

// file is a path in the run's directory.
func (r *Run) file(names ...string) string {
	return filepath.Join(append([]string{r.Dir}, names...)...)
}

// newRun puts all that a run needs on the device.
func newRun(dev *gpu.Device, s Settings, train, test *data.Images, dir string) (_ *Run, err error) {
	recipe, err := Find(s.Recipe)
	if err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	r, err := assemble(dev, recipe, s, train, test)
	if err != nil {
		return nil, err
	}
	r.Dir = dir
	r.dataHash = hashImages(r.trainImages.Set(), r.testImages.Set())
	return r, nil
}

// assemble puts a run of the recipe's network on the device.
func assemble(dev *gpu.Device, recipe Recipe, s Settings, train, test *data.Images) (_ *Run, err error) {
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
	if r.Net, err = nn.NewNet(dev, recipe.Net(len(train.Classes), s.Dropout), in); err != nil {
		return nil, err
	}
	if r.trainImages, err = nn.Upload(dev, train); err != nil {
		return nil, err
	}
	if r.testImages, err = nn.Upload(dev, test); err != nil {
		return nil, err
	}
	cfg := nn.TrainConfig{
		Batch: s.Batch, Epochs: s.Epochs, Steps: s.Steps, Shuffle: s.Shuffle, Augment: augment, Seed: s.Seed, SettleEvery: s.CheckpointEvery,
	}
	cfg.SGD = nn.SGD{Rate: recipe.schedule(s.Rate, cfg.Total(train.Len())), Momentum: s.Momentum, WeightDecay: s.WeightDecay}
	if r.Trainer, err = nn.NewTrainer(r.Net, r.trainImages, cfg); err != nil {
		return nil, err
	}
	r.test, err = nn.NewEvaluator(r.Net, r.testImages, s.Batch)
	return r, err
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
	if r.metrics != nil {
		_ = r.metrics.Close() // every line was written and checked
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
// leaves a checkpoint and the weights, and ends with ctx's error.
func (r *Run) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		err := r.events(ctx, func(e Event) bool { return yield(e, nil) })
		if errors.Is(err, context.Canceled) {
			// A stop that could not be saved is that error, not a clean stop.
			if failed := errors.Join(r.checkpoint(false), r.save()); failed != nil {
				err = failed
			}
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(Event{}, err)
		}
	}
}

// errStopped says that the caller of Events wants no more.
var errStopped = errors.New("stopped")

// betweenCheckpoints is how long a run goes without a checkpoint, if it has no
// number of steps for it.
const betweenCheckpoints = 10 * time.Minute

func (r *Run) events(ctx context.Context, yield func(Event) bool) error {
	begun := time.Now().Add(-r.progress.Elapsed) // the epoch
	perEpoch := r.Trainer.StepsPerEpoch()
	// endEpoch evaluates the net on the test images and begins the next epoch.
	endEpoch := func(number int) (best bool, err error) {
		e, err := r.evaluate(ctx, number)
		if err != nil {
			return false, err
		}
		best = e.TestAccuracy > r.progress.Best
		r.progress = progress{Best: max(r.progress.Best, e.TestAccuracy)}
		begun = time.Now()
		if !yield(Event{Epoch: &e}) {
			return best, errStopped
		}
		return best, nil
	}
	if r.progress.Images > 0 && r.Start%perEpoch == 0 { // stopped in the evaluation
		if _, err := endEpoch(r.Start / perEpoch); err != nil {
			return err
		}
	}
	for step, err := range r.Trainer.Steps(ctx) {
		if err != nil {
			return err
		}
		r.progress.LossSum += step.Loss * float64(step.Images)
		r.progress.Images += step.Images
		r.progress.Elapsed = time.Since(begun)
		if err := r.write("step", struct {
			Step   int     `json:"step"`
			Epoch  int     `json:"epoch"`
			Loss   float64 `json:"loss"`
			Images int     `json:"images"`
		}{step.Step, step.Epoch, step.Loss, step.Images}); err != nil {
			return err
		}
		if !yield(Event{Step: &step}) {
			return errStopped
		}
		best := false
		if step.Step%perEpoch == 0 {
			if best, err = endEpoch(step.Step / perEpoch); err != nil {
				return err
			}
		}
		if step.Settled {
			if err := r.checkpoint(best); err != nil {
				return err
			}
		} else if r.Settings.CheckpointEvery == 0 && time.Since(r.saved) > betweenCheckpoints {
			r.Trainer.Settle()
		}
	}
	hash, err := r.Net.Hash()
	if err != nil {
		return err
	}
	if err := r.save(); err != nil {
		return err
	}
	end := End{hash}
	if err := r.write("end", end); err != nil {
		return err
	}
	yield(Event{End: &end})
	return nil
}

// evaluate measures the epoch of the given number, counting from 1.
func (r *Run) evaluate(ctx context.Context, number int) (Epoch, error) {
	p := r.progress
	e := Epoch{Epoch: number, TrainLoss: p.LossSum / float64(p.Images), Seconds: p.Elapsed.Seconds()}
	e.ImagesPerSecond = float64(p.Images) / e.Seconds
	result, err := r.test.Run(ctx)
	if err != nil {
		return e, err
	}
	e.TestLoss, e.TestAccuracy = result.Loss, result.Accuracy
	if err := r.write("epoch", e); err != nil {
		return e, err
	}
	return e, r.drawCurves()
}

// save writes model.safetensors.
func (r *Run) save() error {
	weights, err := r.Net.Weights()
	if err != nil {
		return err
	}
	return safetensors.Write(r.file("model.safetensors"), weights, metadata(r.Recipe.Name, r.Settings.Dataset, r.trainImages.Set().Classes))
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
