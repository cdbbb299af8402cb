package nin

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/nearest"
)

// Settings are all that the bits of a run depend on, besides adapter, driver
// and program. The first line of metrics.jsonl records them.
type Settings struct {
	Recipe  string `json:"recipe"`
	Dataset string `json:"dataset"`
	nn.Hyper
	// Net is a network in the form of nn.Text in place of the recipe's, and Input its
	// input, rows x columns such as 32x32; empty for the recipe's. The network's last layer
	// makes a logit for each class. Its dropout is its own.
	Net   string `json:"net,omitempty"`
	Input string `json:"input,omitempty"`

	// Schedule names how the learning rate changes over the steps: constant; cosine, which
	// falls to zero as half a cosine; steps, which divides the rate by ten after half and
	// after three quarters of the steps; or onecycle (see nn.OneCycle). Empty means the
	// recipe's. Rate is the highest rate.
	Schedule string `json:"schedule,omitempty"`
	// Warmup is how many steps the rate rises before it does what the schedule says: in a line from
	// zero, or for onecycle as half a cosine; 0 is the schedule's own.
	Warmup int `json:"warmup,omitempty"`

	// LabelSmoothing is the share of a target that is spread over all classes, as in
	// [nn.CrossEntropy].
	LabelSmoothing float64 `json:"label_smoothing,omitempty"`
	// ClassWeights says how much each class counts in the loss: a list such as 1,2,0.5, in the
	// order of the classes, or balanced, which is images / (classes * images of the class) of the
	// training images. Empty means that all count the same. The training loss of an epoch is the
	// weighted mean then, as that of a step. The test loss has neither weights nor smoothing.
	ClassWeights string `json:"class_weights,omitempty"`

	Augment string `json:"augment,omitempty"` // of the training images: crop, mirror, or crop,mirror
	Whiten  bool   `json:"whiten,omitempty"`
	// Normalise says what the values of images are when the network sees them: unit (or empty),
	// 0 to 1; dataset, less the mean and over the deviation of each channel of the training
	// images, as [data.FitNormalisation] finds them; imagenet, the same with the numbers of
	// torchvision's pretrained networks; or numbers, in the form of [data.Normalisation.String].
	// Layers that Freeze keeps learned under the numbers of the file of Init: see LikeInit.
	Normalise   string `json:"normalise,omitempty"`
	TrainImages int    `json:"train_images"`   // 0 is all
	TestImages  int    `json:"test_images"`    // 0 is all
	Init        string `json:"init,omitempty"` // file of weights to start from
	// how the names of weights that do not learn begin, with commas; see nn.Freeze
	Freeze  string `json:"freeze,omitempty"`
	Data    string `json:"data,omitempty"`     // folder of the dataset
	SkipBad bool   `json:"skip_bad,omitempty"` // leave out pictures of the dataset folder that cannot be read

	// Patience ends the run after so many epochs without a better test
	// accuracy; 0 is never.
	Patience int `json:"patience,omitempty"`

	// Tune takes the kernels that are measured to be the fastest on the
	// device; which they are, the first line of metrics.jsonl records too.
	Tune bool `json:"tune,omitempty"`

	// Balance gives each of several ranks a share of the batch by its measured speed. The bits
	// depend on the shares, which the first line of metrics.jsonl records too.
	Balance bool `json:"balance,omitempty"`

	// What follows does not change the bits.

	// CheckpointEvery is how often a checkpoint is written, besides those
	// after each epoch and at the end; the zero Every is every ten minutes.
	CheckpointEvery Every `json:"checkpoint_every,omitzero"`
	// TensorBoard adds an event file.
	TensorBoard bool `json:"tensorboard,omitempty"`
}

// BetweenCheckpoints is how long a run goes without a checkpoint, if it is told
// nothing else.
const BetweenCheckpoints = 10 * time.Minute

// Settings are the recipe's own.
func (r Recipe) Settings() Settings {
	return Settings{Recipe: r.Name, Dataset: r.Dataset, Hyper: r.Hyper, Whiten: r.Whiten, Normalise: r.Normalise,
		Augment: r.Augment, CheckpointEvery: Every{Time: BetweenCheckpoints}}
}

