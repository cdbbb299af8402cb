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

// Settings has everything needed to reproduce a run bit for bit, besides the adapter, the driver
// and the program. The first line of metrics.jsonl records it.
type Settings struct {
	Recipe  string `json:"recipe"`
	Dataset string `json:"dataset"`
	nn.Hyper
	// Net replaces the recipe's network by one in the form of nn.Text, whose last layer makes a
	// logit for each class. Input replaces the size of the recipe's input by rows x columns, such
	// as 32x32. Empty means the recipe's. Dropout does not change the dropout layers of Net.
	Net   string `json:"net,omitempty"`
	Input string `json:"input,omitempty"`

	// Schedule names how the learning rate changes over the steps: constant; cosine, which
	// falls to zero as half a cosine; steps, which divides the rate by ten after half and
	// after three quarters of the steps; or onecycle (see nn.OneCycle). Empty means the
	// recipe's. Rate is the highest rate.
	Schedule string `json:"schedule,omitempty"`
	// Warmup is the number of steps over which the rate rises before it follows the schedule:
	// linearly from zero, or for onecycle as half a cosine. 0 means the schedule's own warm-up.
	Warmup int `json:"warmup,omitempty"`

	// LabelSmoothing is the share of a target that is spread over all classes, as in
	// [nn.CrossEntropy].
	LabelSmoothing float64 `json:"label_smoothing,omitempty"`
	// ClassWeights is the weight of each class in the loss: a list such as 1,2,0.5, in the order of
	// the classes, or balanced. The balanced weight of a class is images / (classes * images of the
	// class), counted in the training images. Empty gives all classes the same weight. With
	// weights, the training loss of a step or an epoch is the weighted mean. The test loss has
	// neither weights nor smoothing.
	ClassWeights string `json:"class_weights,omitempty"`

	Augment string `json:"augment,omitempty"` // of the training images: crop, mirror, or crop,mirror
	Whiten  bool   `json:"whiten,omitempty"`
	// Normalise says how pixels become the network's input. unit, or empty, maps them to 0 to 1.
	// dataset also subtracts the mean of each channel of the training images and divides by the
	// standard deviation, as [data.FitNormalisation] finds them. imagenet does the same with the
	// numbers of torchvision's pretrained networks. Other numbers are given in the form of
	// [data.Normalisation.String]. Frozen layers need the preprocessing of the file of Init; see
	// LikeInit.
	Normalise   string `json:"normalise,omitempty"`
	TrainImages int    `json:"train_images"`   // 0 is all
	TestImages  int    `json:"test_images"`    // 0 is all
	Init        string `json:"init,omitempty"` // file of weights to start from
	// Freeze is a list of prefixes, separated by commas, of the names of weights that do not learn;
	// see nn.Freeze.
	Freeze  string `json:"freeze,omitempty"`
	Data    string `json:"data,omitempty"`     // folder of the dataset
	SkipBad bool   `json:"skip_bad,omitempty"` // leave out unreadable pictures of the dataset folder

	// Patience ends the run after that many epochs without a better test accuracy. 0 means never.
	Patience int `json:"patience,omitempty"`

	// Tune measures which kernels are the fastest on the device, and uses them. The first line of
	// metrics.jsonl records which they are.
	Tune bool `json:"tune,omitempty"`

	// Balance gives each of several ranks a share of the batch in proportion to its measured speed.
	// The bits depend on the shares, so the first line of metrics.jsonl records them.
	Balance bool `json:"balance,omitempty"`

	// The fields below do not change the bits.

	// CheckpointEvery is the interval of checkpoints, besides those after each epoch and at the
	// end. The zero Every means ten minutes.
	CheckpointEvery Every `json:"checkpoint_every,omitzero"`
	// TensorBoard also writes an event file for TensorBoard.
	TensorBoard bool `json:"tensorboard,omitempty"`
}

// BetweenCheckpoints is the default of CheckpointEvery.
const BetweenCheckpoints = 10 * time.Minute

// Settings returns the recipe's own settings.
func (r Recipe) Settings() Settings {
	return Settings{Recipe: r.Name, Dataset: r.Dataset, Hyper: r.Hyper, Whiten: r.Whiten, Normalise: r.Normalise,
		Augment: r.Augment, CheckpointEvery: Every{Time: BetweenCheckpoints}}
}

// RecipeOf returns the recipe that the settings name, one of [Recipes] or known, with the network
// and the input of the settings.
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
			return r, SettingError{Setting: "Net", Problem: "is not a network", Err: err}
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

// Schedules lists the names of all schedules.
var Schedules = []string{"constant", "cosine", "steps", "onecycle"}

// RateSchedule returns the schedule of the learning rate for a run of the given number of steps.
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
		// These are the milestones of He et al. for CIFAR-10, "Deep Residual Learning", 2015,
		// section 4.2.
		schedule = nn.Steps{Base: s.Rate, Gamma: 0.1, Milestones: []int{steps / 2, steps * 3 / 4}}
	case "onecycle":
		schedule = nn.OneCycle{Peak: s.Rate, Total: steps}
	}
	if s.Warmup > 0 {
		schedule = nn.WarmUp(schedule, s.Warmup)
	}
	return schedule
}

// balanced is the value of ClassWeights that computes the weights from the training images.
const balanced = "balanced"

// Loss returns the loss of the settings for training on these images. If train is nil, the loss
// lacks the weights that depend on the images. Errors: ClassWeights or LabelSmoothing out of range,
// a number of weights other than that of the classes, or balanced with a class that has no images.
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
			// scikit-learn's formula
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

// checkSchedule refuses an unknown schedule and a negative warm-up.
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

// Frozen returns the prefixes of Freeze.
func (s Settings) Frozen() (prefixes []string) {
	if s.Freeze == "" {
		return nil
	}
	for _, p := range strings.Split(s.Freeze, ",") {
		prefixes = append(prefixes, strings.TrimSpace(p))
	}
	return prefixes
}

// Unit is the value of Settings.Normalise that maps pixels to 0 to 1.
const Unit = "unit"

// Normalisation returns the normalisation that the setting Normalise requests for these training
// images, or nil for unit.
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

// ErrWhitening reports a normalisation together with a whitening.
var ErrWhitening = errors.New("whitening normalises by itself; want " + Unit)

// numbers returns the numbers of the setting Normalise, or nil if it has none. It refuses an
// unknown value, and any normalisation together with a whitening.
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

// SettingError reports a setting that no run can have. A number out of range is an [nn.RangeError]
// instead.
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

// CheckSkipBad refuses skip, which leaves out pictures, for any dataset but folder.
func CheckSkipBad(dataset string, skip bool) error {
	if skip && dataset != "folder" {
		return SettingError{Setting: "SkipBad",
			Problem: fmt.Sprintf("is for the dataset folder; %s has no pictures to leave out", dataset)}
	}
	return nil
}

// Check refuses settings that no run can have, with a [SettingError] or an [nn.RangeError] that
// says what would be right. The recipe must be one of [Recipes] or known. The dataset must be one
// of package data, or the recipe's own.
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
	// The names of weights do not depend on the classes nor, normally, on the channels of the
	// images.
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
