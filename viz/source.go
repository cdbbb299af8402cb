package viz

import (
	"image"

	"wgnin/gpu"
)

// Source is what a program lets a [Scene] show: tensors on the device, and what
// it can be asked to do. A nil function is something that the program cannot
// do; the scene then offers no key for it.
type Source struct {
	Title   string   // what runs where, at the left of the status line
	Input   Tensor   // [1,C,H,W], values 0 to 1: the image, as the network sees it
	Layers  []Layer  // in the order in which the network runs them; the last one has the logits
	CAM     int      // the layer whose maps are, channel by channel, class activation maps; -1 is none
	Classes []string // names of the logits
	Canvas  image.Point
	Samples int // how many samples Sample can show

	// Forward submits what brings the activations up to date with the weights
	// and the input, and with gradients the gradients of the loss too. It does
	// not wait.
	Forward func(gradients bool) error
	// Sample makes sample i the input and returns the index of its class.
	Sample func(i int) (class int, err error)
	// SetPixels makes an image of the user's own the input: 8-bit, planar
	// [C,h,w] with the input's C, of any size; 0 is black.
	SetPixels func(pixels []uint8, w, h int) error
	// Save keeps a picture of the scene and returns its name.
	Save func(*image.RGBA) (name string, err error)
}

// Layer is a step of the network.
type Layer struct {
	Name       string // as in a state dict: 0.2
	Kind       string // what it is, and its settings
	Activation Tensor // [C,1,H,W]
	Gradient   Tensor // of the loss, in Activation's shape; no Data where there is none

	Weights        Tensor // [Out,In,KH,KW] of a convolution; no Data where there is none
	WeightGradient Tensor
}

// Tensor is float32 numbers on the device: number [i,j,k,l] of Shape is at
// Offset + i*Stride[0] + j*Stride[1] + k*Stride[2] + l*Stride[3] in Data. It is
// seen as Shape[0] maps, each of Shape[1] planes of Shape[2] rows and Shape[3]
// columns.
type Tensor struct {
	Data   gpu.View
	Shape  [4]int
	Stride [4]int
	Offset int
}

// Step is what a program tells of a training step.
type Step struct {
	Step            int     // counts from 1
	Steps           int     // of the whole run
	Epoch           float64 // epochs done: 1.5 is in the middle of the second
	Loss            float64 // of the batch
	ImagesPerSecond float64
	Weights         int // how many steps the weights have seen that Forward would run with
}

// Epoch is what a program tells of a pass over the training images.
type Epoch struct {
	Epoch                  int // counts from 1
	TestLoss, TestAccuracy float64
}
