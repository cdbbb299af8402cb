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

// CopyArgs are the arguments of [Copy].
type CopyArgs[F any] struct {
	X F `wgsl:"read array<vec4<f32>>"`
	Y F `wgsl:"write array<vec4<f32>>"`
}

// FMAArgs are the arguments of [FMA]: X has 5 vec4, the factor and four terms;
// Y has 64 vec4 for each workgroup.
type FMAArgs[F any] struct {
	X F `wgsl:"read array<vec4<f32>>"`
	Y F `wgsl:"write array<vec4<f32>>"`
}

// Copy copies n values, a multiple of 4.
func Copy(n int) gpu.Kernel[CopyArgs[gpu.View]] {
	return gpu.Kernel[CopyArgs[gpu.View]]{
		Name: "ceiling/copy", Detail: fmt.Sprint(n), Source: shaders.Source(struct{ Count int }{n / 4}, copyText),
		Groups: shaders.DivUp(n/4, 64), Lanes: 64,
	}
}

// FMA does rounds of 64 multiply-adds of vec4 in each of 64 invocations of each
// of groups workgroups.
func FMA(groups, rounds int) gpu.Kernel[FMAArgs[gpu.View]] {
	return gpu.Kernel[FMAArgs[gpu.View]]{
		Name: "ceiling/fma", Detail: fmt.Sprintf("%dx%d", groups, rounds), Source: shaders.Source(struct{ Rounds int }{rounds}, fmaText),
		Groups: groups, Lanes: 64, Flops: int64(groups) * 64 * int64(rounds) * 64 * 4 * 2,
	}
}
