// Package input brings a batch of 8-bit images from device memory into a
// network: gather, resize, scale to [0,1].
package input

import (
	_ "embed"
	"fmt"
	"math"

	"wgnin/gpu"
	"wgnin/shaders"
)

//go:embed input.wgsl
var text string

// Config is the shape of an input.
type Config struct {
	N          int // rows of the batch
	C          int // channels
	InH, InW   int // images as they are
	OutH, OutW int // images as the network wants them
	First      int // number of the first image in the pixel buffer
	Count      int // images in the pixel buffer
}

// Args are the arguments of [Config.Kernel]. Taps come from [Config.Taps].
type Args[F, U, I, B any] struct {
	Batch   B `wgsl:"uniform Batch"`
	Pixels  U `wgsl:"read array<u32>"`
	Labels  U `wgsl:"read array<u32>"`
	Order   U `wgsl:"read array<u32>"`
	Taps    I `wgsl:"read array<i32>"`
	X       F `wgsl:"write array<f32>"`
	Target_ U `wgsl:"write array<u32>"` // target is a reserved word of WGSL
}

// bits is Pillow's PRECISION_BITS: a 32-bit sum holds 8 bits of pixel, 22 of
// weight and 2 to spare (src/libImaging/Resample.c).
const bits = 32 - 8 - 2

type consts struct {
	N, C, InH, InW, OutH, OutW int
	First, Count               int
	TapsW, TapsH, Columns      int // words of one tap list of each axis; where those of columns begin
	Bits                       int
	Half                       int32
}

func (c Config) consts() consts {
	w, h := tapWords(c.InW, c.OutW), tapWords(c.InH, c.OutH)
	return consts{c.N, c.C, c.InH, c.InW, c.OutH, c.OutW, c.First, c.Count, w, h, c.OutW * w, bits, 1 << (bits - 1)}
}

// Kernel gathers the rows whose images are in the pixel buffer.
func (c Config) Kernel() gpu.Kernel[Args[gpu.View, gpu.View, gpu.View, gpu.View]] {
	n := c.N * c.OutH * c.OutW * c.C
	down, across := tapWords(c.InH, c.OutH)-2, tapWords(c.InW, c.OutW)-2
	return gpu.Kernel[Args[gpu.View, gpu.View, gpu.View, gpu.View]]{
		Name: "input", Detail: fmt.Sprintf("[%d,%d,%d,%d] from %dx%d", c.N, c.C, c.OutH, c.OutW, c.InH, c.InW),
		Source: shaders.Source(c.consts(), shaders.BatchStruct, text),
		Groups: shaders.DivUp(n, 64), Lanes: 64, Flops: int64(n) * 20, Iterations: down * (1 + across),
	}
}

// Taps are the weights of Pillow's bilinear filter in fixed point: for each
// output column, then each output row, the first input it reads, how many,
// and the weights.
func (c Config) Taps() []int32 {
	return append(taps(c.InW, c.OutW), taps(c.InH, c.OutH)...)
}

func tapWords(in, out int) int {
	return 2 + int(math.Ceil(max(1, float64(in)/float64(out))))*2 + 1
}

// taps follows precompute_coeffs and normalize_coeffs_8bpc in Pillow's
// Resample.c: a triangle of half-width 1, wider when the image shrinks.
func taps(in, out int) []int32 {
	scale := float64(in) / float64(out)
	support := max(1, scale)
	words := tapWords(in, out)
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
			t = append(t, int32(0.5+w*(1<<bits)))
		}
		t = append(t, make([]int32, words-2-len(weights))...)
	}
	return t
}

// Pack puts bytes into words as the kernel reads them, four in a word, the
// first in the lowest bits.
func Pack(b []uint8) []uint32 {
	w := make([]uint32, shaders.DivUp(len(b), 4))
	for i, v := range b {
		w[i/4] |= uint32(v) << (8 * (i % 4))
	}
	return w
}
