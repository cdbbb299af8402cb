package nn

import (
	"wgnin/gpu"
	"wgnin/shaders/conv2d"
	"wgnin/shaders/winograd"
)

// convForward records y = x * w + b, or its ReLU, with the variant that s selects. temp allocates
// scratch memory.
func convForward(r *gpu.Recorder, temp winograd.Temp, s conv2d.Shape, relu bool, a conv2d.ForwardArgs[view]) {
	if s.Variants[conv2d.Forward].Alpha > 0 {
		winograd.Forward(r, temp, s, relu, a)
		return
	}
	s.Forward(relu).Record(r, a)
}

// convInputGradient records the gradient of x, from transposed weights. a.X is x if x is the output
// of a ReLU by which the gradient is masked, or else the zero View.
func convInputGradient(r *gpu.Recorder, temp winograd.Temp, s conv2d.Shape, a conv2d.DXReLUArgs[view]) {
	switch {
	case s.Variants[conv2d.InputGradient].Alpha > 0:
		winograd.InputGradient(r, temp, s, a)
	case a.X.IsZero():
		s.DX().Record(r, conv2d.DXArgs[view]{In_: a.In_, W: a.W, Out: a.Out})
	default:
		s.DXReLU().Record(r, a)
	}
}

// convWeightGradient records the gradient of the weights and the bias.
func convWeightGradient(r *gpu.Recorder, temp winograd.Temp, s conv2d.Shape, a winograd.WeightGradientArgs) {
	if s.Variants[conv2d.WeightGradient].Alpha > 0 {
		winograd.WeightGradient(r, temp, s, a)
		return
	}
	part := temp("dW shares", s.Part())
	s.DW().Record(r, conv2d.DWArgs[view]{X: a.X, DY: a.DY, Part: part})
	s.DWSum().Record(r, conv2d.DWSumArgs[view, view]{Batch: a.Batch, Part: part, DW: a.DW})
}
