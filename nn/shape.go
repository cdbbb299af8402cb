package nn

import (
	"fmt"

	"wgnin/shaders"
)

// Shape is the shape of one image or of its activations.
type Shape struct {
	C, H, W int  // channels, rows, columns
	Flat    bool // the C*H*W values are one vector, as after Flatten
}

// maxValues is the maximum number of values of a tensor. They take 4 GiB of float32, more than
// kernels can address and adapters can bind.
const maxValues = 1 << 30

// check returns an error for shapes that no tensor can have, so that sizes computed from a shape do
// not overflow.
func (s Shape) check() error {
	if min(s.C, s.H, s.W) < 1 || max(s.C, s.H, s.W) > maxLayerNumber || int64(s.C)*int64(s.H)*int64(s.W) > maxValues {
		return fmt.Errorf("%d channels of %dx%d; want 1 to %d of each, and at most %d values", s.C, s.H, s.W,
			maxLayerNumber, maxValues)
	}
	return nil
}

// deviceBytes returns the size of one image's activation on the device in bytes, with padding.
func (s Shape) deviceBytes() int64 {
	return int64(shaders.RoundUp(s.C, 4)) * int64(s.H) * int64(s.W) * 4
}

// Len returns the number of values, C*H*W.
func (s Shape) Len() int { return s.C * s.H * s.W }

// Batch returns the shape of n images as PyTorch prints it: [n,C,H,W], or [n,C*H*W] for a vector.
func (s Shape) Batch(n int) string {
	if s.Flat {
		return fmt.Sprintf("[%d,%d]", n, s.Len())
	}
	return fmt.Sprintf("[%d,%d,%d,%d]", n, s.C, s.H, s.W)
}

func (s Shape) String() string {
	if s.Flat {
		return fmt.Sprintf("[%d]", s.Len())
	}
	return fmt.Sprintf("[%d,%d,%d]", s.C, s.H, s.W)
}
