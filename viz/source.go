package viz

import (
	"errors"
	"fmt"
	"image"

	"wgnin/gpu"
)

// check refuses a source that cannot be drawn.
func (src Source) check() error {
	if len(src.Layers) == 0 || src.Forward == nil {
		return errors.New("viz: a source without layers, or without Forward")
	}
	if src.CAM >= len(src.Layers) {
		return fmt.Errorf("viz: layer %d has the activation maps; there are %d layers", src.CAM, len(src.Layers))
	}
	if src.Canvas.X < 0 || src.Canvas.Y < 0 {
		return fmt.Errorf("viz: a canvas of %v; want no negative size", src.Canvas)
	}
	if err := src.Input.check("input"); err != nil {
		return err
	}
	for _, l := range src.Layers {
		for i, t := range []Tensor{l.Activation, l.Gradient, l.Weights, l.WeightGradient} {
			if i > 0 && t.Data.IsZero() {
				continue
			}
			if err := t.check("layer " + l.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// logits is what the last layer puts out.
func (src Source) logits() Tensor { return src.Layers[len(src.Layers)-1].Activation }

// classes is the number of logits.
func (src Source) classes() int { return src.logits().Shape[0] }

// class is the name of class i.
func (src Source) class(i int) string {
	if i >= 0 && i < len(src.Classes) {
		return src.Classes[i]
	}
	return fmt.Sprint(i)
}

// Source is what a program lets a [Scene] show: tensors on the device, and what
// it can be asked to do. A nil function is something that the program cannot
// do; the scene then offers no key for it.
type Source struct {
	Title   string      // what runs where, at the left of the status line
	Input   Tensor      // [1,C,H,W], values 0 to 1: the image, as the network sees it
	Layers  []Layer     // in the order in which the network runs them; the last one has the logits
	CAM     int         // the layer whose maps are, channel by channel, class activation maps; -1 is none
	Classes []string    // names of the logits
	Canvas  image.Point // columns and rows of an image that is drawn with the mouse
	Samples int         // how many samples Sample can show
	History int64       // the most bytes that kept maps may take; 0 keeps none

	// Forward submits what brings the activations up to date with the weights
	// and the input, and with gradients the gradients of the loss too. It does
	// not wait.
	Forward func(gradients bool) error
	// Sample makes sample i the input and returns the index of its class.
	Sample func(i int) (class int, err error)
	// SetPixels makes an image of the user's own the input: 8-bit, planar
	// [C,h,w] with the input's C, of any size; 0 is black.
	SetPixels func(pixels []uint8, w, h int) error
	// Save keeps a picture of the scene and returns where it is, which the footer says.
	Save func(*image.RGBA) (name string, err error)
}

// Layer is a step of the network.
type Layer struct {
	Name       string // as in a state dict: 0.2
	Kind       string // what it is, and its settings
	Short      string // Kind with fewer settings, used where Kind does not fit; empty means Kind
	Activation Tensor // [C,1,H,W]
	Gradient   Tensor // of the loss, in Activation's shape; no Data where there is none

	Weights        Tensor // [Out,In,KH,KW] of a convolution; no Data where there is none
	WeightGradient Tensor
}

// Tensor is float32 numbers on the device: number [i,j,k,l] of Shape is at
// Offset + i*Stride[0] + j*Stride[1] + k*Stride[2] + l*Stride[3] in Data. It is
// seen as Shape[0] maps, each of Shape[1] planes of Shape[2] rows and Shape[3]
// columns. Of a tensor that is not there, Data is the zero View.
type Tensor struct {
	Data   gpu.View
	Shape  [4]int
	Stride [4]int
	Offset int
	Signed bool // zero is the middle: it has its own colour, and both signs the same range
}

// check refuses a tensor that reaches beyond its data, which a kernel would read
// without an error.
func (t Tensor) check(name string) error {
	last := t.Offset
	for i, n := range t.Shape {
		if n < 1 || t.Stride[i] < 0 || t.Offset < 0 {
			return fmt.Errorf("viz: %s: shape %v, strides %v from %d; want sizes from 1 and strides from 0", name,
				t.Shape, t.Stride, t.Offset)
		}
		last += (n - 1) * t.Stride[i]
	}
	if bytes := int64(last+1) * 4; bytes > t.Data.Bytes() {
		return fmt.Errorf("viz: %s: shape %v, strides %v from %d reach %d bytes; %s has %d", name, t.Shape, t.Stride,
			t.Offset, bytes, t.Data.Label(), t.Data.Bytes())
	}
	return nil
}

// maps returns n maps of t, beginning with map m.
func (t Tensor) maps(m, n int) Tensor {
	t.Offset += m * t.Stride[0]
	t.Shape[0] = n
	return t
}

// value is the tensor of the number at [m,0,row,col].
func (t Tensor) value(m, row, col int) Tensor {
	t.Offset += m*t.Stride[0] + row*t.Stride[2] + col*t.Stride[3]
	t.Shape = [4]int{1, 1, 1, 1}
	return t
}

// kernels are weights [Out,In,KH,KW] as they are drawn: a 1x1 convolution as
// the matrix [In,Out] that it is, kernels on three channels in colour, and of
// others the planes of one input channel.
func (t Tensor) kernels(channel int) Tensor {
	switch {
	case t.Shape[2]*t.Shape[3] == 1:
		t.Shape = [4]int{1, 1, t.Shape[1], t.Shape[0]}
		t.Stride = [4]int{0, 0, t.Stride[1], t.Stride[0]}
	case t.Shape[1] != 3:
		t.Offset += channel * t.Stride[1]
		t.Shape[1] = 1
	}
	return t
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

// TestScore is what a program tells of a pass over the training images.
type TestScore struct {
	Epoch                  int // counts from 1
	TestLoss, TestAccuracy float64
}
