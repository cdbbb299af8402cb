package nin_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/report"
	"wgnin/nn"
	"wgnin/nn/data"
)

// fire is a layer of your own that consists of others: SqueezeNet's fire module (Iandola et al.,
// 2016), a 1x1 convolution to few channels, then 1x1 and 3x3 convolutions side by side. The names
// of its weights begin with squeeze and expand.
type fire struct{ Squeeze, Expand int }

// Build builds the layers inside.
func (f fire) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	x = g.Child("squeeze", nn.Conv2D{Out: f.Squeeze, Kernel: 1}, x)
	x = g.Child("squeeze_relu", nn.ReLU{}, x)
	x = g.Child("expand", nn.Concat{nn.Conv2D{Out: f.Expand, Kernel: 1},
		nn.Conv2D{Out: f.Expand, Kernel: 3, Pad: nn.Pad(1)}}, x)
	return g.Child("expand_relu", nn.ReLU{}, x)
}

// This example trains a network with a layer of your own, saves it with its description, loads it
// and evaluates it. If all layers of a file are of package nn, the commands read it too.
func Example_ownLayers() {
	ctx := context.Background()
	dev, err := gpu.Open(gpu.Options{})
	must(err)
	defer dev.Close()
	train, test, err := data.Load(ctx, "fashion-mnist", data.LoadOptions{Dir: "../nn/data/testdata/fashion-mnist"})
	must(err)

	m := &nin.Model{
		Layers: nn.Sequential{
			nn.Conv2D{Out: 16, Kernel: 5, Stride: 2}, nn.ReLU{},
			fire{Squeeze: 8, Expand: 16},
			nn.GlobalAvgPool2D{}, nn.Flatten{}, nn.Linear{Out: 10},
		},
		In: nn.Shape{C: 1, H: 28, W: 28}, Dataset: train.Name, Classes: train.Classes,
	}
	net, err := m.Net(dev)
	must(err)
	defer net.Close()
	must(net.Init(nn.He, 0))
	images, err := nn.Upload(dev, train)
	must(err)
	defer images.Close()
	trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{
		Hyper: nn.Hyper{Batch: 32, Epochs: 6, Shuffle: true, Rate: 0.01, Optimizer: nn.Adam},
	})
	must(err)
	defer trainer.Close()
	for _, err := range trainer.Steps(ctx) {
		must(err)
	}

	dir, err := os.MkdirTemp("", "")
	must(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "mine.safetensors")
	m.Weights, err = net.Weights()
	must(err)
	must(m.Export(path))

	read, err := nin.ReadModel(path, "", fire{}) // one value of each layer type that package nn does not have
	must(err)
	fmt.Println(nn.Text(read.Layers))
	scores, err := report.Evaluate(ctx, dev, read, test, 64, nil)
	must(err)
	fmt.Println("classes:", len(scores.Classes), "and the last is", scores.Classes[9].Name)
	fmt.Println("better than one in four:", scores.Accuracy > 0.25)
	// Output:
	// conv 16 5 stride 2; relu; nin_test.fire 8 16; globalavgpool; flatten; linear 10
	// classes: 10 and the last is ankle boot
	// better than one in four: true
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
