// Package decay applies a weight decay that differs between weights, before an optimizer without
// decay. It is coupled as in torch.optim.SGD and Adam, or decoupled as in AdamW. A decay for each
// weight replaces PyTorch's parameter groups.
package decay

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed coupled.wgsl
	coupled string
	//go:embed decoupled.wgsl
	decoupled string
)

// CoupledArgs are the arguments of [Shape.Coupled]: gradients G, weights W, and the Decay of each
// weight, all [Count].
type CoupledArgs[F any] struct {
	G     F `wgsl:"update array<vec4<f32>>"`
	W     F `wgsl:"read array<vec4<f32>>"`
	Decay F `wgsl:"read array<vec4<f32>>"`
}

// DecoupledArgs are the arguments of [Shape.Decoupled]: weights W, and the Decay of each weight,
// both [Count]. The learning rate comes with the batch.
type DecoupledArgs[F, B any] struct {
	Batch   B `wgsl:"uniform Batch"`
	W       F `wgsl:"update array<vec4<f32>>"`
	Decay   F `wgsl:"read array<vec4<f32>>"`
	Metrics F `wgsl:"update Metrics"`
}

// Shape describes Count weights (a multiple of 4, with padding).
type Shape struct{ Count int }

// Check returns an error if the shape is invalid.
func (s Shape) Check() error {
	if s.Count%4 != 0 {
		return fmt.Errorf("%d weights; want a multiple of 4", s.Count)
	}
	return shaders.Positive("weights", s.Count)
}

type consts struct{ Count int } // of vec4

func (s Shape) consts() consts { return consts{shaders.DivUp(s.Count, 4)} }

func (s Shape) groups() int { return shaders.DivUp(shaders.DivUp(s.Count, 4), 64) }

// Coupled returns the kernel that adds the decay to the gradients.
func (s Shape) Coupled() gpu.Kernel[CoupledArgs[gpu.View]] {
	return gpu.Kernel[CoupledArgs[gpu.View]]{
		Name: "decay/coupled", Detail: fmt.Sprint(s.Count), Source: shaders.Source(s.consts(), coupled),
		Groups: s.groups(), Lanes: 64, Flops: int64(s.Count) * 2,
	}
}

// Decoupled returns the kernel that subtracts the decay from the weights.
func (s Shape) Decoupled() gpu.Kernel[DecoupledArgs[gpu.View, gpu.View]] {
	return gpu.Kernel[DecoupledArgs[gpu.View, gpu.View]]{
		Name: "decay/decoupled", Detail: fmt.Sprint(s.Count),
		Source: shaders.Source(s.consts(), shaders.BatchStruct, shaders.Metrics, decoupled),
		Groups: s.groups(), Lanes: 64, Flops: int64(s.Count) * 3,
	}
}
