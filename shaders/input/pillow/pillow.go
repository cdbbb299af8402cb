// Package pillow resizes 8-bit images on the host, with the same bits as Pillow's
// Image.resize(size, BILINEAR). It needs no device. Package nn/data resizes pictures with it. The
// kernel of package input uses its weights, and the kernel's twin its loops.
package pillow

import "math"

// Bits is Pillow's PRECISION_BITS, the number of fraction bits of a weight in fixed point. A 32-bit
// sum holds 8 bits of a pixel, 22 bits of a weight, and 2 spare bits (src/libImaging/Resample.c).
const Bits = 32 - 8 - 2

// Bilinear describes the resizing of an image with C planes.
type Bilinear struct {
	C          int // channels
	InH, InW   int // rows and columns of the original image
	OutH, OutW int // rows and columns of the resized image
}

// Taps returns the weights of the filter in fixed point. For each output column, and then for each
// output row, there are [TapWords] numbers: the index of the first input, the number of inputs, the
// weights, and zeros.
func (b Bilinear) Taps() []int32 {
	return append(taps(b.InW, b.OutW), taps(b.InH, b.OutH)...)
}

// TapWords returns the number of words in [Bilinear.Taps] for one output of an axis that is resized
// from in to out.
func TapWords(in, out int) int {
	return 2 + int(math.Ceil(max(1, float64(in)/float64(out))))*2 + 1
}

// taps returns the weights for one axis. It follows precompute_coeffs and normalize_coeffs_8bpc in
// Pillow's Resample.c: the filter is a triangle of half-width 1, or wider if the image shrinks.
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

// Resize resizes one image from [C,InH,InW] to [C,OutH,OutW].
func (b Bilinear) Resize(planes []uint8) []uint8 { return b.ResizeWith(planes, b.Taps()) }

// ResizeWith is [Bilinear.Resize] with the result of [Bilinear.Taps], which several images can
// share. Like Pillow, it makes two passes with an 8-bit image between them.
func (b Bilinear) ResizeWith(planes []uint8, taps []int32) []uint8 {
	across, down := TapWords(b.InW, b.OutW), TapWords(b.InH, b.OutH)
	columns := taps[b.OutW*across:]
	narrow := make([]uint8, b.InH*b.OutW) // resized across, not yet down
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

// resample returns the weighted sum of pixels that are stride apart, by the first list of taps.
func resample(taps []int32, pixels []uint8, stride int) uint8 {
	first := int(taps[0])
	sum := int64(1) << (Bits - 1)
	for i, weight := range taps[2:][:taps[1]] {
		sum += int64(pixels[(first+i)*stride]) * int64(weight)
	}
	return uint8(min(max(sum>>Bits, 0), 255))
}
