// Package ceiling has kernels that measure the highest rates of an adapter: for moving values with
// one, two and three buffers, and for multiply-adds in registers. Other kernels are compared with
// these rates.
package ceiling

import (
	_ "embed"
	"fmt"
	"strings"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed read.wgsl
	readText string
	//go:embed copy.wgsl
	copyText string
	//go:embed blend.wgsl
	blendText string
	//go:embed fma.wgsl
	fmaText string
)

// Memory describes kernels that move Values values from each of their inputs, Lanes (1 or 4) values
// at a time. Which is faster depends on the adapter.
type Memory struct{ Values, Lanes int }

// turns is the number of loads that an invocation of Read adds up.
const turns = 16

// step is the number of values that a workgroup of Read reads. Values must be a multiple of it.
const step = 64 * 4 * turns

// FMA describes a kernel with Rounds rounds of 8 multiply-adds of vec4 on each of Chains chains, in
// each of 64 invocations of each of Groups workgroups. The fastest number of chains depends on the
// adapter. With few chains, operations wait for each other's results; many chains do not fit into
// registers.
type FMA struct{ Groups, Rounds, Chains int }

// ReadArgs are the arguments of [Memory.Read]: X is [Values], Y is [Sums].
type ReadArgs[F any] struct {
	X F `wgsl:"read array<Elem>"`
	Y F `wgsl:"write array<Elem>"`
}

// CopyArgs are the arguments of [Memory.Copy]: X and Y are [Values].
type CopyArgs[F any] struct {
	X F `wgsl:"read array<Elem>"`
	Y F `wgsl:"write array<Elem>"`
}

// BlendArgs are the arguments of [Memory.Blend]: A, B and Y are [Values].
type BlendArgs[F any] struct {
	A F `wgsl:"read array<Elem>"`
	B F `wgsl:"read array<Elem>"`
	Y F `wgsl:"write array<Elem>"`
}

// FMAArgs are the arguments of [FMA.Kernel]. X has 5 vec4: the first begins with the factor, and
// the others end with terms. Y has 64 vec4 for each workgroup.
type FMAArgs[F any] struct {
	X F `wgsl:"read array<vec4<f32>>"`
	Y F `wgsl:"write array<vec4<f32>>"`
}

// Check returns an error if the sizes are invalid.
func (m Memory) Check() error {
	if m.Values%step != 0 {
		return fmt.Errorf("%d values; want a multiple of %d", m.Values, step)
	}
	if m.Lanes != 1 && m.Lanes != 4 {
		return fmt.Errorf("%d values at a time; want 1 or 4", m.Lanes)
	}
	return shaders.Positive("values", m.Values)
}

func (m Memory) String() string { return fmt.Sprintf("%d by %d", m.Values, m.Lanes) }

// source returns a kernel's text.
func (m Memory) source(text string) string {
	return shaders.Source(struct {
		Elem  shaders.Alias
		Turns int
	}{shaders.ElemOf(m.Lanes).Elem, turns}, text)
}

// Sums returns the number of values that Read writes.
func (m Memory) Sums() int { return m.Values / turns }

// Check returns an error if the shape is invalid.
func (f FMA) Check() error {
	return shaders.Positive("workgroups, rounds and chains", f.Groups, f.Rounds, f.Chains)
}

// Read returns the kernel that adds up values of x.
func (m Memory) Read() gpu.Kernel[ReadArgs[gpu.View]] {
	return gpu.Kernel[ReadArgs[gpu.View]]{
		Name: "ceiling/read", Detail: m.String(), Source: m.source(readText),
		Groups: m.Values / (64 * m.Lanes * turns), Lanes: 64, Flops: int64(m.Values),
	}
}

// Copy returns the kernel that copies x to y.
func (m Memory) Copy() gpu.Kernel[CopyArgs[gpu.View]] {
	return gpu.Kernel[CopyArgs[gpu.View]]{
		Name: "ceiling/copy", Detail: m.String(), Source: m.source(copyText),
		Groups: m.Values / (64 * m.Lanes), Lanes: 64,
	}
}

// Blend returns the kernel for y = 0.75 a + 0.25 b.
func (m Memory) Blend() gpu.Kernel[BlendArgs[gpu.View]] {
	return gpu.Kernel[BlendArgs[gpu.View]]{
		Name: "ceiling/blend", Detail: m.String(), Source: m.source(blendText),
		Groups: m.Values / (64 * m.Lanes), Lanes: 64, Flops: 3 * int64(m.Values),
	}
}

// Kernel returns the kernel that computes the multiply-adds and writes their sums to y.
func (f FMA) Kernel() gpu.Kernel[FMAArgs[gpu.View]] {
	return gpu.Kernel[FMAArgs[gpu.View]]{
		Name: "ceiling/fma", Detail: fmt.Sprintf("%dx%d, %d chains", f.Groups, f.Rounds, f.Chains),
		Source: shaders.Source(struct{ Rounds int }{f.Rounds}, f.sums(), fmaText),
		Groups: f.Groups, Lanes: 64, Flops: 2 * 4 * 8 * 64 * int64(f.Groups) * int64(f.Rounds) * int64(f.Chains),
	}
}

// sums returns the WGSL of sums(v, f, g), with a variable for each chain.
func (f FMA) sums() string {
	var begin, round strings.Builder
	chains := make([]string, f.Chains)
	for i := range chains {
		chains[i] = fmt.Sprintf("s%d", i)
		fmt.Fprintf(&begin, "  var s%d = v + vec4<f32>(%d.0);\n", i, i)
		fmt.Fprintf(&round, "    s%d = eight(s%d, f, g);\n", i, i)
	}
	return fmt.Sprintf("fn sums(v : vec4<f32>, f : f32, g : f32) -> vec4<f32> {\n%s  for (var k = 0u; k < Rounds; k = k + 1u) {\n%s  }\n  return %s;\n}\n\n",
		&begin, &round, strings.Join(chains, " + "))
}