// RecipeOf returns the recipe that the settings name, of [Recipes] or known, with the settings'
// network and input.
func RecipeOf(s Settings, known ...Recipe) (Recipe, error) {
	r, err := Find(s.Recipe, known...)
	if err != nil {
		return r, err
	}
	if r.Net == nil {
		return r, fmt.Errorf("the recipe %q has no Net; want a function that returns the layers", r.Name)
	}
	if s.Net != "" {
		layer, err := parse(s.Net)
		if err != nil {
			return r, SettingError{Setting: "Net", Problem: "is no network", Err: err}
		}
		layers, ok := layer.(nn.Sequential)
		if !ok {
			layers = nn.Sequential{layer}
		}
		r.Name, r.About = "", fmt.Sprintf("your own network, with the settings of %s", s.Recipe)
		r.Net = func(int, float64) nn.Sequential { return layers }
	}
	if s.Input != "" {
		_, err := fmt.Sscanf(s.Input, "%dx%d", &r.In.H, &r.In.W)
		if err != nil || s.Input != fmt.Sprintf("%dx%d", r.In.H, r.In.W) || min(r.In.H, r.In.W) < 1 ||
			max(r.In.H, r.In.W) > 1<<16 {
			return r, SettingError{Setting: "Input",
				Problem: fmt.Sprintf("is %q; want rows x columns such as 32x32", s.Input)}
		}
	}
	return r, nil
}

// Schedules are the names of all schedules.
var Schedules = []string{"constant", "cosine", "steps", "onecycle"}

// RateSchedule returns the schedule of the learning rate for a run of so many steps.
func (r Recipe) RateSchedule(s Settings, steps int) nn.Schedule {
	var schedule nn.Schedule = nn.Constant(s.Rate)
	switch s.Schedule {
	case "":
		if r.Schedule != nil {
			schedule = r.Schedule(s.Rate, steps)
		}
	case "cosine":
		schedule = nn.Cosine{Base: s.Rate, Total: steps}
	case "steps":
		// As He et al. divide it on CIFAR-10, "Deep Residual Learning", 2015, section 4.2.
		schedule = nn.Steps{Base: s.Rate, Gamma: 0.1, Milestones: []int{steps / 2, steps * 3 / 4}}
	case "onecycle":
		schedule = nn.OneCycle{Peak: s.Rate, Total: steps}
	}
	if s.Warmup > 0 {
		schedule = nn.WarmUp(schedule, s.Warmup)
	}
	return schedule
}

// balanced stands for ClassWeights that follow from the training images.
const balanced = "balanced"

// Loss returns the loss of the settings, for training on these images. If they are nil, it
// leaves out weights that depend on them. Errors: ClassWeights or LabelSmoothing that make no
// sense, other than one weight for each class, or a balanced class without images.
func (s Settings) Loss(train *data.Images) (nn.CrossEntropy, error) {
	loss := nn.CrossEntropy{LabelSmoothing: s.LabelSmoothing}
	refuse := func(problem string) error { return SettingError{Setting: "ClassWeights", Problem: problem} }
	switch s.ClassWeights {
	case "":
	case balanced:
		if train == nil {
			break
		}
		count := make([]int, len(train.Classes))
		for i := range train.Len() {
			count[train.Label(i)]++
		}
		for c, n := range count {
			if n == 0 {
				return loss,
					refuse(fmt.Sprintf("is balanced, and class %s has no training image; want a number for each class",
						train.Classes[c]))
			}
			// as scikit-learn's
			loss.ClassWeights = append(loss.ClassWeights, float64(train.Len())/float64(len(count)*n))
		}
	default:
		for _, word := range strings.Split(s.ClassWeights, ",") {
			w, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
			if err != nil {
				return loss, refuse(fmt.Sprintf("is %q; want balanced, or a number for each class, such as 1,2,0.5",
					s.ClassWeights))
			}
			loss.ClassWeights = append(loss.ClassWeights, w)
		}
		if train != nil && len(loss.ClassWeights) != len(train.Classes) {
			return loss, refuse(fmt.Sprintf("has %d numbers; want %d, one for each class",
				len(loss.ClassWeights), len(train.Classes)))
		}
	}
	return loss, loss.Check()
}

// checkSchedule refuses an unknown schedule and a warm-up of less than no steps.
func (s Settings) checkSchedule() error {
	if s.Schedule != "" && !slices.Contains(Schedules, s.Schedule) {
		return SettingError{Setting: "Schedule",
			Problem: fmt.Sprintf("is %q; %s", s.Schedule, nearest.Hint(s.Schedule, Schedules))}
	}
	if s.Warmup < 0 {
		return nn.RangeError{Setting: "Warmup", Value: s.Warmup, Want: "a number of steps, or 0 for the schedule's own"}
	}
	return nil
}

// Frozen are the prefixes of Freeze.
func (s Settings) Frozen() (prefixes []string) {
	if s.Freeze == "" {
		return nil
	}
	for _, p := range strings.Split(s.Freeze, ",") {
		prefixes = append(prefixes, strings.TrimSpace(p))
	}
	return prefixes
}

// Unit is the value of Settings.Normalise for which pixels are 0 to 1.
const Unit = "unit"

