package nin

import (
	"fmt"
	"strings"

	"wgnin/nn"
)

// Recipe is a network with the settings of its training run.
type Recipe struct {
	Name    string
	About   string // one line
	Dataset string // name of package data
	In      nn.Shape
	Net     func(classes int, dropout float64) nn.Sequential
	Init    nn.Init

	Batch, Epochs         int
	Rate                  float64
	Milestones            []int // steps after which the rate is a tenth
	Momentum, WeightDecay float64
	Dropout               float64
}

// Recipes are all there are.
var Recipes = []Recipe{
	{
		Name: "d2l", About: "the chapter's run: Fashion-MNIST at 224x224, 10 epochs",
		Dataset: "fashion-mnist", In: nn.Shape{C: 1, H: 224, W: 224}, Net: Chapter, Init: nn.Xavier,
		Batch: 128, Epochs: 10, Rate: 0.05, Dropout: 0.5,
	},
	{
		Name: "mini", About: "a small network at 28x28: minutes on two CPU cores",
		Dataset: "fashion-mnist", In: nn.Shape{C: 1, H: 28, W: 28}, Net: Mini, Init: nn.He,
		Batch: 128, Epochs: 3, Rate: 0.05, Momentum: 0.9, WeightDecay: 1e-4, Dropout: 0.2,
	},
	{
		Name: "lin2013", About: "the paper's CIFAR-10 run, without whitening: 120,000 steps",
		Dataset: "cifar10", In: nn.Shape{C: 3, H: 32, W: 32}, Net: Lin2013, Init: nn.Init{Weight: nn.Gaussian(0.05), Bias: nn.Zero},
		Batch: 128, Epochs: 307, Rate: 0.1, Milestones: []int{100_000}, Momentum: 0.9, WeightDecay: 1e-4, Dropout: 0.5,
	},
}

// Find is the recipe of that name.
func Find(name string) (Recipe, error) {
	var names []string
	for _, r := range Recipes {
		if r.Name == name {
			return r, nil
		}
		names = append(names, r.Name)
	}
	return Recipe{}, fmt.Errorf("no recipe %q; there is: %s", name, strings.Join(names, ", "))
}

// schedule is the learning rate, from the given base.
func (r Recipe) schedule(base float64) nn.Schedule {
	if len(r.Milestones) == 0 {
		return nn.Constant(base)
	}
	return nn.Steps{Base: base, Gamma: 0.1, Milestones: r.Milestones}
}
