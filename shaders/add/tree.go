package add

import (
	_ "embed"
	"fmt"
	"math/bits"

	"wgnin/gpu"
	"wgnin/shaders"
)

//go:embed tree.wgsl
var tree string

// Tree describes a sum of Parts vectors of Count values along a binary tree. So its bits equal
// those of sums of halves, quarters and so on that are computed elsewhere.
type Tree struct {
	Parts int // a power of two
	Count int // a multiple of 4
}

// TreeArgs are the arguments of [Tree.Kernel]: Part [Parts,Count] and Sum [Count].
type TreeArgs[F any] struct {
	Part F `wgsl:"read array<vec4<f32>>"`
	Sum  F `wgsl:"write array<vec4<f32>>"`
}

// Check returns an error if the shape is invalid.
func (t Tree) Check() error {
	if err := shaders.Positive("parts and values", t.Parts, t.Count); err != nil {
		return err
	}
	if t.Parts&(t.Parts-1) != 0 || t.Count%4 != 0 {
		return fmt.Errorf("%d parts of %d values; want a power of two, and a multiple of 4", t.Parts, t.Count)
	}
	return nil
}

// Kernel returns the kernel for the sum.
func (t Tree) Kernel() gpu.Kernel[TreeArgs[gpu.View]] {
	c := struct{ Parts, Count, Slots int }{t.Parts, t.Count / 4, bits.Len(uint(t.Parts))}
	return gpu.Kernel[TreeArgs[gpu.View]]{
		Name: "add/tree", Detail: fmt.Sprintf("[%d,%d]", t.Parts, t.Count), Source: shaders.Source(c, tree),
		Groups: shaders.DivUp(c.Count, 64), Lanes: 64, Flops: int64(t.Parts-1) * int64(t.Count), Iterations: t.Parts,
	}
}