// Normalisation returns what the setting Normalise comes to for these training images; nil is unit.
func (s Settings) Normalisation(train *data.Images) (*data.Normalisation, error) {
	if s.Normalise == "dataset" {
		return data.FitNormalisation(train), nil
	}
	n, err := s.numbers()
	if n == nil {
		return nil, err
	}
	if n, err = n.For(train.C); err != nil {
		return nil, SettingError{Setting: "Normalise", Problem: "is " + s.Normalise, Err: err}
	}
	return n, nil
}

// ErrWhitening reports a normalisation beside a whitening.
var ErrWhitening = errors.New("whitening normalises by itself; want " + Unit)

// numbers are those that the setting Normalise gives; nil if it gives none. It refuses any other
// value, and one beside a whitening.
func (s Settings) numbers() (*data.Normalisation, error) {
	if s.Normalise == "" || s.Normalise == Unit {
		return nil, nil
	}
	if s.Whiten {
		return nil, SettingError{Setting: "Normalise", Problem: "is " + s.Normalise, Err: ErrWhitening}
	}
	switch s.Normalise {
	case "dataset":
		return nil, nil
	case "imagenet":
		return data.ImageNet(), nil
	}
	n, err := data.ParseNormalisation(s.Normalise)
	if err != nil {
		return nil, SettingError{Setting: "Normalise",
			Problem: fmt.Sprintf("is %.80q; want unit, dataset, imagenet or numbers", s.Normalise), Err: err}
	}
	return n, nil
}

// SettingError is a setting that cannot be had. A setting that is out of range is
// an [nn.RangeError] instead.
type SettingError struct {
	Setting string // the field of Settings
	Problem string // follows the setting: is "shoes"; want ...
	Err     error  // why, or nil
}

func (e SettingError) Error() string {
	text := e.Setting + " " + e.Problem
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e SettingError) Unwrap() error { return e.Err }

// CheckDataset refuses a dataset that package data does not know.
func CheckDataset(name string) error {
	names := data.Names()
	if slices.Contains(names, name) {
		return nil
	}
	return SettingError{Setting: "Dataset", Problem: fmt.Sprintf("is %q; %s", name, nearest.Hint(name, names))}
}

// CheckSkipBad refuses to leave out pictures of a dataset other than folder.
func CheckSkipBad(dataset string, skip bool) error {
	if skip && dataset != "folder" {
		return SettingError{Setting: "SkipBad",
			Problem: fmt.Sprintf("is for the dataset folder; %s has no pictures to leave out", dataset)}
	}
	return nil
}

// Check refuses settings that no run can have, with a [SettingError] or an
// [nn.RangeError] that says what would be right. The recipe is one of [Recipes] or known. A
// dataset is one of package data, or the recipe's own.
func (s Settings) Check(known ...Recipe) error {
	r, err := Find(s.Recipe, known...)
	if err != nil {
		return err
	}
	if s.Dataset != r.Dataset {
		if err := CheckDataset(s.Dataset); err != nil {
			return err
		}
	}
	if s.Dataset == "folder" && s.Data == "" {
		return SettingError{Setting: "Data",
			Problem: "is missing; the dataset folder is one of your own, with a folder of pictures for each class"}
	}
	if err := CheckSkipBad(s.Dataset, s.SkipBad); err != nil {
		return err
	}
	if every := s.CheckpointEvery; every.Steps < 0 || every.Steps > 1e9 || every.Time < 0 {
		text, _ := every.MarshalText()
		return nn.RangeError{Setting: "CheckpointEvery", Value: string(text),
			Want: "1 to 1000000000 steps, or a time such as 10m"}
	}
	for _, n := range []struct {
		setting string
		value   int
		want    string
	}{
		{"TrainImages", s.TrainImages, "0 (all) or more"}, {"TestImages", s.TestImages, "0 (all) or more"},
		{"Patience", s.Patience, "a number of epochs, or 0 for no early end"},
	} {
		if n.value < 0 {
			return nn.RangeError{Setting: n.setting, Value: n.value, Want: n.want}
		}
	}
	if err := s.Hyper.Check(); err != nil {
		return err
	}
	if err := s.checkSchedule(); err != nil {
		return err
	}
	if _, err := s.numbers(); err != nil {
		return err
	}
	if _, err := s.Loss(nil); err != nil {
		return err
	}
	if r, err = RecipeOf(s, known...); err != nil {
		return err
	}
	// The names depend neither on the classes nor, as a rule, on the channels of the images.
	if d, err := nn.Describe(r.Net(10, s.Dropout), r.In); err == nil && s.Freeze != "" {
		if err := nn.CheckFreeze(d, s.Frozen()...); err != nil {
			return err
		}
	}
	if _, err := Augmentation(s.Augment, nn.Shape{}); err != nil || !s.Whiten {
		return err
	}
	return data.CheckWhitening(r.In.C, r.In.H, r.In.W)
}
