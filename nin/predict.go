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

// Predict gives for each image, of any size, what the network takes it for, the
// most probable class first. Each element is a set of one image, with the
// channels of the network's input; its label does not matter. Images of one size
// run together.
func (m *Model) Predict(dev *gpu.Device, images []*data.Images) ([][]Guess, error) {
	net, err := m.Net(dev)
	if err != nil {
		return nil, err
	}
	defer net.Close()
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
		set := &data.Images{C: m.Recipe.In.C, H: s.h, W: s.w, Labels: make([]uint8, len(places[s]))}
		for _, i := range places[s] {
			set.Pixels = append(set.Pixels, images[i].Pixels...)
		}
		guesses, err := m.predict(net, set)
		if err != nil {
			return nil, err
		}
		for k, i := range places[s] {
			all[i] = guesses[k]
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

// LooksInverted says that the network was trained on things that are white on
// black, and that the border of the image is rather white.
func (m *Model) LooksInverted(im *data.Images) bool {
	if !data.WhiteOnBlack(m.Dataset) {
		return false
	}
	sum, n := 0, 0
	for y := range im.H {
		for x := range im.W {
			if y == 0 || x == 0 || y == im.H-1 || x == im.W-1 {
				sum += int(im.Pixels[y*im.W+x])
				n++
			}
		}
	}
	return sum > 127*n
}
