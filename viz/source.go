package viz

import (
	"errors"
	"fmt"
	"image"

	"wgnin/gpu"
)

// check returns an error if the source cannot be drawn.
func (src Source) check() error {
	if len(src.Layers) == 0 || src.Forward == nil {
		return errors.New("viz: the source has no layers or no Forward")
	}
	if src.CAM >= len(src.Layers) {
		return fmt.Errorf("viz: CAM is layer %d; there are %d layers", src.CAM, len(src.Layers))
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

// logits returns the output of the last layer.
func (src Source) logits() Tensor { return src.Layers[len(src.Layers)-1].Activation }

// classes returns the number of logits.
func (src Source) classes() int { return src.logits().Shape[0] }

// class returns the name of class i, or its number if it has no name.
func (src Source) class(i int) string {
	if i >= 0 && i < len(src.Classes) {
		return src.Classes[i]
	}
	return fmt.Sprint(i)
}

// Source is what a [Scene] shows: tensors on the device, and functions that run the network, choose
// an input or save a picture. Forward must be set. If another function is nil, the program cannot
// do that, and the scene offers no key for it.
type Source struct {
	Title   string      // at the left of the status line: what runs where
	Input   Tensor      // [1,C,H,W], values 0 to 1: the image as the network sees it
	Layers  []Layer     // in the order in which they run; the last one outputs the logits
	CAM     int         // layer whose channels are the class activation maps, one per class; -1 for none
	Classes []string    // names of the logits; the numbers of the classes stand in for missing ones
	Canvas  image.Point // columns and rows of an image drawn with the mouse; zero for no drawing
	Samples int         // number of samples that Sample can show
	History int64       // limit, in bytes on the device, for maps of past steps; 0 keeps none

	// Forward submits the work that brings the activations up to date with the weights and the
	// input and, if gradients is set, also the gradients of the loss. It does not wait.
	Forward func(gradients bool) error
	// Sample makes sample i the input and returns the index of its class.
	Sample func(i int) (class int, err error)
	// SetPixels makes an image of the user's own the input: 8-bit, planar [C,h,w] with the input's
	// C, of any h and w; 0 is black.
	SetPixels func(pixels []uint8, w, h int) error
	// Save saves a picture of the scene and returns its location, which the footer shows.
	Save func(*image.RGBA) (name string, err error)
}

// Layer is one layer of the network.
type Layer struct {
	Name       string // as in a state dict, such as 0.2
	Kind       string // type and settings, such as conv 8 5
	Short      string // Kind with fewer settings, used where Kind does not fit; empty means Kind
	Activation Tensor // [C,1,H,W]
	Gradient   Tensor // of the loss, in Activation's shape; no Data if there is none

	Weights        Tensor // [Out,In,KH,KW] of a convolution; no Data if there are none
	WeightGradient Tensor // of the loss, in Weights' shape; no Data if there is none
}

// Tensor is a strided array of float32 numbers on the device. Element [i,j,k,l] of Shape has the
// index Offset + i*Stride[0] + j*Stride[1] + k*Stride[2] + l*Stride[3] in Data. The scene shows
// Shape[0] maps, each of Shape[1] planes of Shape[2] rows and Shape[3] columns. If there is no
// tensor, Data is the zero View.
type Tensor struct {
	Data   gpu.View
	Shape  [4]int
	Stride [4]int
	Offset int
	Signed bool // colours diverge from zero, with the same range for both signs
}

// check returns an error for a tensor that reaches beyond its data, because a kernel would read
// there without an error.
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

// value returns the tensor that consists of the number at [m,0,row,col].
func (t Tensor) value(m, row, col int) Tensor {
	t.Offset += m*t.Stride[0] + row*t.Stride[2] + col*t.Stride[3]
	t.Shape = [4]int{1, 1, 1, 1}
	return t
}

// kernels returns weights [Out,In,KH,KW] as they are drawn: a 1x1 convolution as its matrix
// [In,Out], kernels with three input channels in colour, and others as the planes of one input
// channel.
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

// Step describes a training step. See [Scene.Step].
type Step struct {
	Step            int     // counts from 1
	Steps           int     // of the whole run
	Epoch           float64 // epochs done: 1.5 is in the middle of the second
	Loss            float64 // of the batch
	ImagesPerSecond float64 // in training; 0 if unknown
	Weights         int     // number of steps that have updated the weights which Forward uses
}

// TestScore is the result of a test after a pass over the training images. See [Scene.Tested].
type TestScore struct {
	Epoch                  int     // counts from 1
	TestLoss, TestAccuracy float64 // accuracy from 0 to 1
}
