// Package nn builds, trains and evaluates networks on a [gpu.Device].
//
// # From images to a trained network
//
// This program trains a network on Fashion-MNIST and measures it. Save it as main.go in a new
// folder of this module, and run it with go run; nn/README.md shows how a module of your own finds
// this one, and lists more examples. The file nn/example_first_test.go has the program as a test.
//
//	package main
//
//	import (
//		"context"
//		"fmt"
//		"log"
//
//		"wgnin/gpu"
//		"wgnin/nn"
//		"wgnin/nn/data"
//		"wgnin/nn/data/download"
//	)
//
//	// A network learns Fashion-MNIST in 100 steps and is measured.
//	func main() {
//		ctx := context.Background()
//		dev, err := gpu.Open(gpu.Options{}) // the best available adapter
//		must(err)
//		defer dev.Close()
//
//		// Load downloads the images if the machine does not have them. They stay on the device.
//		train, test, err := data.Load(ctx, "fashion-mnist", data.LoadOptions{Fetch: download.Files})
//		must(err)
//		images, err := nn.Upload(dev, train)
//		must(err)
//		defer images.Close()
//		tests, err := nn.Upload(dev, test)
//		must(err)
//		defer tests.Close()
//
//		net, err := nn.NewNet(dev, nn.Sequential{
//			nn.Conv2D{Out: 16, Kernel: 5, Stride: 2}, nn.ReLU{},
//			nn.Conv2D{Out: 32, Kernel: 3, Stride: 2}, nn.ReLU{},
//			nn.GlobalAvgPool2D{}, nn.Flatten{}, nn.Linear{Out: 10},
//		}, nn.Shape{C: 1, H: 28, W: 28})
//		must(err)
//		defer net.Close()
//		must(net.Init(nn.He, 0)) // from seed 0
//
//		trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{
//			Hyper: nn.Hyper{Batch: 32, Epochs: 20, Steps: 100, Shuffle: true, Rate: 0.01, Optimizer: nn.Adam},
//		})
//		must(err)
//		defer trainer.Close()
//		for step, err := range trainer.Steps(ctx) {
//			must(err)
//			if step.Step%20 == 0 {
//				log.Printf("step %d: loss %.3f", step.Step, step.Loss)
//			}
//		}
//
//		eval, err := nn.NewEvaluator(net, tests, 64) // 64 images at a time
//		must(err)
//		defer eval.Close()
//		result, err := eval.Run(ctx)
//		must(err)
//		log.Printf("accuracy %.3f on %d images", result.Accuracy, result.Images)
//		fmt.Println("better than one in four:", result.Accuracy > 0.25)
//	}
//
//	func must(err error) {
//		if err != nil {
//			log.Fatal(err)
//		}
//	}
//
// The images are uploaded once, as 8-bit pixels. A network is a layer with weights on a device. A
// trainer yields each step when its loss is known, and an [Evaluator] measures a network. Close
// everything that was made on a device before the device.
//
// [Net.Weights] and [Net.SetWeights] read and write the weights; package safetensors keeps them in
// files. A [Probe] keeps the output of every layer for one image, and [ONNX] exports a network.
//
// A batch that needs more memory than the adapter has, or larger buffers than it binds, runs in
// parts whose gradients are added up. The same seed on the same adapter gives the same bits.
//
// # Layers
//
// Layers are values: Conv2D{Out: 96, Kernel: 11, Stride: 4} holds no state and infers its input
// channels. [Sequential] runs layers one after the other, [Residual] adds the outputs of two, and
// [Concat] joins the channels of several. Each of these is itself a layer. [Layers] lists all
// layers. Shapes are given as [N,C,H,W], and weights have PyTorch's names and layouts.
//
// [Describe] reports shapes, parameters and multiply-adds without a device. [Text] writes a layer
// in the form of model files, such as conv 96 11 stride 4; relu, and [Parse] reads it back.
//
// # Your own layers
//
// Any type with the method Build, in any module, is a [Layer]. Build is its only description, on a
// [Graph]. The following layer has weights. It is from the module in the folder
// nn/testdata/outside, whose package prelu has the kernels:
//
//	func (p PReLU) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
//		s := prelu.Shape{Pixels: g.Pixels(x), Stride: x.Stride}
//		if err := s.Check(); err != nil {
//			return g.Fail(err)
//		}
//		w := g.Weights(s.Stride, nn.WeightTensor{Name: "weight", Shape: []int{x.C}, FanIn: 1, FanOut: 1,
//			Init: nn.Always(0.25)})
//		g.MACs(int64(x.Len()))
//		y := g.Output(x.Shape, s.Stride)
//		rec := g.Recorder()
//		s.Forward().Record(rec, prelu.ForwardArgs[gpu.View]{X: x.Data, Slope: w.Data, Y: y.Data})
//		g.Backward(func() {
//			if !w.Grad.IsZero() { // unless the layer is frozen
//				s.SlopeGradient().Record(rec, prelu.SlopeArgs[gpu.View, gpu.View]{Batch: g.Batch, X: x.Data, DY: y.Grad,
//					DSlope: w.Grad})
//			}
//			if dX := g.Gradient(x); !dX.IsZero() {
//				s.Backward().Record(rec, prelu.BackwardArgs[gpu.View]{X: x.Data, Slope: w.Data, DY: y.Grad, DX: dX})
//			}
//		})
//		return y
//	}
//
// Build runs several times: to describe the network, to decide what is fused, and to record each
// plan. So it must keep no state, and do the same whenever the graph's exported fields and the
// shape of x are the same. y.Grad and g.Gradient(x) are valid only inside Backward.
//
// Several layers may read one tensor. Each writes its gradient to the view that [Graph.Gradient]
// returns, and the graph adds these up, in the order in which the backward passes run. If one layer
// reads a tensor, nothing is added or copied.
//
// That module also has blocks, a schedule and tests.
//
// # Losses
//
// A [Trainer] minimises a [Loss], and an [Evaluator] measures one: [CrossEntropy] of labels, [MSE]
// of numbers, or any type whose Build records a kernel that writes the loss of each image and the
// gradient of the network's output. Everything else, such as the mean over a batch that runs in
// parts, is the same for all losses. [ClassWeighted] is a loss whose mean is weighted by classes.
// With [Outputs], an evaluator has no loss and computes the network's outputs.
package nn
