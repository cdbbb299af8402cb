package nin

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/data"
)

// Guess is a class with the probability that the network gives it.
type Guess struct {
	Class       string  `json:"class"`
	Probability float64 `json:"probability"` // softmax of the logits
}

// Predict gives for each set, of images of any size and the network's channels,
// the guesses for each of its images, the most probable first. Sets of one size
// cost one compilation; labels do not matter.
func (m *Model) Predict(dev *gpu.Device, sets []*data.Images) ([][][]Guess, error) {
	net, err := m.Net(dev)
	if err != nil {
		return nil, err
	}
	defer net.Close()
	all := make([][][]Guess, len(sets))
	for i, set := range sets {
		if all[i], err = m.predict(net, set); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (m *Model) predict(net *nn.Net, set *data.Images) ([][]Guess, error) {
	images, err := nn.Upload(net.Device(), set)
	if err != nil {
		return nil, err
	}
	defer images.Close()
	eval, err := nn.NewEvaluator(net, images, m.Recipe.Batch)
	if err != nil {
		return nil, err
	}
	defer eval.Close()
	rows, err := eval.Logits(0, set.Len())
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
