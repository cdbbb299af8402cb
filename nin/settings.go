package nin

import (
	"cmp"
	"errors"
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

// BetweenCheckpoints is how long a run goes without a checkpoint, if it is told
// nothing else.
const BetweenCheckpoints = 10 * time.Minute

// Settings are the recipe's own.
func (r Recipe) Settings() Settings {
	return Settings{
		Recipe: r.Name, Dataset: r.Dataset, Epochs: r.Epochs, Batch: r.Batch, Rate: r.Rate,
		Momentum: r.Momentum, WeightDecay: r.WeightDecay, Dropout: r.Dropout, Whiten: r.Whiten, Shuffle: true,
		CheckpointEvery: Every{Time: BetweenCheckpoints},
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
	err := s.Config(nn.Constant(s.Rate)).Check()
	if err == nil {
		err = nn.Dropout{P: s.Dropout}.Check()
	}
	if err == nil {
		_, err = Augmentation(s.Augment, nn.Shape{})
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

// Config is the trainer's part of the settings.
func (s Settings) Config(rate nn.Schedule) nn.TrainConfig {
	return nn.TrainConfig{
		Batch: s.Batch, Epochs: s.Epochs, Steps: s.Steps, Shuffle: s.Shuffle, Seed: s.Seed, SettleEvery: s.CheckpointEvery.Steps,
		SGD: nn.SGD{Rate: rate, Momentum: s.Momentum, WeightDecay: s.WeightDecay},
	}
}
