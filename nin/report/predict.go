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
)

// Guess is a class with the probability that the network gives it.
type Guess struct {
	Class       string  `json:"class"`
	Probability float64 `json:"probability"` // softmax of the logits
}

// Predict gives for each image, of any size, what the network takes it for, the
// most probable class first. Each element is a set of one image, with the
// channels of the network's input; its label does not matter. Images of one size
// run together.
func Predict(dev *gpu.Device, m *nin.Model, images []*data.Images) ([][]Guess, error) {
	on, err := session.OfModel(dev, m)
	if err != nil {
		return nil, err
	}
	defer on.Close()
	type size struct{ h, w int }
	places := map[size][]int{}
	var sizes []size
	for i, im := range images {
		s := size{im.H, im.W}
		if places[s] == nil {
			sizes = append(sizes, s)
		}
		places[s] = append(places[s], i)
	}
	all := make([][]Guess, len(images))
	for _, s := range sizes {
		set := &data.Images{C: m.In.C, H: s.h, W: s.w, Labels: make([]uint8, len(places[s]))}
		for _, i := range places[s] {
			set.Pixels = append(set.Pixels, images[i].Pixels...)
		}
		guesses, err := predict(on, m, set)
		if err != nil {
			return nil, err
		}
		for k, i := range places[s] {
			all[i] = guesses[k]
		}
	}
	return all, nil
}

// predictBatch is how many images run at a time.
const predictBatch = 128

func predict(on *session.Session, m *nin.Model, set *data.Images) ([][]Guess, error) {
	if err := on.Test(set, predictBatch); err != nil {
		return nil, err
	}
	rows, err := on.Evaluator.Logits(0, set.Len())
	if err != nil {
		return nil, err
	}
	all := make([][]Guess, len(rows))
	for i, logits := range rows {
		logP, best := softmax(logits)
		if math.IsNaN(logP[best]) {
			return nil, fmt.Errorf("the network's logits are not numbers: %v", logits)
		}
		for c, p := range logP {
			all[i] = append(all[i], Guess{m.Classes[c], math.Exp(p)})
		}
		slices.SortStableFunc(all[i], func(a, b Guess) int { return cmp.Compare(b.Probability, a.Probability) })
	}
	return all, nil
}
