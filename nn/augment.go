package nn

import "wgnin/shaders/augment"

// Augment varies the images that a net is trained on, each of them anew in each
// step. The zero value leaves them as they are.
//
// What happens to an image depends on the seed, the number of the step and the
// image's place in the batch alone.
type Augment struct {
	// Pad is how many pixels, of the size that the network takes, an image is
	// moved by at most, up or down and left or right; the gap is black, or zero where images are
	// whitened. That is torchvision's RandomCrop(size, padding=Pad).
	Pad int
	// Mirror swaps left and right in half of the images, as torchvision's
	// RandomHorizontalFlip.
	Mirror bool
}

// see records what a batch of images goes through before the layers: the whitening, the
// variation a, the normalisation.
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
