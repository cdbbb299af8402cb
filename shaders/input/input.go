// Package input prepares a batch of 8-bit images in device memory for a network. It gathers them,
// resizes them, and scales their values to [0,1].
package input

import (
	_ "embed"
	"fmt"
	"math/bits"

	"wgnin/gpu"
	"wgnin/shaders"
	"wgnin/shaders/input/pillow"
)

//go:embed input.wgsl
var text string

// Shape describes a batch of N rows. Their images are resized from [C,InH,InW] in the pixel buffer
// to [OutH,OutW,C] for the network.
type Shape struct {
	N          int // rows of the batch
	C          int // channels
	InH, InW   int // rows and columns of the original images
	OutH, OutW int // rows and columns for the network
	First      int // number of the first image in the pixel buffer
	Count      int // images in the pixel buffer
}

// Args are the arguments of [Shape.Kernel]: Pixels [Count,C,InH,InW] of 8 bits and Labels [Count]
// of 16 bits, in words made by [Pack]; Order, the numbers of images in the order of the epoch; Taps
// from [Shape.Taps]; X [N,OutH,OutW,C]; Target_ [N].
type Args[F, U, I, B any] struct {
	Batch   B `wgsl:"uniform Batch"`
	Pixels  U `wgsl:"read array<u32>"`
	Labels  U `wgsl:"read array<u32>"`
	Order   U `wgsl:"read array<u32>"`
	Taps    I `wgsl:"read array<i32>"`
	X       F `wgsl:"write array<f32>"`
	Target_ U `wgsl:"write array<u32>"` // target is a reserved word of WGSL
}

type consts struct {
	N, C, InH, InW, OutH, OutW int
	First, Count               int
	TapsW, TapsH, Columns      int // words of a tap list of each axis; the offset of the vertical ones
	Bits                       int
	Half                       int32
}

func (s Shape) consts() consts {
	w, h := pillow.TapWords(s.InW, s.OutW), pillow.TapWords(s.InH, s.OutH)
	return consts{s.N, s.C, s.InH, s.InW, s.OutH, s.OutW, s.First, s.Count, w, h, s.OutW * w, pillow.Bits,
		1 << (pillow.Bits - 1)}
}

// Check returns an error if the shape is invalid.
func (s Shape) Check() error {
	if err := shaders.Positive("images [N,C,H,W]", s.N, s.C, s.InH, s.InW); err != nil {
		return err
	}
	if err := shaders.Positive("size and images in the buffer", s.OutH, s.OutW, s.Count); err != nil {
		return err
	}
	if s.First < 0 {
		return fmt.Errorf("first image is %d; want at least 0", s.First)
	}
	return nil
}

// Kernel returns the kernel that writes the rows whose images are in the pixel buffer.
func (s Shape) Kernel() gpu.Kernel[Args[gpu.View, gpu.View, gpu.View, gpu.View]] {
	n := s.N * s.OutH * s.OutW * s.C
	down, across := pillow.TapWords(s.InH, s.OutH)-2, pillow.TapWords(s.InW, s.OutW)-2
	return gpu.Kernel[Args[gpu.View, gpu.View, gpu.View, gpu.View]]{
		Name: "input", Detail: fmt.Sprintf("[%d,%d,%d,%d] from %dx%d", s.N, s.C, s.OutH, s.OutW, s.InH, s.InW),
		Source: shaders.Source(s.consts(), shaders.BatchStruct, text),
		Groups: shaders.DivUp(n, 64), Lanes: 64, Flops: int64(n) * 20, Iterations: down * (1 + across),
	}
}

// Taps returns the weights of Pillow's bilinear filter; see [pillow.Bilinear.Taps].
func (s Shape) Taps() []int32 { return s.bilinear().Taps() }

func (s Shape) bilinear() pillow.Bilinear {
	return pillow.Bilinear{C: s.C, InH: s.InH, InW: s.InW, OutH: s.OutH, OutW: s.OutW}
}

// Pack packs numbers into words for the kernel: four of 8 bits or two of 16 bits in each word, the
// first in the lowest bits.
func Pack[T uint8 | uint16](values []T) []uint32 {
	size := bits.Len16(uint16(^T(0)))
	in := 32 / size // numbers in a word
	w := make([]uint32, shaders.DivUp(len(values), in))
	for i, v := range values {
		w[i/in] |= uint32(v) << (size * (i % in))
	}
	return w
}
