package nn

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wgnin/shaders"
)

// Padding is zeros around an image, as numbers of rows and columns. The zero value is no padding.
type Padding struct {
	Top, Bottom, Left, Right int
	same                     bool
}

// Pad returns a padding of n rows and columns on each side, as PyTorch's padding=n.
func Pad(n int) Padding { return Padding{Top: n, Bottom: n, Left: n, Right: n} }

var (
	// Valid is TensorFlow's padding="valid": no padding.
	Valid = Padding{}
	// Same is TensorFlow's padding="same": the output has ceil(size/stride) rows and columns. An
	// odd padding puts one more at the end than at the beginning.
	Same = Padding{same: true}
)

// apply sets w's padding. w's image, kernel and stride must be set.
func (p Padding) apply(w *shaders.Window) {
	if p.same {
		h, wide := w.Span()
		p.Top, p.Bottom = sameSides(w.InH, h, w.StrideH)
		p.Left, p.Right = sameSides(w.InW, wide, w.StrideW)
	}
	w.PadTop, w.PadBottom, w.PadLeft, w.PadRight = p.Top, p.Bottom, p.Left, p.Right
}

func sameSides(in, k, stride int) (before, after int) {
	if stride < 1 {
		return 0, 0
	}
	total := max(0, (shaders.DivUp(in, stride)-1)*stride+k-in)
	return total / 2, total - total/2
}

// MarshalText returns n for n on each side, "same", or top,bottom,left,right.
func (p Padding) MarshalText() ([]byte, error) {
	switch {
	case p.same:
		return []byte("same"), nil
	case p == Pad(p.Top):
		return strconv.AppendInt(nil, int64(p.Top), 10), nil
	}
	return fmt.Appendf(nil, "%d,%d,%d,%d", p.Top, p.Bottom, p.Left, p.Right), nil
}

// UnmarshalText reads what MarshalText writes, and "valid".
func (p *Padding) UnmarshalText(text []byte) error {
	switch string(text) {
	case "same":
		*p = Same
		return nil
	case "valid":
		*p = Valid
		return nil
	}
	words := strings.Split(string(text), ",")
	if len(words) == 1 {
		words = slices.Repeat(words, 4)
	}
	var n [4]int
	err := strconv.ErrSyntax
	if len(words) == len(n) {
		err = nil
		for i, w := range words {
			var e error
			n[i], e = strconv.Atoi(w)
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		return errors.New("want a number, same, or top,bottom,left,right such as 1,0,1,0")
	}
	*p = Padding{Top: n[0], Bottom: n[1], Left: n[2], Right: n[3]}
	return nil
}

// maxLayerNumber bounds the numbers in layers, so that sizes computed from them do not overflow.
const maxLayerNumber = 1 << 16

// sides is the geometry of a sliding kernel. A kernelW, strideW or dilationW of 0 means the same as
// for rows.
type sides struct {
	kernel, kernelW, stride, strideW int
	dilation, dilationW              int // 0 means 1
	pad                              Padding
	ceil                             bool
}

// window returns the window of the kernel over an image of shape in.
func (s sides) window(in Shape) (shaders.Window, error) {
	w := shaders.Window{
		InH: in.H, InW: in.W,
		KH: s.kernel, KW: orDefault(s.kernelW, s.kernel),
		StrideH: s.stride, StrideW: orDefault(s.strideW, s.stride), Ceil: s.ceil,
		DilationH: orDefault(s.dilation, 1), DilationW: orDefault(s.dilationW, orDefault(s.dilation, 1)),
	}
	if in.Flat {
		return w, fmt.Errorf("input is a vector; want an image (before Flatten)")
	}
	for _, n := range []struct {
		name     string
		v, least int
	}{
		{"kernel", w.KH, 1}, {"kernel", w.KW, 1}, {"stride", w.StrideH, 1}, {"stride", w.StrideW, 1},
		{"dilation", w.DilationH, 1}, {"dilation", w.DilationW, 1},
		{"padding", s.pad.Top, 0}, {"padding", s.pad.Bottom, 0}, {"padding", s.pad.Left, 0},
		{"padding", s.pad.Right, 0},
	} {
		if n.v < n.least || n.v > maxLayerNumber {
			return w, fmt.Errorf("%s is %d; want %d to %d", n.name, n.v, n.least, maxLayerNumber)
		}
	}
	s.pad.apply(&w)
	return w, w.Check()
}

func orDefault(v, def int) int {
	if v == 0 {
		return def
	}
	return v
}
