// Package conformance is every op's cases in one list, for tests and for the
// selftest command.
package conformance

import (
	"wgnin/gpu"
	"wgnin/shaders/activation"
	"wgnin/shaders/adam"
	"wgnin/shaders/adaptivepool"
	"wgnin/shaders/add"
	"wgnin/shaders/augment"
	"wgnin/shaders/batchnorm"
	"wgnin/shaders/ceiling"
	"wgnin/shaders/check"
	"wgnin/shaders/clip"
	"wgnin/shaders/concat"
	"wgnin/shaders/conv2d"
	"wgnin/shaders/decay"
	"wgnin/shaders/dropout"
	"wgnin/shaders/gather"
	"wgnin/shaders/gcn"
	"wgnin/shaders/groupconv"
	"wgnin/shaders/input"
	"wgnin/shaders/leakyrelu"
	"wgnin/shaders/mse"
	"wgnin/shaders/normalise"
	"wgnin/shaders/pool"
	"wgnin/shaders/relu"
	"wgnin/shaders/sgd"
	"wgnin/shaders/softmaxxent"
	"wgnin/shaders/winograd"
)

// Op is a folder of kernels.
type Op struct {
	Name      string // of the folder, and the start of its kernels' names
	Cases     func(*gpu.Device) []check.Case
	Gradients func() []check.Gradient // nil for an op without a backward
}

// Ops are all of them; a test compares the list with the folders.
var Ops = []Op{
	{"activation", everywhere(activation.Cases), activation.Gradients},
	{"adaptivepool", everywhere(adaptivepool.Cases), adaptivepool.Gradients},
	{"adam", everywhere(adam.Cases), nil},
	{"add", everywhere(add.Cases), nil},
	{"augment", everywhere(augment.Cases), nil},
	{"batchnorm", everywhere(batchnorm.Cases), batchnorm.Gradients},
	{"ceiling", everywhere(ceiling.Cases), nil},
	{"clip", everywhere(clip.Cases), nil},
	{"concat", everywhere(concat.Cases), concat.Gradients},
	{"conv2d", conv2d.Cases, conv2d.Gradients},
	{"decay", everywhere(decay.Cases), nil},
	{"dropout", everywhere(dropout.Cases), dropout.Gradients},
	{"gather", everywhere(gather.Cases), nil},
	{"gcn", everywhere(gcn.Cases), nil},
	{"groupconv", everywhere(groupconv.Cases), groupconv.Gradients},
	{"input", everywhere(input.Cases), nil},
	{"leakyrelu", everywhere(leakyrelu.Cases), leakyrelu.Gradients},
	{"mse", everywhere(mse.Cases), mse.Gradients},
	{"normalise", everywhere(normalise.Cases), nil},
	{"pool", everywhere(pool.Cases), pool.Gradients},
	{"relu", everywhere(relu.Cases), relu.Gradients},
	{"sgd", everywhere(sgd.Cases), nil},
	{"softmaxxent", everywhere(softmaxxent.Cases), softmaxxent.Gradients},
	{"winograd", winograd.Cases, winograd.Gradients},
}

func everywhere(cases func() []check.Case) func(*gpu.Device) []check.Case {
	return func(*gpu.Device) []check.Case { return cases() }
}

// Cases are the cases of all ops for the kernels that run on the device.
func Cases(d *gpu.Device) []check.Case {
	var cs []check.Case
	for _, op := range Ops {
		cs = append(cs, op.Cases(d)...)
	}
	return cs
}

// Gradients are the gradient checks of all ops.
func Gradients() []check.Gradient {
	var gs []check.Gradient
	for _, op := range Ops {
		if op.Gradients != nil {
			gs = append(gs, op.Gradients()...)
		}
	}
	return gs
}
