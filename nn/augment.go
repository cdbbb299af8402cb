package nn

import "wgnin/shaders/augment"

// Augment varies the images that a net is trained on. Each step varies every image anew. The zero
// value leaves the images as they are.
//
// The variation of an image depends only on the seed, the number of the step and the image's place
// in the batch.
type Augment struct {
	// Pad is the largest distance, in pixels of the network's input, by which an image is moved up
	// or down, and left or right. The gap is black, or zero if images are whitened. This is
	// torchvision's RandomCrop(size, padding=Pad).
	Pad int
	// Mirror swaps left and right in half of the images, as torchvision's RandomHorizontalFlip
	// does.
	Mirror bool
}

// see records the steps that come before the layers: whitening, the variation a, and normalisation.
func (net *Net) see(g *Graph, x *Tensor, a Augment) *Tensor {
	return net.normalise(g, a.build(g, net.whiten(g, x)))
}

// build records the variation of x.
func (a Augment) build(g *Graph, x *Tensor) *Tensor {
	if a == (Augment{}) {
		return x
	}
	g.rec.Layer("augment")
	s := augment.Shape{N: g.N, H: x.H, W: x.W, C: x.Stride, Pad: a.Pad, Mirror: a.Mirror}
	if err := s.Check(); err != nil {
		return g.Fail(err)
	}
	y := g.input(x.Shape)
	s.Kernel().Record(g.rec, augment.Args[view, view]{Batch: g.Batch, X: x.Data, Y: y.Data})
	return y
}
