// Package pillow resizes 8-bit images on the host as Pillow's
// Image.resize(size, BILINEAR) does, to the same bits. It needs no device:
// package nn/data resizes pictures with it, the kernel of package input takes
// its weights from here, and the kernel's twin its loops.
package pillow

import "math"

// Bits is Pillow's PRECISION_BITS, the fraction of a weight in fixed point: a
// 32-bit sum holds 8 bits of pixel, 22 of weight and 2 to spare
// (src/libImaging/Resample.c).
const Bits = 32 - 8 - 2

// Bilinear is a resize of an image of C planes.
type Bilinear struct {
	C          int // channels
	InH, InW   int // rows and columns of the image as it is
	OutH, OutW int // rows and columns of the image as it is wanted
}

// Taps are the weights of the filter in fixed point: for each output column,
// then each output row, the first input that it reads, how many it reads, and
// the weights, with zeros up to [TapWords].
func (b Bilinear) Taps() []int32 {
	return append(taps(b.InW, b.OutW), taps(b.InH, b.OutH)...)
}

// TapWords is the number of words that [Bilinear.Taps] has for one output of an
// axis that goes from in to out.
func TapWords(in, out int) int {
	return 2 + int(math.Ceil(max(1, float64(in)/float64(out))))*2 + 1
}

// taps follows precompute_coeffs and normalize_coeffs_8bpc in Pillow's
// Resample.c: a triangle of half-width 1, wider when the image shrinks.
func taps(in, out int) []int32 {
	scale := float64(in) / float64(out)
	support := max(1, scale)
	words := TapWords(in, out)
	t := make([]int32, 0, out*words)
	for o := range out {
		centre := (float64(o) + 0.5) * scale
		lo := max(0, int(centre-support+0.5))
		hi := min(in, int(centre+support+0.5))
		weights := make([]float64, hi-lo)
		sum := 0.0
		for i := range weights {
			weights[i] = max(0, 1-math.Abs((float64(i+lo)-centre+0.5)*(1/support)))
			sum += weights[i]
		}
		t = append(t, int32(lo), int32(hi-lo))
		for _, w := range weights {
			if sum != 0 {
				w /= sum
			}
			t = append(t, int32(0.5+w*(1<<Bits)))
		}
		t = append(t, make([]int32, words-2-len(weights))...)
	}
	return t
}

// Resize resizes one image, [C,InH,InW] to [C,OutH,OutW].
func (b Bilinear) Resize(planes []uint8) []uint8 { return b.ResizeWith(planes, b.Taps()) }

// ResizeWith is [Bilinear.Resize] with the weights of [Bilinear.Taps], for
// several images. It makes two passes with an 8-bit image between them, as
// Pillow does.
func (b Bilinear) ResizeWith(planes []uint8, taps []int32) []uint8 {
	across, down := TapWords(b.InW, b.OutW), TapWords(b.InH, b.OutH)
	columns := taps[b.OutW*across:]
	narrow := make([]uint8, b.InH*b.OutW) // rows resized, columns not yet
	resized := make([]uint8, 0, b.C*b.OutH*b.OutW)
	for c := range b.C {
		for h := range b.InH {
			row := planes[(c*b.InH+h)*b.InW:][:b.InW]
			for w := range b.OutW {
				narrow[h*b.OutW+w] = resample(taps[w*across:], row, 1)
			}
		}
		for h := range b.OutH {
			for w := range b.OutW {
				resized = append(resized, resample(columns[h*down:], narrow[w:], b.OutW))
			}
		}
	}
	return resized
}

// resample is the sum of pixels, stride apart, that the list of taps begins with.
func resample(taps []int32, pixels []uint8, stride int) uint8 {
	first := int(taps[0])
	sum := int64(1) << (Bits - 1)
	for i, weight := range taps[2:][:taps[1]] {
		sum += int64(pixels[(first+i)*stride]) * int64(weight)
	}
	return uint8(min(max(sum>>Bits, 0), 255))
}
