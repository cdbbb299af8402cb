package nn

// Flatten makes an image a vector, in the order C,H,W as torch.nn.Flatten. It
// moves nothing: the layers after it know how the image lies.
// Shapes: x [N,C,H,W]; y [N,C*H*W].
type Flatten struct{}

// OutShape is [C*H*W].
func (Flatten) OutShape(in Shape) (Shape, error) {
	in.Flat = true
	return in, nil
}

// Build returns x, seen as a vector.
func (Flatten) Build(_ *Graph, x *Tensor) *Tensor {
	y := *x
	y.Flat = true
	return &y
}

func (Flatten) String() string { return "Flatten" }
