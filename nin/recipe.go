package nin

import (
	"fmt"
	"slices"
	"strings"

	"wgnin/nin/neighbours"
	"wgnin/nin/torchvision"
	"wgnin/nn"
	"wgnin/nn/nearest"
)

// Recipe is a network with the settings of its training run.
//
// A recipe of your own is a value of this type. It is not registered anywhere: functions that find
// a recipe by its name, such as those of package run, take your own recipes as known. Net may use
// your own layers. Dataset may name images that package data does not know, or none.
type Recipe struct {
	Name    string
	About   string // one line
	Dataset string // name of package data
	In      nn.Shape
	Net     func(classes int, dropout float64) nn.Sequential
	Init    nn.Init

	nn.Hyper
	Schedule func(rate float64, steps int) nn.Schedule // of a run of this many steps; nil means constant
	Whiten   bool                                      // see [data.Whitening]
	Augment  string                                    // of the training images; see [Augmentation]

	Normalise string // see [Settings]
	FineTune  bool   // the rate and the epochs are for a start from trained weights, as Settings.Init gives
}

// Recipes are the recipes of this module, which the commands know. The table is read-only.
var Recipes = []Recipe{
	{
		Name: "d2l", About: "the chapter's run: Fashion-MNIST at 224x224, 10 epochs",
		Dataset: "fashion-mnist", In: nn.Shape{C: 1, H: 224, W: 224}, Net: Chapter, Init: nn.Xavier,
		Hyper: nn.Hyper{Batch: 128, Epochs: 10, Rate: 0.05, Dropout: 0.5, Shuffle: true},
	},
	{
		Name: "mini", About: "a small network at 28x28: minutes on two CPU cores",
		Dataset: "fashion-mnist", In: nn.Shape{C: 1, H: 28, W: 28}, Net: Mini, Init: nn.He,
		Hyper: nn.Hyper{Batch: 128, Epochs: 5, Rate: 0.05, Momentum: 0.9, WeightDecay: 1e-4, Dropout: 0.2,
			Shuffle: true},
		Schedule: func(rate float64, steps int) nn.Schedule {
			return nn.Cosine{Base: rate, Warmup: min(100, steps/10), Total: steps}
		},
	},
	{
		Name: "lin2013", About: "the paper's CIFAR-10 run, on whitened images: 120,000 steps",
		Dataset: "cifar10", In: nn.Shape{C: 3, H: 32, W: 32}, Net: Lin2013,
		Init: nn.Init{Weight: nn.Gaussian(0.05), Bias: nn.Zero},
		Hyper: nn.Hyper{Batch: 128, Epochs: 307, Rate: 0.1, Momentum: 0.9, WeightDecay: 1e-4, Dropout: 0.5,
			Shuffle: true}, Whiten: true,
		Schedule: func(rate float64, steps int) nn.Schedule {
			return nn.Steps{Base: rate, Gamma: 0.1, Milestones: []int{steps * 5 / 6}}
		},
	},
	{
		Name: "photos", About: "pictures of your own, at 64x64: 30 epochs",
		Dataset: "folder", In: nn.Shape{C: 3, H: 64, W: 64}, Net: Photos, Init: nn.He, Augment: "mirror",
		Normalise: "dataset",
		Hyper: nn.Hyper{Batch: 32, Epochs: 30, Optimizer: nn.AdamW, Rate: 0.004, WeightDecay: 0.01, Dropout: 0.3,
			Shuffle: true},
		Schedule: func(rate float64, steps int) nn.Schedule { return nn.OneCycle{Peak: rate, Total: steps} },
	},
	book("lenet", "LeNet-5", 28, 0.1, 0, plain(neighbours.LeNet)),
	book("alexnet", "AlexNet", 224, 0.01, 0.5, neighbours.AlexNet),
	book("vgg11", "VGG-11", 224, 0.01, 0.5, vgg(64)),
	book("vgg11-narrow", "VGG-11 of a quarter of the width, which it trains", 224, 0.01, 0.5, vgg(16)),
	book("googlenet", "GoogLeNet", 96, 0.01, 0, plain(neighbours.GoogLeNet)),
	book("resnet18", "ResNet-18", 96, 0.01, 0, plain(neighbours.ResNet18)),
	book("densenet", "DenseNet", 96, 0.01, 0, plain(neighbours.DenseNet)),
	finetune("torchvision-alexnet", 0.5, torchvision.AlexNet),
	finetune("torchvision-vgg11", 0.5, torchvision.VGG11),
	finetune("torchvision-vgg11_bn", 0.5, torchvision.VGG11BN),
	finetune("torchvision-resnet18", 0, plain(torchvision.ResNet18)),
}

