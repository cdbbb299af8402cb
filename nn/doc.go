// Package nn builds, trains and evaluates networks on a [gpu.Device].
//
// # Layers
//
// Layers are values: Conv2D{Out: 96, Kernel: 11, Stride: 4} holds no state, and infers its
// input channels from what it is given. [Sequential] runs layers one after the other,
// [Residual] adds two, [Concat] puts several side by side; any of them is a layer again.
// Shapes are spoken of as [N,C,H,W], as in PyTorch, and weights have PyTorch's names and
// layouts.
//
// A [Net] is a layer with weights on a device. A [Trainer] runs steps of stochastic
// gradient descent on it, an [Evaluator] measures it, a [Probe] keeps what every layer
// puts out, and [ONNX] exports it. [Describe] tells shapes, parameters and multiply-adds
// with no device. [Text] writes a layer as model files do, conv 96 11 stride 4; relu, and
// [Parse] reads it back.
//
// # Layers of one's own
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
// A graph is built before it runs, several times: to describe the network, to decide
// what is fused (see Plan in package gpu, which prints it), and to record each plan. So
// Build must keep nothing, and do the same whenever the graph's exported fields and x's
// shape are the same. Inside Backward it reads y.Grad and writes g.Gradient(x); outside,
// neither means anything.
//
// A tensor may be read by several layers. Each writes the gradient that it has to the view
// that [Graph.Gradient] gives it, and the graph adds them up, in the order in which the
// backward passes run. Where one layer reads a tensor nothing is added and nothing copied.
//
// nn/testdata/outside is a whole module of this kind: an op, a layer, blocks, a schedule.
//
// # Losses
//
// A [Trainer] minimises a [Loss], and an [Evaluator] measures one: [CrossEntropy] of labels,
// [MSE] of numbers, or any type whose Build records a kernel that writes each image's loss and
// the gradient of the network's output. The rest, such as the mean over a batch that runs in
// parts, is the same for all; a mean that is weighted by classes is of a [ClassWeighted]. With
// [Outputs] an evaluator has no loss, and computes what the network puts out.
package nn
