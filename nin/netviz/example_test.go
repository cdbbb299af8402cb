package netviz_test

import (
	"context"
	"fmt"
	"image/png"
	"log"
	"os"
	"path/filepath"

	"wgnin/gpu"
	"wgnin/nin/netviz"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/viz"
)

// This example trains a network of your own for a few steps. It makes a picture of what the network
// computes for the first test image, and a film of how that changes. Neither needs a display;
// package viz/window shows the same in a window.
func Example() {
	ctx := context.Background()
	dev, err := gpu.Open(gpu.Options{})
	must(err)
	defer dev.Close()
	train, test, err := data.Load(ctx, "fashion-mnist", data.LoadOptions{Dir: "../../nn/data/testdata/fashion-mnist"})
	must(err)
	images, err := nn.Upload(dev, train)
	must(err)
	defer images.Close()
	net, err := nn.NewNet(dev, nn.Sequential{
		nn.Conv2D{Out: 8, Kernel: 5, Stride: 2}, nn.ReLU{},
		nn.Conv2D{Out: 10, Kernel: 3}, nn.GlobalAvgPool2D{}, nn.Flatten{},
	}, nn.Shape{C: 1, H: 28, W: 28})
	must(err)
	defer net.Close()
	must(net.Init(nn.He, 0))
	trainer, err := nn.NewTrainer(net, images,
		nn.TrainConfig{Hyper: nn.Hyper{Batch: 32, Epochs: 1, Steps: 6, Rate: 0.05}})
	must(err)
	defer trainer.Close()

	scene, err := netviz.New(net, netviz.Options{Title: "two convolutions", Images: test})
	must(err)
	defer scene.Close()
	var film viz.Film
	for step, err := range trainer.Steps(ctx) {
		must(err)
		must(scene.Trained(trainer, step))
		if step.Step%2 == 0 {
			picture, err := scene.Image(320, 240, 1)
			must(err)
			film.Add(picture, 50)
		}
	}
	must(scene.SetLayer("2")) // the name in a state dict
	picture, err := scene.Image(640, 400, 1)
	must(err)

	dir, err := os.MkdirTemp("", "")
	must(err)
	defer os.RemoveAll(dir)
	file, err := os.Create(filepath.Join(dir, "layer2.png"))
	must(err)
	must(png.Encode(file, picture))
	must(file.Close())
	file, err = os.Create(filepath.Join(dir, "learning.gif"))
	must(err)
	must(film.Encode(file))
	must(file.Close())
	fmt.Println("picture:", picture.Bounds().Size())
	// Output:
	// picture: (640,400)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
