package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/session"
	"wgnin/nn/data"
	"wgnin/shaders/input/pillow"
)

// Guess is a class with the probability that the network gives it.
type Guess struct {
	Class       string  `json:"class"`
	Probability float64 `json:"probability"` // softmax of the logits
}

// Predictor says what a network takes images for. Images of any size and number run in
// batches on one plan: an image is resized when it is added, so that the memory does not
// depend on the images.
type Predictor struct {
	on      *session.Session
	classes []string
	batch   *data.Images // resized
	added   int          // images of the batch
}

// NewPredictor plans predictions of batch images at a time.
func NewPredictor(dev *gpu.Device, m *nin.Model, batch int) (*Predictor, error) {
	on, err := session.OfModel(dev, m)
	if err != nil {
		return nil, err
	}
	in := on.Net.In
	p := &Predictor{on: on, classes: m.Classes}
	p.batch = &data.Images{C: in.C, H: in.H, W: in.W, Pixels: make([]uint8, batch*in.Len()), Labels: make([]uint8, batch)}
	if err := on.Test(p.batch, batch); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Close gives the device memory back.
func (p *Predictor) Close() { p.on.Close() }

// Add puts an image into the batch, resized as in training, to the same bits. The image
// is a set of one, with the channels of the network's input; its label does not matter.
func (p *Predictor) Add(im *data.Images) error {
	in := p.on.Net.In
	switch {
	case p.added == p.batch.Len():
		return fmt.Errorf("the batch has %d images and takes no more", p.added)
	case im.Len() != 1 || im.C != in.C || len(im.Pixels) != im.C*im.H*im.W:
		return fmt.Errorf("%d images of %d channels; want one of %d", im.Len(), im.C, in.C)
	}
	pixels := im.Pixels
	if im.H != in.H || im.W != in.W {
		pixels = pillow.Bilinear{C: im.C, InH: im.H, InW: im.W, OutH: in.H, OutW: in.W}.Resize(pixels)
	}
	copy(p.batch.Pixels[p.added*in.Len():], pixels)
	p.added++
	return nil
}

// Run gives for each image that was added since the last run what the network takes it
// for, the most probable class first.
func (p *Predictor) Run() ([][]Guess, error) {
	n := p.added
	p.added = 0
	if err := p.on.TestImages.Replace(p.batch); err != nil {
		return nil, err
	}
	rows, err := p.on.Evaluator.Logits(0, n)
	if err != nil {
		return nil, err
	}
	all := make([][]Guess, n)
	for i, logits := range rows {
		logP, _ := softmax(logits)
		for c, lp := range logP {
			all[i] = append(all[i], Guess{p.classes[c], math.Exp(lp)})
		}
		slices.SortStableFunc(all[i], func(a, b Guess) int { return cmp.Compare(b.Probability, a.Probability) })
	}
	return all, nil
}
