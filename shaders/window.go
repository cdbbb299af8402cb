package shaders

import "fmt"

// Window describes how a convolution or a pooling slides over one image. Sizes are in pixels.
type Window struct {
	InH, InW                             int
	KH, KW                               int // kernel
	StrideH, StrideW                     int
	PadTop, PadBottom, PadLeft, PadRight int
	Ceil                                 bool // round the output size up, like PyTorch's ceil_mode

	// DilationH and DilationW are the distances between rows and columns of the kernel; 0 means 1.
	// Only convolutions use them.
	DilationH, DilationW int
}

// Dilation returns DilationH and DilationW, or 1 for those that are not set.
func (w Window) Dilation() (h, wide int) { return max(w.DilationH, 1), max(w.DilationW, 1) }

// Span returns the number of rows and columns that the kernel covers with its dilation.
func (w Window) Span() (h, wide int) {
	dh, dw := w.Dilation()
	return (w.KH-1)*dh + 1, (w.KW-1)*dw + 1
}

// OutH returns the number of window positions from top to bottom.
func (w Window) OutH() int {
	span, _ := w.Span()
	return positions(w.InH, span, w.StrideH, w.PadTop, w.PadBottom, w.Ceil)
}

// OutW returns the number of window positions from left to right.
func (w Window) OutW() int {
	_, span := w.Span()
	return positions(w.InW, span, w.StrideW, w.PadLeft, w.PadRight, w.Ceil)
}

// positions returns the number of window positions, as in PyTorch. In ceil mode the last window may
// extend past the padded image by less than the stride, but must start inside the image or the
// padding before it.
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

// Check returns an error if the window is invalid or has no output.
func (w Window) Check() error {
	spanH, spanW := w.Span()
	switch {
	case w.InH < 1 || w.InW < 1:
		return fmt.Errorf("image is %dx%d; want at least 1x1", w.InH, w.InW)
	case w.KH < 1 || w.KW < 1:
		return fmt.Errorf("kernel is %dx%d; want at least 1x1", w.KH, w.KW)
	case w.StrideH < 1 || w.StrideW < 1:
		return fmt.Errorf("stride is %dx%d; want at least 1x1", w.StrideH, w.StrideW)
	case min(w.PadTop, w.PadBottom, w.PadLeft, w.PadRight) < 0:
		return fmt.Errorf("padding is negative; want at least 0")
	case min(w.DilationH, w.DilationW) < 0:
		return fmt.Errorf("dilation is %dx%d; want at least 1x1", w.DilationH, w.DilationW)
	case w.OutH() < 1 || w.OutW() < 1:
		return fmt.Errorf("kernel %dx%d does not fit the padded image of %dx%d",
			spanH, spanW, w.InH+w.PadTop+w.PadBottom, w.InW+w.PadLeft+w.PadRight)
	}
	return nil
}

// String returns the window as printed plans show it, such as 28x28 5x5 s2 p2, or 28x28 5x5 s2 p2
// d3 with dilation.
func (w Window) String() string {
	s := fmt.Sprintf("%dx%d %dx%d", w.InH, w.InW, w.KH, w.KW)
	if w.StrideH == w.StrideW {
		s += fmt.Sprintf(" s%d", w.StrideH)
	} else {
		s += fmt.Sprintf(" s%d,%d", w.StrideH, w.StrideW)
	}
	if w.PadTop == w.PadBottom && w.PadTop == w.PadLeft && w.PadTop == w.PadRight {
		s += fmt.Sprintf(" p%d", w.PadTop)
	} else {
		s += fmt.Sprintf(" p%d,%d,%d,%d", w.PadTop, w.PadBottom, w.PadLeft, w.PadRight)
	}
	switch h, wide := w.Dilation(); {
	case h != wide:
		s += fmt.Sprintf(" d%d,%d", h, wide)
	case h != 1:
		s += fmt.Sprintf(" d%d", h)
	}
	return s
}
