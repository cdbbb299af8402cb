package shaders

import "fmt"

// Window is how a convolution or a pooling slides over one image.
type Window struct {
	InH, InW                             int
	KH, KW                               int // kernel
	StrideH, StrideW                     int
	PadTop, PadBottom, PadLeft, PadRight int
	Ceil                                 bool // round the output size up, as PyTorch's ceil_mode
}

// OutH is the number of window positions from top to bottom.
func (w Window) OutH() int { return positions(w.InH, w.KH, w.StrideH, w.PadTop, w.PadBottom, w.Ceil) }

// OutW is the number of window positions from left to right.
func (w Window) OutW() int { return positions(w.InW, w.KW, w.StrideW, w.PadLeft, w.PadRight, w.Ceil) }

// positions follows PyTorch: in ceil mode the last window may run past the
// padded image, by less than the stride, but must start inside the image or the padding
// before it.
func positions(in, k, stride, before, after int, ceil bool) int {
	room := in + before + after - k
	if ceil {
		room += stride - 1
	}
	if room < 0 || stride < 1 {
		return 0
	}
	n := room/stride + 1
	if ceil && (n-1)*stride >= in+before {
		n--
	}
	return n
}

// Check refuses windows that have no output or make no sense.
func (w Window) Check() error {
	switch {
	case w.InH < 1 || w.InW < 1:
		return fmt.Errorf("image is %dx%d; want at least 1x1", w.InH, w.InW)
	case w.KH < 1 || w.KW < 1:
		return fmt.Errorf("kernel is %dx%d; want at least 1x1", w.KH, w.KW)
	case w.StrideH < 1 || w.StrideW < 1:
		return fmt.Errorf("stride is %dx%d; want at least 1x1", w.StrideH, w.StrideW)
	case min(w.PadTop, w.PadBottom, w.PadLeft, w.PadRight) < 0:
		return fmt.Errorf("padding is negative")
	case w.OutH() < 1 || w.OutW() < 1:
		return fmt.Errorf("kernel %dx%d does not fit the padded image of %dx%d",
			w.KH, w.KW, w.InH+w.PadTop+w.PadBottom, w.InW+w.PadLeft+w.PadRight)
	}
	return nil
}

// String is the window as the printed plan shows it, such as 28x28 5x5 s2 p2.
func (w Window) String() string {
	s := fmt.Sprintf("%dx%d %dx%d", w.InH, w.InW, w.KH, w.KW)
	if w.StrideH == w.StrideW {
		s += fmt.Sprintf(" s%d", w.StrideH)
	} else {
		s += fmt.Sprintf(" s%d,%d", w.StrideH, w.StrideW)
	}
	if w.PadTop == w.PadBottom && w.PadTop == w.PadLeft && w.PadTop == w.PadRight {
		return s + fmt.Sprintf(" p%d", w.PadTop)
	}
	return s + fmt.Sprintf(" p%d,%d,%d,%d", w.PadTop, w.PadBottom, w.PadLeft, w.PadRight)
}
