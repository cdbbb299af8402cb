// Package nn builds, trains and evaluates networks on a [gpu.Device].
//
// # From images to a trained network
//
// Images are uploaded once, as 8-bit pixels. A network is a layer with weights on a device. A
// trainer yields each step when its loss is known:
//
//	train, test, err := data.Load(ctx, "fashion-mnist", data.LoadOptions{Fetch: download.Files})
//	images, err := nn.Upload(dev, train)
//	net, err := nn.NewNet(dev, nn.Sequential{
//		nn.Conv2D{Out: 16, Kernel: 5, Pad: nn.Pad(2)}, nn.ReLU{},
//		nn.MaxPool2D{Kernel: 2},
//		nn.GlobalAvgPool2D{}, nn.Flatten{}, nn.Linear{Out: 10},
//	}, nn.Shape{C: 1, H: 28, W: 28})
//	err = net.Init(nn.He, 0)
//	trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{
//		Hyper: nn.Hyper{Batch: 64, Epochs: 1, Shuffle: true, Rate: 0.05, Momentum: 0.9},
//	})
//	for step, err := range trainer.Steps(ctx) {
//		fmt.Println(step.Step, step.Loss, err)
//	}
//
// An [Evaluator] measures a network, a [Probe] keeps what every layer puts out for one image, and
// [ONNX] exports a network. [Net.Weights] and [Net.SetWeights] read and write the weights; package
// safetensors keeps them in files. What was made on a device is closed before the device.
//
// A batch that needs more memory than the adapter has, or larger buffers than it binds, runs in
// parts whose gradients add up. The same seed on the same adapter gives the same bits.
//
// # Layers
//
// Layers are values: Conv2D{Out: 96, Kernel: 11, Stride: 4} holds no state and infers its input
// channels. [Sequential] runs layers one after the other, [Residual] adds the outputs of two, and
// [Concat] puts the channels of several side by side; each of them is a layer again. [Layers] lists
// the layers there are. Shapes are spoken of as [N,C,H,W], and weights have PyTorch's names and
// layouts.
//
// [Describe] reports shapes, parameters and multiply-adds without a device. [Text] writes a layer
// as model files do, conv 96 11 stride 4; relu, and [Parse] reads it back.
//
// # Your own layers
//
// Any type with the method Build is a [Layer], in any module. Build describes it once, on a
// [Graph]:
//
//	func (p PReLU) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
//		s := prelu.Shape{Pixels: g.Pixels(x), Stride: x.Stride}
//		w := g.Weights(s.Stride, nn.WeightTensor{Name: "weight", Shape: []int{x.C}, FanIn: 1, FanOut: 1})
//		y := g.Output(x.Shape, s.Stride)
//		s.Forward().Record(g.Recorder(), prelu.ForwardArgs[gpu.View]{X: x.Data, Slope: w.Data, Y: y.Data})
//		g.Backward(func() {
//			if !w.Grad.IsZero() { // it learns
//				s.SlopeGradient().Record(g.Recorder(), ...)
//			}
//			if dX := g.Gradient(x); !dX.IsZero() {
//				s.Backward().Record(g.Recorder(), ...)
//			}
//		})
//		return y
//	}
//
// Build runs several times: to describe the network, to decide what is fused, and to record each
// plan. So it must keep nothing, and do the same whenever the graph's exported fields and the shape
// of x are the same. Only inside Backward do y.Grad and g.Gradient(x) have a meaning.
//
// Several layers may read one tensor. Each writes its gradient to the view that [Graph.Gradient]
// returns, and the graph adds these up, in the order in which the backward passes run. If one layer
// reads a tensor, nothing is added or copied.
//
// The folder nn/testdata/outside is a module that adds an op, a layer, blocks and a schedule.
//
// # Losses
//
// A [Trainer] minimises a [Loss], and an [Evaluator] measures one: [CrossEntropy] of labels, [MSE]
// of numbers, or any type whose Build records a kernel that writes the loss of each image and the
// gradient of the network's output. Everything else, such as the mean over a batch that runs in
// parts, is the same for all losses. [ClassWeighted] is a loss whose mean is weighted by classes.
// With [Outputs], an evaluator has no loss and computes what the network puts out.
package nn
