// Package sgd updates weights by stochastic gradient descent, as
// torch.optim.SGD does (no dampening, no Nesterov): the learning rate
// multiplies the momentum buffer, and the decay is added to the gradient. Once
// training has diverged (see [shaders.Metrics]) nothing is updated, so that the
// weights stay as the step that diverged had them.
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

// PlainArgs are the arguments of [Config.Plain]: weights and their gradients.
type PlainArgs[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	G     F `wgsl:"read array<vec4<f32>>"`
	W     F `wgsl:"update array<vec4<f32>>"`

	Metrics F `wgsl:"update Metrics"`
}

// MomentumArgs are the arguments of [Config.WithMomentum].
type MomentumArgs[F, B any] struct {
	Batch B `wgsl:"uniform Batch"`
	G     F `wgsl:"read array<vec4<f32>>"`
	W     F `wgsl:"update array<vec4<f32>>"`
	V     F `wgsl:"update array<vec4<f32>>"`

	Metrics F `wgsl:"update Metrics"`
}

// Config is an update of Count weights (a multiple of 4, with padding). The
// learning rate comes with each [shaders.Batch].
type Config struct {
	Count           int
	Momentum, Decay float32
}

type consts struct {
	Count           int // of vec4
	Momentum, Decay float32
}

func (c Config) source(text string) string {
	return shaders.Source(consts{shaders.DivUp(c.Count, 4), c.Momentum, c.Decay}, shaders.BatchStruct, shaders.Metrics, text)
}

func (c Config) groups() int { return shaders.DivUp(shaders.DivUp(c.Count, 4), 64) }

func (c Config) String() string {
	return fmt.Sprintf("%d momentum=%g decay=%g", c.Count, c.Momentum, c.Decay)
}

// Plain is the update without momentum.
func (c Config) Plain() gpu.Kernel[PlainArgs[gpu.View, gpu.View]] {
	return gpu.Kernel[PlainArgs[gpu.View, gpu.View]]{
		Name: "sgd", Detail: c.String(), Source: c.source(plain), Groups: c.groups(), Lanes: 64, Flops: int64(c.Count) * 4,
	}
}

// WithMomentum is the update with momentum.
func (c Config) WithMomentum() gpu.Kernel[MomentumArgs[gpu.View, gpu.View]] {
	return gpu.Kernel[MomentumArgs[gpu.View, gpu.View]]{
		Name: "sgd/momentum", Detail: c.String(), Source: c.source(momentum), Groups: c.groups(), Lanes: 64, Flops: int64(c.Count) * 6,
	}
}
