package window_test

import (
	"context"
	"log"

	"wgnin/gpu"
	"wgnin/nin/netviz"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/data/download"
	"wgnin/viz/window"
)

// A network of one's own learns in a window. Training and drawing take turns on the main
// goroutine; the keys are those of cmd/viz.
func Example() {
	ctx := context.Background()
	win, err := window.Open("mine", 1280, 800)
	must(err)
	defer win.Close()
	dev, err := gpu.Open(gpu.Options{Window: win.Handle(), Idle: win.Poll})
	must(err)
	defer dev.Close()

	train, test, err := data.Load(ctx, "fashion-mnist", data.LoadOptions{Fetch: download.Files})
	must(err)
	images, err := nn.Upload(dev, train)
	must(err)
	defer images.Close()
	net, err := nn.NewNet(dev, nn.Sequential{
		nn.Conv2D{Out: 16, Kernel: 5}, nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.Conv2D{Out: 10, Kernel: 3}, nn.GlobalAvgPool2D{}, nn.Flatten{},
	}, nn.Shape{C: 1, H: 28, W: 28})
	must(err)
	defer net.Close()
	must(net.Init(nn.He, 0))
	trainer, err := nn.NewTrainer(net, images,
		nn.TrainConfig{Hyper: nn.Hyper{Batch: 64, Epochs: 2, Shuffle: true, Rate: 0.05, Momentum: 0.9}})
	must(err)
	defer trainer.Close()

	scene, err := netviz.New(net, netviz.Options{Title: "mine", Images: test, History: 64 << 20})
	must(err)
	defer scene.Close()
	win.Drop = func(path string) { // a file that is dropped on the window
		if err := scene.SetFile(path); err != nil {
			scene.Say(err.Error())
		}
	}
	win.Show(scene.Scene)
	for step, err := range trainer.Steps(ctx) {
		must(err)
		must(scene.Trained(trainer, step))
		must(scene.Turn(ctx, win, nil))
		if win.Closed() {
			return
		}
	}
	for !win.Closed() { // the end is looked at
		_, err := win.Frame(false)
		must(err)
		win.Wait()
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