// book returns a recipe for another network of Dive into Deep Learning, on Fashion-MNIST at side x
// side, as its chapter trains it.
func book(name, about string, side int, rate, dropout float64,
	net func(classes int, dropout float64) nn.Sequential) Recipe {
	return Recipe{
		Name: name, About: fmt.Sprintf("the book's %s: Fashion-MNIST at %dx%d, 10 epochs", about, side, side),
		Dataset: "fashion-mnist", In: nn.Shape{C: 1, H: side, W: side}, Net: net, Init: nn.Xavier,
		Hyper: nn.Hyper{Batch: 128, Epochs: 10, Rate: rate, Dropout: dropout, Shuffle: true},
	}
}

// finetune returns a recipe for training one of torchvision's networks on pictures of your own,
// starting from torchvision's weights. The settings are those of PyTorch's tutorial "Transfer
// Learning for Computer Vision", except for the batch, which is 4 there.
func finetune(name string, dropout float64, net func(classes int, dropout float64) nn.Sequential) Recipe {
	return Recipe{
		Name:    name,
		About:   "pictures of your own at 224x224, to begin with torchvision's weights if they are given: 25 epochs",
		Dataset: "folder", In: nn.Shape{C: 3, H: 224, W: 224}, Net: net, Init: nn.PyTorch, Augment: "mirror",
		Normalise: "imagenet", FineTune: true,
		Hyper: nn.Hyper{Batch: 32, Epochs: 25, Rate: 0.001, Momentum: 0.9, Dropout: dropout, Shuffle: true},
		Schedule: func(rate float64, steps int) nn.Schedule {
			return nn.Steps{Base: rate, Gamma: 0.1, Milestones: []int{steps * 7 / 25, steps * 14 / 25, steps * 21 / 25}}
		},
	}
}

// plain adapts a network without dropout.
func plain(net func(classes int) nn.Sequential) func(int, float64) nn.Sequential {
	return func(classes int, _ float64) nn.Sequential { return net(classes) }
}

// vgg returns VGG-11 with the given width.
func vgg(width int) func(int, float64) nn.Sequential {
	return func(classes int, dropout float64) nn.Sequential { return neighbours.VGG11(width, classes, dropout) }
}

// Layers returns the layers of the recipes' networks that package nn does not have, each as its
// zero value.
func Layers() []nn.Layer { return append(neighbours.Layers(), torchvision.Layers()...) }

// parse calls [nn.Parse] with [Layers].
func parse(text string, known ...nn.Layer) (nn.Layer, error) {
	return nn.Parse(text, append(Layers(), known...)...)
}

// Find returns the recipe with that name. It searches known, which are recipes of your own, and
// then [Recipes].
func Find(name string, known ...Recipe) (Recipe, error) {
	var names []string
	for _, r := range slices.Concat(known, Recipes) {
		if r.Name == name {
			return r, nil
		}
		names = append(names, r.Name)
	}
	return Recipe{}, fmt.Errorf("there is no recipe %q; %s", name, nearest.Hint(name, names))
}

// Augmentation parses a list of crop and mirror. crop pads the image by an eighth of its side on
// each side and takes a crop of the image's size: four pixels for 32, as is usual for CIFAR-10.
func Augmentation(list string, in nn.Shape) (a nn.Augment, err error) {
	if list == "" {
		return a, nil
	}
	for _, word := range strings.Split(list, ",") {
		switch word {
		case "crop":
			a.Pad = min(in.H, in.W) / 8
		case "mirror":
			a.Mirror = true
		default:
			return a, SettingError{Setting: "Augment",
				Problem: fmt.Sprintf("is %q; want crop, mirror, or crop,mirror", list)}
		}
	}
	return a, nil
}
