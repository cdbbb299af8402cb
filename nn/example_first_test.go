package nn_test

import (
	"context"
	"fmt"
	"log"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/data/download"
)

// A network learns Fashion-MNIST in 100 steps and is measured.
func ExampleNet() {
	ctx := context.Background()
	dev, err := gpu.Open(gpu.Options{}) // the best available adapter
	must(err)
	defer dev.Close()

	// Load downloads the images if the machine does not have them. They stay on the device.
	train, test, err := data.Load(ctx, "fashion-mnist", data.LoadOptions{Fetch: download.Files})
	must(err)
	images, err := nn.Upload(dev, train)
	must(err)
	defer images.Close()
	tests, err := nn.Upload(dev, test)
	must(err)
	defer tests.Close()

	net, err := nn.NewNet(dev, nn.Sequential{
		nn.Conv2D{Out: 16, Kernel: 5, Stride: 2}, nn.ReLU{},
		nn.Conv2D{Out: 32, Kernel: 3, Stride: 2}, nn.ReLU{},
		nn.GlobalAvgPool2D{}, nn.Flatten{}, nn.Linear{Out: 10},
	}, nn.Shape{C: 1, H: 28, W: 28})
	must(err)
	defer net.Close()
	must(net.Init(nn.He, 0)) // from seed 0

	trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{
		Hyper: nn.Hyper{Batch: 32, Epochs: 20, Steps: 100, Shuffle: true, Rate: 0.01, Optimizer: nn.Adam},
	})
	must(err)
	defer trainer.Close()
	for step, err := range trainer.Steps(ctx) {
		must(err)
		if step.Step%20 == 0 {
			log.Printf("step %d: loss %.3f", step.Step, step.Loss)
		}
	}

	eval, err := nn.NewEvaluator(net, tests, 64) // 64 images at a time
	must(err)
	defer eval.Close()
	result, err := eval.Run(ctx)
	must(err)
	log.Printf("accuracy %.3f on %d images", result.Accuracy, result.Images)
	fmt.Println("better than one in four:", result.Accuracy > 0.25)
	// Output:
	// better than one in four: true
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
