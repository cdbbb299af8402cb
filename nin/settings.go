package nin

import (
	"fmt"
	"slices"
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
	Augment     string `json:"augment,omitempty"` // of the training images: crop, mirror, or crop,mirror
	Whiten      bool   `json:"whiten,omitempty"`
	TrainImages int    `json:"train_images"`       // 0 is all
	TestImages  int    `json:"test_images"`        // 0 is all
	Init        string `json:"init,omitempty"`     // file of weights to start from
	Data        string `json:"data,omitempty"`     // folder of the dataset
	SkipBad     bool   `json:"skip_bad,omitempty"` // leave out pictures of the dataset folder that cannot be read

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

// BetweenCheckpoints is how long a run goes without a checkpoint, if it is told
// nothing else.
const BetweenCheckpoints = 10 * time.Minute

// Settings are the recipe's own.
func (r Recipe) Settings() Settings {
	return Settings{Recipe: r.Name, Dataset: r.Dataset, Hyper: r.Hyper, Whiten: r.Whiten, CheckpointEvery: Every{Time: BetweenCheckpoints}}
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

// Check refuses settings that no run can have, with a [SettingError] or an
// [nn.RangeError] that says what would be right.
func (s Settings) Check() error {
	if err := CheckDataset(s.Dataset); err != nil {
		return err
	}
	if s.Dataset == "folder" && s.Data == "" {
		return SettingError{Setting: "Data", Problem: "is missing; the dataset folder is one of your own, with a folder of pictures for each class"}
	}
	if s.Dataset != "folder" && s.SkipBad {
		return SettingError{Setting: "SkipBad", Problem: fmt.Sprintf("is for the dataset folder; %s has no pictures to leave out", s.Dataset)}
	}
	if every := s.CheckpointEvery; every.Steps < 0 || every.Steps > 1e9 || every.Time < 0 {
		text, _ := every.MarshalText()
		return nn.RangeError{Setting: "CheckpointEvery", Value: string(text), Want: "1 to 1000000000 steps, or a time such as 10m"}
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
	if _, err := Augmentation(s.Augment, nn.Shape{}); err != nil || !s.Whiten {
		return err
	}
	r, err := Find(s.Recipe)
	if err != nil {
		return err
	}
	return data.CheckWhitening(r.In.C, r.In.H, r.In.W)
}
