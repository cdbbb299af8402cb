// Package sgd updates weights by stochastic gradient descent, like torch.optim.SGD without
// dampening. The learning rate multiplies the momentum buffer, and the decay is added to the
// gradient. Once training has diverged (see [shaders.Metrics]), nothing is updated, so that the
// weights remain those of the step that diverged.
package sgd

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

var (
	//go:embed plain.wgsl
	plain string
	//go:embed momentum.wgsl
	momentum string
)

// PlainArgs are the arguments of [Shape.Plain]: gradients G and weights W, both [Count].
type PlainArgs[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	G     F `wgsl:"read array<vec4<f32>>"`
	W     F `wgsl:"update array<vec4<f32>>"`

	Metrics F `wgsl:"update Metrics"`
}

// MomentumArgs are the arguments of [Shape.WithMomentum]: gradients G, weights W and momentum V,
// all [Count].
type MomentumArgs[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	G     F `wgsl:"read array<vec4<f32>>"`
	W     F `wgsl:"update array<vec4<f32>>"`
	V     F `wgsl:"update array<vec4<f32>>"`

	Metrics F `wgsl:"update Metrics"`
}

// Shape describes an update of Count weights (a multiple of 4, with padding). The learning rate
// comes with each [shaders.Batch].
type Shape struct {
	Count           int
	Momentum, Decay float32
	Nesterov        bool // Nesterov's momentum
}

type plainConsts struct {
	Count int // of vec4
	Decay float32
}

type momentumConsts struct {
	Count           int // of vec4
	Momentum, Decay float32
	Nesterov        bool
}

// Check returns an error if the shape is invalid.
func (s Shape) Check() error {
	if s.Count%4 != 0 {
		return fmt.Errorf("%d weights; want a multiple of 4", s.Count)
	}
	return shaders.Positive("weights", s.Count)
}

func (s Shape) groups() int { return shaders.DivUp(shaders.DivUp(s.Count, 4), 64) }

func (s Shape) String() string {
	text := fmt.Sprintf("%d momentum=%g decay=%g", s.Count, s.Momentum, s.Decay)
	if s.Nesterov {
		text += " nesterov"
	}
	return text
}

// Plain returns the kernel for the update without momentum.
func (s Shape) Plain() gpu.Kernel[PlainArgs[gpu.View, gpu.View]] {
	return gpu.Kernel[PlainArgs[gpu.View, gpu.View]]{
		Name: "sgd", Detail: s.String(), Source: shaders.Source(plainConsts{shaders.DivUp(s.Count, 4), s.Decay},
			shaders.BatchStruct, shaders.Metrics, plain), Groups: s.groups(), Lanes: 64, Flops: int64(s.Count) * 4,
	}
}

// WithMomentum returns the kernel for the update with momentum.
func (s Shape) WithMomentum() gpu.Kernel[MomentumArgs[gpu.View, gpu.View]] {
	return gpu.Kernel[MomentumArgs[gpu.View, gpu.View]]{
		Name: "sgd/momentum", Detail: s.String(),
		Source: shaders.Source(momentumConsts{shaders.DivUp(s.Count, 4), s.Momentum, s.Decay, s.Nesterov},
			shaders.BatchStruct, shaders.Metrics, momentum), Groups: s.groups(), Lanes: 64,
		Flops: int64(s.Count) * 6,
	}
}
