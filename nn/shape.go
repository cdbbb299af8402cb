package nn

import "fmt"

// Shape is that of one image or of its activations.
type Shape struct {
	C, H, W int  // channels, rows, columns
	Flat    bool // the C*H*W values are one vector, as after Flatten
}

// Len is the number of values.
func (s Shape) Len() int { return s.C * s.H * s.W }

// Batch is the shape of n images, as PyTorch shows it: [n,C,H,W], or [n,C*H*W]
// of a vector.
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
