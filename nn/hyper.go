package nn

import (
	"errors"
	"fmt"
	"math"

	"wgnin/shaders"
)

// Hyper holds the hyper-parameters of a training. A run records them under the names of the JSON
// tags.
type Hyper struct {
	Epochs int `json:"epochs"` // passes over the images
	Steps  int `json:"steps"`  // stop after this many steps; 0 means no limit
	Batch  int `json:"batch"`  // images of a step; the last step of an epoch may have fewer

	// Shards is the number of parts of each batch, a power of two. 0 means 1, or the number of
	// ranks if there are several (see [Across]). Part i of a batch of n images has images
	// n*i/Shards up to but not including n*(i+1)/Shards, both rounded down; a part without images
	// has a zero gradient. The gradients and losses of the parts are added along a binary tree,
	// ((g0+g1)+(g2+g3)), so the bits of a sum do not depend on where the parts are computed. The
	// gradient is that of the whole batch, except with a [BatchNorm2D]. It normalises each part by
	// itself, or the images of the part that run together, and the parts' running means and
	// variances are averaged.
	Shards int `json:"shards,omitempty"`

	// Optimizer names the update rule of the weights, as in torch.optim: sgd (the default), adam or
	// adamw. Adam's betas are 0.9 and 0.999, and its eps is 1e-8. A schedule may change the rate
	// from step to step.
	//
	//	sgd:   v = Momentum*v + g + WeightDecay*w;  w = w - Rate*v
	//	adam:  of the gradient g + WeightDecay*w
	//	adamw: of the gradient g, after w = w - Rate*WeightDecay*w
	//
	// v starts at zero, and there is no dampening. With Nesterov, the gradient + Momentum*v
	// replaces v in the update of w. The decay applies to biases too, as in PyTorch. SpareBiases
	// exempts weights with fewer than two dimensions: biases, and all weights of a normalisation.
	Optimizer   string  `json:"optimizer,omitempty"`
	Rate        float64 `json:"lr"`
	Momentum    float64 `json:"momentum"` // of sgd only
	Nesterov    bool    `json:"nesterov,omitempty"`
	WeightDecay float64 `json:"weight_decay"`
	SpareBiases bool    `json:"spare_biases,omitempty"`

	// ClipNorm limits the norm of the gradient of a whole batch, over all weights together, as
	// torch.nn.utils.clip_grad_norm_ does. It applies before decay and update. 0 means no limit.
	ClipNorm float64 `json:"clip_norm,omitempty"`

	Dropout float64 `json:"dropout"` // of the layers of a recipe's network; a trainer does not read it
	Seed    uint64  `json:"seed"`    // of the order of the images, of augmentation and of dropout
	Shuffle bool    `json:"shuffle"` // a new order of the images each epoch
}

// RangeError reports a setting that no training can have.
type RangeError struct {
	Setting string // the field, such as Batch, or the layer's name for it
	Value   any
	Want    string
}

func (e RangeError) Error() string { return e.Setting + " " + e.Problem() }

// Problem returns the error without the name of the setting.
func (e RangeError) Problem() string { return fmt.Sprintf("is %v; want %s", e.Value, e.Want) }

// Check returns a [RangeError], which says what would be right, if no training can have these
// settings.
func (h Hyper) Check() error {
	for _, err := range []error{
		inRange("Batch", h.Batch, 1, 1e6), inRange("Epochs", h.Epochs, 1, 1e9), inRange("Steps", h.Steps, 0, 1e9),
		checkRate("Rate", h.Rate), checkShards(h.Shards),
	} {
		if err != nil {
			return err
		}
	}
	if err := h.checkOptimizer(); err != nil {
		return err
	}
	switch {
	case !(h.Momentum >= 0 && float32(h.Momentum) < 1):
		return RangeError{"Momentum", h.Momentum, "0 <= momentum < 1"}
	case !(h.WeightDecay >= 0 && float32(h.WeightDecay) < 1):
		return RangeError{"WeightDecay", h.WeightDecay, "0 <= decay < 1"}
	case h.SpareBiases && h.WeightDecay == 0:
		return RangeError{"SpareBiases", "without effect", "a weight decay above 0 with it"}
	case !(h.ClipNorm == 0 || float32(h.ClipNorm) > 0 && h.ClipNorm <= math.MaxFloat32):
		return RangeError{"ClipNorm", h.ClipNorm, "a positive number, or 0 for no bound"}
	}
	if bad := (RangeError{}); errors.As(Dropout{P: h.Dropout}.Check(), &bad) {
		return RangeError{"Dropout", bad.Value, bad.Want}
	}
	return nil
}

// Total returns the number of steps of a run on the given number of images.
func (h Hyper) Total(images int) int {
	perEpoch := shaders.DivUp(images, max(1, min(h.Batch, images)))
	n := min(h.Epochs, math.MaxInt/max(1, perEpoch)) * perEpoch
	if h.Steps > 0 {
		n = min(n, h.Steps)
	}
	return n
}

func inRange(setting string, value, low, high int) error {
	if value < low || value > high {
		return RangeError{setting, value, fmt.Sprintf("%d to %d", low, high)}
	}
	return nil
}

func checkRate(setting string, rate float64) error {
	if !(rate >= 0 && rate <= math.MaxFloat32) {
		return RangeError{setting, rate, "a finite number, 0 or more"}
	}
	return nil
}
