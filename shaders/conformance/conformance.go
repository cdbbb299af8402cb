// Package conformance lists the cases of every op, for tests and for the selftest command.
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
	Name      string // the folder's name, with which its kernels' names begin
	Cases     func(*gpu.Device) []check.Case
	Gradients func() []check.Gradient // nil for an op without a backward pass
}

// Ops are all ops. A test compares the list with the folders.
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

// Sizes make cases of ops at shapes that the user chooses.
var Sizes = []check.Sizes{
	at("activation", "Function=gelu Pixels=100000 C=32 Stride=32", activation.Sized),
	at("adam", "Count=1000000", adam.Sized),
	at("adaptivepool", "N=8 C=64 InH=28 InW=28 OutH=7 OutW=7", adaptivepool.Sized),
	at("add", "Pixels=100000 C=32 AStride=32 BStride=32 YStride=32", add.Sized),
	at("add.tree", "Parts=4 Count=1000000", add.SizedTree),
	at("augment", "N=128 H=32 W=32 C=3 Pad=4 Mirror=true", augment.Sized),
	at("batchnorm", "N=16 P=784 C=64 Stride=64 Eps=1e-5 Momentum=0.1", batchnorm.Sized),
	at("ceiling", "Values=4194304 Lanes=4", ceiling.Sized),
	at("ceiling.fma", "Groups=64 Rounds=64 Chains=3", ceiling.SizedFMA),
	at("clip", "Count=1000000 MaxNorm=1", clip.Sized),
	at("concat", "Pixels=100000 C=16 XStride=16 First=0 YStride=32", concat.Sized),
	check.At("conv2d",
		"N=2 InC=32 OutC=48 InH=13 InW=13 KH=3 KW=3 StrideH=1 StrideW=1 PadTop=1 PadBottom=1 PadLeft=1 PadRight=1",
		conv2d.Sized),
	at("decay", "Count=1000000", decay.Sized),
	at("dropout", "Rows=128 RowElems=9216 P=0.5", dropout.Sized),
	at("gather", "N=128 K=784", gather.Sized),
	at("gcn", "N=128 Elems=3072", gcn.Sized),
	at("groupconv",
		"N=4 InC=32 InStride=32 OutC=32 Groups=32 InH=14 InW=14 KH=3 KW=3 StrideH=1 StrideW=1 PadTop=1 PadBottom=1 PadLeft=1 PadRight=1", groupconv.Sized),
	at("input", "N=16 C=1 InH=28 InW=28 OutH=224 OutW=224 Count=64", input.Sized),
	at("leakyrelu", "Elems=4000000 Slope=0.01", leakyrelu.Sized),
	at("mse", "N=128 C=100 Pixels=1 Stride=100", mse.Sized),
	at("normalise", "Elems=3000000 C=3", normalise.Sized),
	at("pool", "N=8 C=96 InH=54 InW=54 KH=3 KW=3 StrideH=2 StrideW=2", pool.Sized),
	at("relu", "Elems=4000000", relu.Sized),
	at("sgd", "Count=1000000 Momentum=0.9 Decay=1e-4", sgd.Sized),
	at("softmaxxent", "N=128 Classes=1000 Stride=1000", softmaxxent.Sized),
	check.At("winograd", "Alpha=8 Taps=5 N=2 H=26 W=26 C=32 OutC=32 Pad=2", winograd.Sized),
	check.At("winograd.product", "Matrices=64 Rows=96 Terms=32 Columns=64", winograd.SizedProduct),
}

// at is [check.At] for an op whose cases are the same on all devices.
func at[S interface{ Check() error }](op, example string, cases func(S, check.Rand) []check.Case) check.Sizes {
	return check.At(op, example, func(_ *gpu.Device, s S, r check.Rand) []check.Case { return cases(s, r) })
}

func everywhere(cases func() []check.Case) func(*gpu.Device) []check.Case {
	return func(*gpu.Device) []check.Case { return cases() }
}

// Cases returns the cases of all ops for the kernels that run on the device.
func Cases(d *gpu.Device) []check.Case {
	var cs []check.Case
	for _, op := range Ops {
		cs = append(cs, op.Cases(d)...)
	}
	return cs
}

// Gradients returns the gradient checks of all ops.
func Gradients() []check.Gradient {
	var gs []check.Gradient
	for _, op := range Ops {
		if op.Gradients != nil {
			gs = append(gs, op.Gradients()...)
		}
	}
	return gs
}
