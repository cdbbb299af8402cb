// Package ceiling measures what an adapter can do at most: the speed of a copy
// and of multiply-adds in registers. Other kernels are measured against it.
package ceiling

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed copy.wgsl
	copyText string
	//go:embed fma.wgsl
	fmaText string
)

// Copy is a copy of Values values, a multiple of 4.
type Copy struct{ Values int }

// FMA is Rounds of 64 multiply-adds of vec4 in each of 64 invocations of each of
// Groups workgroups.
type FMA struct{ Groups, Rounds int }

// CopyArgs are the arguments of [Copy.Kernel]: X and Y are [Values].
type CopyArgs[F any] struct {
	X F `wgsl:"read array<vec4<f32>>"`
	Y F `wgsl:"write array<vec4<f32>>"`
}

// FMAArgs are the arguments of [FMA.Kernel]: X has 5 vec4, the factor and four
// terms; Y has 64 vec4 for each workgroup.
type FMAArgs[F any] struct {
	X F `wgsl:"read array<vec4<f32>>"`
	Y F `wgsl:"write array<vec4<f32>>"`
}

// Check refuses shapes that make no sense.
func (c Copy) Check() error {
	if c.Values%4 != 0 {
		return fmt.Errorf("%d values; want a multiple of 4", c.Values)
	}
	return shaders.Positive("values", c.Values)
}

// Check refuses shapes that make no sense.
func (f FMA) Check() error { return shaders.Positive("workgroups and rounds", f.Groups, f.Rounds) }

// Kernel copies x to y.
func (c Copy) Kernel() gpu.Kernel[CopyArgs[gpu.View]] {
	return gpu.Kernel[CopyArgs[gpu.View]]{
		Name: "ceiling/copy", Detail: fmt.Sprint(c.Values), Source: shaders.Source(struct{ Count int }{c.Values / 4}, copyText),
		Groups: shaders.DivUp(c.Values/4, 64), Lanes: 64,
	}
}

// Kernel does the multiply-adds, and leaves their sums in y.
func (f FMA) Kernel() gpu.Kernel[FMAArgs[gpu.View]] {
	return gpu.Kernel[FMAArgs[gpu.View]]{
		Name: "ceiling/fma", Detail: fmt.Sprintf("%dx%d", f.Groups, f.Rounds), Source: shaders.Source(struct{ Rounds int }{f.Rounds}, fmaText),
		Groups: f.Groups, Lanes: 64, Flops: int64(f.Groups) * 64 * int64(f.Rounds) * 64 * 4 * 2,
	}
}
