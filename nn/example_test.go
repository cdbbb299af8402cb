package nn_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/safetensors"
)

// A network is trained on Fashion-MNIST, and evaluated.
func Example() {
	ctx := context.Background()
	dev, err := gpu.Open(gpu.Options{}) // the best available adapter
	must(err)
	defer dev.Close()

	// Without Dir, Load looks for the set on the machine, and can download it with
	// LoadOptions.Fetch. The images stay on the device as 8-bit pixels.
	train, test, err := data.Load(ctx, "fashion-mnist", data.LoadOptions{Dir: "data/testdata/fashion-mnist"})
	must(err)
	images, err := nn.Upload(dev, train)
	must(err)
	defer images.Close()
	tests, err := nn.Upload(dev, test)
	must(err)
	defer tests.Close()

	net, err := nn.NewNet(dev, nn.Sequential{
		nn.Conv2D{Out: 16, Kernel: 5, Pad: nn.Pad(2)}, nn.ReLU{},
		nn.MaxPool2D{Kernel: 2},
		nn.Conv2D{Out: 32, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{},
		nn.GlobalAvgPool2D{}, nn.Flatten{}, nn.Linear{Out: 10},
	}, nn.Shape{C: 1, H: 28, W: 28})
	must(err)
	defer net.Close()
	must(net.Init(nn.He, 0))

	trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{
		Hyper: nn.Hyper{Batch: 64, Epochs: 20, Shuffle: true, Rate: 0.05, Momentum: 0.9},
	})
	must(err)
	defer trainer.Close()
	steps := 0
	for s, err := range trainer.Steps(ctx) {
		must(err)
		steps = s.Step // s.Loss is the loss of the batch
	}
	fmt.Println("steps:", steps)

	eval, err := nn.NewEvaluator(net, tests, 64)
	must(err)
	defer eval.Close()
	result, err := eval.Run(ctx)
	must(err)
	fmt.Println("better than one in four:", result.Accuracy > 0.25)

	weights, err := net.Weights() // with PyTorch's names: net.0.weight
	must(err)
	dir, err := os.MkdirTemp("", "")
	must(err)
	defer os.RemoveAll(dir)
	must(safetensors.Write(filepath.Join(dir, "mine.safetensors"), weights, nil))
	// Output:
	// steps: 100
	// better than one in four: true
}

// A regression: a network learns where the bright square in a picture is. The targets are two
// numbers for each image, and the loss is their mean squared error.
func ExampleMSE() {
	ctx := context.Background()
	dev, err := gpu.Open(gpu.Options{})
	must(err)
	defer dev.Close()

	const side, n = 8, 49
	set := &data.Images{C: 1, H: side, W: side, Pixels: make([]uint8, n*side*side), Labels: make([]uint8, n)}
	var targets []float32 // [N,2]: row and column
	for i := range n {
		row, col := i/7, i%7
		for _, p := range []int{row*side + col, row*side + col + 1, (row+1)*side + col, (row+1)*side + col + 1} {
			set.Pixels[i*side*side+p] = 255
		}
		targets = append(targets, float32(row), float32(col))
	}
	images, err := nn.Upload(dev, set)
	must(err)
	defer images.Close()
	must(images.SetTargets(targets))

	net, err := nn.NewNet(dev, nn.Sequential{nn.Flatten{}, nn.Linear{Out: 32}, nn.ReLU{}, nn.Linear{Out: 2}},
		nn.Shape{C: 1, H: side, W: side})
	must(err)
	defer net.Close()
	must(net.Init(nn.He, 0))
	trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{
		Hyper: nn.Hyper{Batch: 16, Epochs: 50, Shuffle: true, Optimizer: nn.Adam, Rate: 0.02}, Loss: nn.MSE{},
	})
	must(err)
	defer trainer.Close()
	for _, err := range trainer.Steps(ctx) {
		must(err)
	}
	eval, err := nn.NewEvaluator(net, images, n, nn.MSE{})
	must(err)
	defer eval.Close()
	result, err := eval.Run(ctx)
	must(err)
	fmt.Println("it is off by less than half a pixel:", math.Sqrt(result.Loss) < 0.5)
	// Output:
	// it is off by less than half a pixel: true
}
