// Package nn builds, trains and evaluates networks on a gpu.Device.
//
// Layers are values: nn.Conv2D{Out: 96, Kernel: 11, Stride: 4} holds no state,
// and infers its input channels from the layer before it. A [Net] is a layer
// with weights on a device; a [Trainer] runs steps of stochastic gradient
// descent on it; an [Evaluator] measures it.
//
// Shapes are spoken of as [N,C,H,W], as in PyTorch.
package nn
