package nn_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"math"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/safetensors"
	"wgnin/shaders"
)

// fashion returns the first n images of the real Fashion-MNIST.
func fashion(t testing.TB, n int) *data.Images {
	train, _, err := data.Load(context.Background(), "fashion-mnist",
		data.LoadOptions{Dir: "data/testdata/fashion-mnist"})
	require.NoError(t, err)
	require.GreaterOrEqual(t, train.Len(), n)
	return train.First(n)
}

// crops returns n images of c channels and h x w pixels, cut from the middle of real ones. Channel
// k of image i is cut from image i+k, so that no two channels of an image are alike.
func crops(t testing.TB, n, c, h, w int) *data.Images {
	whole := fashion(t, n+c)
	set := &data.Images{C: c, H: h, W: w, Labels: whole.Labels[:n], Classes: whole.Classes}
	for i := range n {
		for k := range c {
			image := whole.Pixels[(i+k)*28*28:][:28*28]
			for y := range h {
				set.Pixels = append(set.Pixels, image[((28-h)/2+y)*28+(28-w)/2:][:w]...)
			}
		}
	}
	return set
}

// layerCase is a row of the table of layers. The layers follow a convolution that turns images of
// 7x6 pixels into [4,7,6], so that their input gradient affects the gradients of its weights. After
// the layers, a dropout gives each output a different gradient, and the mean of each channel is a
// logit. If the layers return a vector without ten elements, a Linear makes ten logits instead.
type layerCase struct {
	name   string
	layers nn.Sequential
	twin   layer    // the formula of the layers
	out    nn.Shape // for [4,7,6]; the comment of each row has PyTorch's expression
	params int
	first  int // if not 0, no convolution precedes the layers, and images have this many channels
}

// layerCases is the table of layers. To add a layer, add a row with its formula, as [twin]
// explains. PyTorch computed the shapes and the parameter counts: the comment of a row has its
// expression, whose input is torch.zeros(8, 4, 7, 6).
var layerCases = []layerCase{
	{
		name:   "conv 3x3, padding", // Conv2d(4, 5, 3, padding=1)
		layers: nn.Sequential{nn.Conv2D{Out: 5, Kernel: 3, Pad: nn.Pad(1)}},
		twin:   conv(5, 3, 3, 1, 1, 1, 1, 1, 1), out: nn.Shape{C: 5, H: 7, W: 6}, params: 185,
	},
	{
		name:   "conv 5x5, stride 2, relu", // Conv2d(4, 4, 5, 2, 2), ReLU()
		layers: nn.Sequential{nn.Conv2D{Out: 4, Kernel: 5, Stride: 2, Pad: nn.Pad(2)}, nn.ReLU{}},
		twin:   chain(conv(4, 5, 5, 2, 2, 2, 2, 2, 2), relu), out: nn.Shape{C: 4, H: 4, W: 3}, params: 404,
	},
	{
		name:   "conv 4x4, stride 3, same", // ZeroPad2d((0, 1, 1, 2)), Conv2d(4, 4, 4, 3)
		layers: nn.Sequential{nn.Conv2D{Out: 4, Kernel: 4, Stride: 3, Pad: nn.Same}},
		twin:   conv(4, 4, 4, 3, 3, 1, 2, 0, 1), out: nn.Shape{C: 4, H: 3, W: 2}, params: 260,
	},
	{
		name: "conv 3x2, stride 1x2, asymmetric", // ZeroPad2d((1, 0, 2, 0)), Conv2d(4, 4, (3, 2), (1, 2))
		layers: nn.Sequential{nn.Conv2D{Out: 4, Kernel: 3, KernelW: 2, Stride: 1, StrideW: 2,
			Pad: nn.Padding{Top: 2, Left: 1}}},
		twin: conv(4, 3, 2, 1, 2, 2, 0, 1, 0), out: nn.Shape{C: 4, H: 7, W: 3}, params: 100,
	},
	{
		name:   "conv 3x3, stride 3, padding of more than half", // Conv2d(4, 4, 3, 3, 2)
		layers: nn.Sequential{nn.Conv2D{Out: 4, Kernel: 3, Stride: 3, Pad: nn.Pad(2)}},
		twin:   conv(4, 3, 3, 3, 3, 2, 2, 2, 2), out: nn.Shape{C: 4, H: 3, W: 3}, params: 148,
	},
	{
		name: "relu, conv 3x3 with dilation 2x1, relu", // ReLU(), Conv2d(4, 5, 3, padding=2, dilation=(2, 1)), ReLU()
		layers: nn.Sequential{nn.ReLU{}, nn.Conv2D{Out: 5, Kernel: 3, Pad: nn.Pad(2), Dilation: 2, DilationW: 1},
			nn.ReLU{}},
		twin: chain(relu, groupConv(5, 3, 1, 2, 2, 1, 1), relu), out: nn.Shape{C: 5, H: 7, W: 8}, params: 185,
	},
	{
		// Conv2d(4, 4, 3, 1, 1, groups=4), Conv2d(4, 6, 1), Conv2d(6, 9, 3, 2, 1, groups=3)
		name: "depthwise conv 3x3, conv 1x1 to 6, conv 3x3 of 3 groups, stride 2",
		layers: nn.Sequential{nn.Conv2D{Out: 4, Kernel: 3, Pad: nn.Pad(1), Groups: 4}, nn.Conv2D{Out: 6, Kernel: 1},
			nn.Conv2D{Out: 9, Kernel: 3, Stride: 2, Pad: nn.Pad(1), Groups: 3}},
		twin: chain(groupConv(4, 3, 1, 1, 1, 1, 4), conv(6, 1, 1, 1, 1, 0, 0, 0, 0), groupConv(9, 3, 2, 1, 1, 1, 3)),
		out:  nn.Shape{C: 9, H: 4, W: 3}, params: 40 + 30 + 171,
	},
	{
		name:   "relu, conv 3x3 without bias, relu", // ReLU(), Conv2d(4, 5, 3, padding=1, bias=False), ReLU()
		layers: nn.Sequential{nn.ReLU{}, nn.Conv2D{Out: 5, Kernel: 3, Pad: nn.Pad(1), NoBias: true}, nn.ReLU{}},
		twin:   chain(relu, unbiased(conv(5, 3, 3, 1, 1, 1, 1, 1, 1)), relu), out: nn.Shape{C: 5, H: 7, W: 6},
		params: 180,
	},
	{
		// Conv2d(3, 6, 1, bias=False), Conv2d(6, 6, 3, groups=6, bias=False)
		name: "conv 1x1 without bias, first, of three channels; depthwise conv without bias",
		layers: nn.Sequential{nn.Conv2D{Out: 6, Kernel: 1, NoBias: true},
			nn.Conv2D{Out: 6, Kernel: 3, Groups: 6, NoBias: true}},
		twin: unbiased(chain(conv(6, 1, 1, 1, 1, 0, 0, 0, 0), groupConv(6, 3, 1, 0, 1, 1, 6))),
		out:  nn.Shape{C: 6, H: 5, W: 4}, params: 18 + 54, first: 3,
	},
	{
		name:   "conv 3x3 with dilation 2, without bias", // Conv2d(4, 5, 3, padding=2, dilation=2, bias=False)
		layers: nn.Sequential{nn.Conv2D{Out: 5, Kernel: 3, Pad: nn.Pad(2), Dilation: 2, NoBias: true}},
		twin:   unbiased(groupConv(5, 3, 1, 2, 2, 2, 1)), out: nn.Shape{C: 5, H: 7, W: 6}, params: 180,
	},
	{
		name:   "relu, conv 1x1", // ReLU(), Conv2d(4, 6, 1), ReLU()
		layers: nn.Sequential{nn.ReLU{}, nn.Conv2D{Out: 6, Kernel: 1}, nn.ReLU{}},
		twin:   chain(relu, conv(6, 1, 1, 1, 1, 0, 0, 0, 0), relu), out: nn.Shape{C: 6, H: 7, W: 6}, params: 30,
	},
	{
		name:   "relu in the store", // ReLU()
		layers: nn.Sequential{nn.ReLU{}}, twin: relu, out: nn.Shape{C: 4, H: 7, W: 6},
	},
	{
		name:   "relu alone, conv", // ReLU(), Conv2d(4, 5, 3, padding=1)
		layers: nn.Sequential{nn.Sequential{nn.ReLU{}}, nn.Conv2D{Out: 5, Kernel: 3, Pad: nn.Pad(1)}},
		twin:   chain(relu, conv(5, 3, 3, 1, 1, 1, 1, 1, 1)), out: nn.Shape{C: 5, H: 7, W: 6}, params: 185,
	},
	{
		name:   "relu twice", // ReLU(), ReLU()
		layers: nn.Sequential{nn.ReLU{}, nn.ReLU{}}, twin: chain(relu, relu), out: nn.Shape{C: 4, H: 7, W: 6},
	},
	{
		name:   "leaky relu, conv, leaky relu of 0.3", // LeakyReLU(), Conv2d(4, 6, 1), LeakyReLU(0.3)
		layers: nn.Sequential{nn.LeakyReLU{}, nn.Conv2D{Out: 6, Kernel: 1}, nn.LeakyReLU{Slope: 0.3}},
		twin:   chain(leakyReLU(0.01), conv(6, 1, 1, 1, 1, 0, 0, 0, 0), leakyReLU(0.3)),
		out:    nn.Shape{C: 6, H: 7, W: 6}, params: 30,
	},
	{
		name:   "sigmoid, conv, tanh, of five channels", // Sigmoid(), Conv2d(4, 5, 3), Tanh()
		layers: nn.Sequential{nn.Sigmoid{}, nn.Conv2D{Out: 5, Kernel: 3}, nn.Tanh{}},
		twin:   chain(smooth(sigmoid), conv(5, 3, 3, 1, 1, 0, 0, 0, 0), smooth(tanh)), out: nn.Shape{C: 5, H: 5, W: 4},
		params: 185,
	},
	{
		name:   "silu, conv, gelu", // SiLU(), Conv2d(4, 6, 1), GELU()
		layers: nn.Sequential{nn.SiLU{}, nn.Conv2D{Out: 6, Kernel: 1}, nn.GELU{}},
		twin:   chain(smooth(silu), conv(6, 1, 1, 1, 1, 0, 0, 0, 0), smooth(gelu)), out: nn.Shape{C: 6, H: 7, W: 6},
		params: 30,
	},
	{
		// Sigmoid(), Conv2d(3, 5, 1), Sigmoid(), Flatten(), Linear(210, 10), Sigmoid()
		name: "sigmoid first, of three channels; flatten, linear, sigmoid",
		layers: nn.Sequential{nn.Sigmoid{}, nn.Conv2D{Out: 5, Kernel: 1}, nn.Sigmoid{}, nn.Flatten{},
			nn.Linear{Out: 10}, nn.Sigmoid{}},
		twin: chain(smooth(sigmoid), conv(5, 1, 1, 1, 1, 0, 0, 0, 0), smooth(sigmoid), flatten, linear(10),
			smooth(sigmoid)),
		out: nn.Shape{C: 10, H: 1, W: 1, Flat: true}, params: 20 + 2110, first: 3,
	},
	{
		name: "nested residuals", // see Residual in nin/testdata/parity.py
		layers: nn.Sequential{
			nn.Residual{Body: nn.Sequential{
				nn.Conv2D{Out: 4, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{},
				nn.Residual{Body: nn.Conv2D{Out: 4, Kernel: 1}, Shortcut: nn.LeakyReLU{Slope: 0.5}},
			}}, nn.ReLU{},
		},
		twin: chain(residual(chain(conv(4, 3, 3, 1, 1, 1, 1, 1, 1), relu,
			residual(conv(4, 1, 1, 1, 1, 0, 0, 0, 0), leakyReLU(0.5))), chain()), relu),
		out: nn.Shape{C: 4, H: 7, W: 6}, params: 148 + 20,
	},
	{
		name:   "x + x", // lambda x: x + x
		layers: nn.Sequential{nn.Residual{Body: nn.Sequential{}}}, twin: residual(chain(), chain()),
		out: nn.Shape{C: 4, H: 7, W: 6},
	},
	{
		name: "branches of 5, 3 and 4 channels, and x twice", // torch.cat([...], 1)
		layers: nn.Sequential{nn.Concat{
			nn.Sequential{nn.Conv2D{Out: 5, Kernel: 1}, nn.ReLU{}}, nn.Conv2D{Out: 3, Kernel: 3, Pad: nn.Pad(1)},
			nn.AvgPool2D{Kernel: 3, Stride: 1, Pad: nn.Pad(1)}, nn.Sequential{}, nn.Sequential{},
		}, nn.Conv2D{Out: 4, Kernel: 1}},
		twin: chain(concat(chain(conv(5, 1, 1, 1, 1, 0, 0, 0, 0), relu), conv(3, 3, 3, 1, 1, 1, 1, 1, 1),
			avgPool(7, 6, 3, 3, 1, 1, 1, 1, 1, 1, true), chain(), chain()), conv(4, 1, 1, 1, 1, 0, 0, 0, 0)),
		out: nn.Shape{C: 4, H: 7, W: 6}, params: 25 + 111 + 84,
	},
	{
		// r = ReLU()(x); cat([conv(r), r, ReLU()(x)])
		name: "a relu that two layers read, and one whose input another layer reads",
		layers: nn.Sequential{nn.Concat{nn.Sequential{nn.ReLU{},
			nn.Concat{nn.Conv2D{Out: 4, Kernel: 1}, nn.Sequential{}}}, nn.ReLU{}, nn.Sequential{}}},
		twin: concat(chain(relu, concat(conv(4, 1, 1, 1, 1, 0, 0, 0, 0), chain())), relu, chain()),
		out:  nn.Shape{C: 16, H: 7, W: 6}, params: 20,
	},
	{
		name: "residual of unprocessed images", // of three channels
		layers: nn.Sequential{
			nn.Residual{Body: nn.Sequential{nn.Conv2D{Out: 3, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{}},
				Shortcut: nn.ReLU{}},
			nn.Concat{nn.MaxPool2D{Kernel: 2}, nn.MaxPool2D{Kernel: 2}}, nn.Conv2D{Out: 4, Kernel: 1},
		},
		twin: chain(residual(chain(conv(3, 3, 3, 1, 1, 1, 1, 1, 1), relu), relu),
			concat(maxPool(3, 3, 2, 2, 2, 2, 0, 0), maxPool(3, 3, 2, 2, 2, 2, 0, 0)), conv(4, 1, 1, 1, 1, 0, 0, 0, 0)),
		out: nn.Shape{C: 4, H: 3, W: 3}, params: 84 + 28, first: 3,
	},
	{
		name:   "conv, dropout, relu", // Conv2d(4, 5, 1), Dropout(0.3), ReLU()
		layers: nn.Sequential{nn.Conv2D{Out: 5, Kernel: 1}, nn.Dropout{P: 0.3}, nn.ReLU{}},
		twin:   chain(conv(5, 1, 1, 1, 1, 0, 0, 0, 0), dropout(0.3, 8), relu), out: nn.Shape{C: 5, H: 7, W: 6},
		params: 25,
	},
	{
		name:   "named layers", // Sequential(Conv2d(4, 5, 1), ReLU())
		layers: nn.Sequential{nn.Named{Name: "stem", Layer: nn.Sequential{nn.Conv2D{Out: 5, Kernel: 1}, nn.ReLU{}}}},
		twin:   chain(conv(5, 1, 1, 1, 1, 0, 0, 0, 0), relu), out: nn.Shape{C: 5, H: 7, W: 6}, params: 25,
	},
	{
		name:   "a block that builds its layers without Child", // Sequential(Conv2d(4, 5, 1), ReLU())
		layers: nn.Sequential{direct{}}, twin: chain(conv(5, 1, 1, 1, 1, 0, 0, 0, 0), relu),
		out: nn.Shape{C: 5, H: 7, W: 6}, params: 25,
	},
	{
		// relu(conv(relu(x))) + relu(leaky_relu(relu(x), 0.5))
		name:   "a block whose layers share its name, with one relu fused into a store",
		layers: nn.Sequential{shifted{}}, out: nn.Shape{C: 4, H: 7, W: 6}, params: 20,
		twin: residual(chain(relu, conv(4, 1, 1, 1, 1, 0, 0, 0, 0), relu), chain(relu, leakyReLU(0.5), relu)),
	},
	{
		name:   "a block that adds and joins tensors without Child", // c = conv(x); cat([relu(x + c) + x, c], 1)
		layers: nn.Sequential{tangled{}}, out: nn.Shape{C: 8, H: 7, W: 6}, params: 20,
		twin: func(tw *twin, x activation) activation {
			c := conv(4, 1, 1, 1, 1, 0, 0, 0, 0)(tw, x)
			is := func(a activation) layer { return func(*twin, activation) activation { return a } }
			return concat(chain(residual(is(x), is(c)), relu, residual(chain(), is(x))), is(c))(tw, x)
		},
	},
	{
		name:   "a block that depends on the number of images", // Sequential(Conv2d(4, 5, 1), LeakyReLU(0.25))
		layers: nn.Sequential{bySize{}}, out: nn.Shape{C: 5, H: 7, W: 6}, params: 25,
		twin: chain(conv(5, 1, 1, 1, 1, 0, 0, 0, 0), leakyReLU(0.25)),
	},
	{
		name:   "layers with the name of the input", // images.weight
		layers: nn.Sequential{named{nn.Sequential{nn.Conv2D{Out: 4, Kernel: 1}, nn.LeakyReLU{Slope: 0.5}}, nn.ReLU{}}},
		twin:   chain(conv(4, 1, 1, 1, 1, 0, 0, 0, 0), leakyReLU(0.5), relu), out: nn.Shape{C: 4, H: 7, W: 6},
		params: 20,
	},
	{
		name: "a custom block in another", // with layers called first and second
		layers: nn.Sequential{named{block{nn.Sequential{nn.ReLU{}, nn.Conv2D{Out: 5, Kernel: 1}}},
			named{nn.ReLU{}, nn.Conv2D{Out: 6, Kernel: 3}}}},
		twin: chain(relu, conv(5, 1, 1, 1, 1, 0, 0, 0, 0), relu, conv(6, 3, 3, 1, 1, 0, 0, 0, 0)),
		out:  nn.Shape{C: 6, H: 5, W: 4}, params: 25 + 276,
	},
	{
		name:   "max pool 2", // MaxPool2d(2)
		layers: nn.Sequential{nn.MaxPool2D{Kernel: 2}},
		twin:   maxPool(3, 3, 2, 2, 2, 2, 0, 0), out: nn.Shape{C: 4, H: 3, W: 3},
	},
	{
		name:   "max pool 3, stride 2, ceil", // MaxPool2d(3, 2, ceil_mode=True)
		layers: nn.Sequential{nn.MaxPool2D{Kernel: 3, Stride: 2, Ceil: true}},
		twin:   maxPool(3, 3, 3, 3, 2, 2, 0, 0), out: nn.Shape{C: 4, H: 3, W: 3},
	},
	{
		name: "relu, max pool 3x2, stride 2x1, padding", // ReLU(), MaxPool2d((3, 2), (2, 1), (1, 0))
		layers: nn.Sequential{nn.ReLU{},
			nn.MaxPool2D{Kernel: 3, KernelW: 2, Stride: 2, StrideW: 1, Pad: nn.Padding{Top: 1, Bottom: 1}}},
		twin: chain(relu, maxPool(4, 5, 3, 2, 2, 1, 1, 0)), out: nn.Shape{C: 4, H: 4, W: 5},
	},
	{
		name:   "max pool 3, stride 2, same", // ZeroPad2d((0, 1, 1, 1)) with -inf, MaxPool2d(3, 2)
		layers: nn.Sequential{nn.MaxPool2D{Kernel: 3, Stride: 2, Pad: nn.Same}},
		twin:   maxPool(4, 3, 3, 3, 2, 2, 1, 0), out: nn.Shape{C: 4, H: 4, W: 3},
	},
	{
		name:   "average pool 3, stride 2, padding", // AvgPool2d(3, 2, 1)
		layers: nn.Sequential{nn.AvgPool2D{Kernel: 3, Stride: 2, Pad: nn.Pad(1)}},
		twin:   avgPool(4, 3, 3, 3, 2, 2, 1, 1, 1, 1, true), out: nn.Shape{C: 4, H: 4, W: 3},
	},
	{
		// ReLU(), AvgPool2d(3, 2, 1, count_include_pad=False)
		name:   "relu, average pool 3, stride 2, padding that does not count",
		layers: nn.Sequential{nn.ReLU{}, nn.AvgPool2D{Kernel: 3, Stride: 2, Pad: nn.Pad(1), ExcludePad: true}},
		twin:   chain(relu, avgPool(4, 3, 3, 3, 2, 2, 1, 1, 1, 1, false)), out: nn.Shape{C: 4, H: 4, W: 3},
	},
	{
		name:   "average pool 3, stride 2, padding, ceil", // AvgPool2d(3, 2, 1, ceil_mode=True)
		layers: nn.Sequential{nn.AvgPool2D{Kernel: 3, Stride: 2, Pad: nn.Pad(1), Ceil: true}},
		twin:   avgPool(4, 4, 3, 3, 2, 2, 1, 1, 1, 1, true), out: nn.Shape{C: 4, H: 4, W: 4},
	},
	{
		name:   "average pool 3, stride 2, same as TensorFlow", // tf.nn.avg_pool2d(x, 3, 2, "SAME")
		layers: nn.Sequential{nn.AvgPool2D{Kernel: 3, Stride: 2, Pad: nn.Same, ExcludePad: true}},
		twin:   avgPool(4, 3, 3, 3, 2, 2, 1, 1, 0, 1, false), out: nn.Shape{C: 4, H: 4, W: 3},
	},
	{
		name:   "global average pool", // AdaptiveAvgPool2d((1, 1))
		layers: nn.Sequential{nn.GlobalAvgPool2D{}},
		twin:   avgPool(1, 1, 7, 6, 1, 1, 0, 0, 0, 0, true), out: nn.Shape{C: 4, H: 1, W: 1},
	},
	{
		name:   "relu, adaptive average pool to 3x4", // ReLU(), AdaptiveAvgPool2d((3, 4))
		layers: nn.Sequential{nn.ReLU{}, nn.AdaptiveAvgPool2D{H: 3, W: 4}},
		twin:   chain(relu, adaptivePool(3, 4)), out: nn.Shape{C: 4, H: 3, W: 4},
	},
	{
		name:   "adaptive average pool to more", // AdaptiveAvgPool2d(9)
		layers: nn.Sequential{nn.AdaptiveAvgPool2D{H: 9}}, twin: adaptivePool(9, 9), out: nn.Shape{C: 4, H: 9, W: 9},
	},
	{
		name:   "dropout with probability 0", // Dropout(0)
		layers: nn.Sequential{nn.Dropout{}}, twin: dropout(0, 4), out: nn.Shape{C: 4, H: 7, W: 6},
	},
	{
		name:   "relu, dropout", // ReLU(), Dropout(0.4)
		layers: nn.Sequential{nn.ReLU{}, nn.Dropout{P: 0.4}}, twin: chain(relu, dropout(0.4, 4)),
		out: nn.Shape{C: 4, H: 7, W: 6},
	},
	{
		name:   "conv, two dropouts", // Conv2d(4, 5, 3, padding=1), Dropout(0.4), Dropout(0.4)
		layers: nn.Sequential{nn.Conv2D{Out: 5, Kernel: 3, Pad: nn.Pad(1)}, nn.Dropout{P: 0.4}, nn.Dropout{P: 0.4}},
		twin:   chain(conv(5, 3, 3, 1, 1, 1, 1, 1, 1), dropout(0.4, 8), dropout(0.4, 8)),
		out:    nn.Shape{C: 5, H: 7, W: 6}, params: 185,
	},
	{
		name:   "flatten", // Flatten()
		layers: nn.Sequential{nn.Flatten{}}, twin: flatten, out: nn.Shape{C: 4, H: 7, W: 6, Flat: true},
	},
	{
		name:   "flatten, linear, relu", // Flatten(), Linear(168, 10), ReLU()
		layers: nn.Sequential{nn.Flatten{}, nn.Linear{Out: 10}, nn.ReLU{}},
		twin:   chain(flatten, linear(10), relu), out: nn.Shape{C: 10, H: 1, W: 1, Flat: true}, params: 1690,
	},
	{
		name:   "flatten, linear without bias", // Flatten(), Linear(168, 10, bias=False)
		layers: nn.Sequential{nn.Flatten{}, nn.Linear{Out: 10, NoBias: true}},
		twin:   unbiased(chain(flatten, linear(10))), out: nn.Shape{C: 10, H: 1, W: 1, Flat: true}, params: 1680,
	},
	{
		name:   "flatten of a relu", // ReLU(), Flatten()
		layers: nn.Sequential{nn.ReLU{}, nn.Flatten{}}, twin: chain(relu, flatten),
		out: nn.Shape{C: 4, H: 7, W: 6, Flat: true},
	},
	{
		name:   "relu and dropout of a vector", // Flatten(), ReLU(), Dropout(0.4)
		layers: nn.Sequential{nn.Flatten{}, nn.ReLU{}, nn.Dropout{P: 0.4}},
		twin:   chain(relu, dropout(0.4, 4), flatten), out: nn.Shape{C: 4, H: 7, W: 6, Flat: true},
	},
	{
		// Sequential(Sequential(Conv2d(4, 4, 5, 2, 2), ReLU()), Sequential(MaxPool2d(2)))
		name: "sequential in sequential",
		layers: nn.Sequential{nn.Sequential{
			nn.Sequential{nn.Conv2D{Out: 4, Kernel: 5, Stride: 2, Pad: nn.Pad(2)}, nn.ReLU{}},
			nn.Sequential{nn.MaxPool2D{Kernel: 2}},
		}},
		twin: chain(conv(4, 5, 5, 2, 2, 2, 2, 2, 2), relu, maxPool(2, 1, 2, 2, 2, 2, 0, 0)),
		out:  nn.Shape{C: 4, H: 2, W: 1}, params: 404,
	},
	{
		// MaxPool2d(2), Dropout(0.4), ReLU(), AvgPool2d(2, 1), Conv2d(3, 4, 1)
		name: "pools, dropout and relu first, of three channels",
		layers: nn.Sequential{
			nn.MaxPool2D{Kernel: 2}, nn.Dropout{P: 0.4}, nn.ReLU{}, nn.AvgPool2D{Kernel: 2, Stride: 1},
			nn.Conv2D{Out: 4, Kernel: 1},
		},
		twin: chain(maxPool(3, 3, 2, 2, 2, 2, 0, 0), dropout(0.4, 3), relu, avgPool(2, 2, 2, 2, 1, 1, 0, 0, 0, 0, true),
			conv(4, 1, 1, 1, 1, 0, 0, 0, 0)),
		out: nn.Shape{C: 4, H: 2, W: 2}, params: 16, first: 3,
	},
}

// Every exported type of the package that implements nn.Layer is in nn.Layers, which Parse and the
// random networks of TestTextReadsBack use.
func TestLayersListsAll(t *testing.T) {
	listed := map[string]bool{}
	for _, l := range nn.Layers() {
		listed[reflect.TypeOf(l).Name()] = true
	}
	paths, err := filepath.Glob("*.go")
	require.NoError(t, err)
	fset := token.NewFileSet()
	var files []*ast.File
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			files = append(files, f)
		}
	}
	// Without an importer, types of other packages are errors, but those of this one are complete.
	conf := types.Config{Error: func(error) {}}
	pkg, _ := conf.Check("nn", fset, files, nil)
	layer := pkg.Scope().Lookup("Layer").Type().Underlying().(*types.Interface)
	for _, name := range pkg.Scope().Names() {
		o, ok := pkg.Scope().Lookup(name).(*types.TypeName)
		if ok && o.Exported() && !types.IsInterface(o.Type()) && types.Implements(types.NewPointer(o.Type()), layer) {
			assert.True(t, listed[name], "nn.%s is a layer: add %s{} to Layers in text.go", name, name)
			delete(listed, name)
		}
	}
	assert.Empty(t, listed, "not found among the package's types")
}

// Every layer has a row in layerCases.
func TestLayerCasesHaveAll(t *testing.T) {
	text := "; batchnorm" // TestBatchNormIsPyTorchs compares its steps with PyTorch's
	for _, c := range layerCases {
		text += "; " + nn.Text(c.layers)
	}
	for _, l := range nn.Layers() {
		name, _, _ := strings.Cut(nn.Text(l), " ")
		assert.True(t, regexp.MustCompile(`[;(] ?`+name+`\b`).MatchString(text),
			"no test covers %T: add a row to layerCases in layers_test.go", l)
	}
}

// TestLayers checks the shape and the parameters of each layer. It also compares the loss and the
// gradients of a small network around the layer, on real images, with those of a twin.
func TestLayers(t *testing.T) {
	dev := gputest.Device(t)
	for _, c := range layerCases {
		t.Run(c.name, func(t *testing.T) {
			in := nn.Shape{C: 4, H: 7, W: 6}
			if c.first > 0 {
				in.C = c.first
			}
			out, err := nn.OutShape(c.layers, in)
			require.NoError(t, err)
			assert.Equal(t, c.out, out)
			params, err := nn.Params(c.layers, in)
			require.NoError(t, err)
			assert.Equal(t, c.params, params)

			var l nn.Sequential
			formula := chain()
			if c.first == 0 {
				in.C = 1
				l = append(l, nn.Conv2D{Out: 4, Kernel: 3, Pad: nn.Pad(1)})
				formula = conv(4, 3, 3, 1, 1, 1, 1, 1, 1)
			}
			l = append(l, c.layers...)
			classes := 10
			switch {
			case c.out.Flat && c.out.Len() == classes: // logits
				formula = chain(formula, c.twin)
			case c.out.Flat:
				l = append(l, nn.Linear{Out: 10})
				formula = chain(formula, c.twin, linear(10))
			default:
				classes = c.out.C
				l = append(l, nn.Dropout{P: 0.5}, nn.GlobalAvgPool2D{}, nn.Flatten{})
				mean := avgPool(1, 1, c.out.H, c.out.W, 1, 1, 0, 0, 0, 0, true)
				formula = chain(formula, c.twin, dropout(0.5, shaders.RoundUp(classes, 4)), mean)
			}

			set := crops(t, 8, in.C, in.H, in.W)
			set.Labels = slices.Clone(set.Labels)
			for i := range set.Labels {
				set.Labels[i] %= uint8(classes)
			}
			cfg := nn.TrainConfig{Hyper: nn.Hyper{Batch: 8, Epochs: 1, Rate: 0, Seed: 5}}
			net, images := build(t, dev, l, set)
			weights, err := net.Weights()
			require.NoError(t, err)
			loss, gradients := gradient(t, net, images, cfg)

			tw := &twin{t: t, params: weights, seed: uint32(cfg.Seed), step: 1}
			want, tolerance := tw.backward(formula(tw, tw.input(set)), set)
			assert.InDelta(t, want, loss, tolerance)
			worst := tw.compare(gradients)
			t.Logf("loss %.5f, off by %.2g times its tolerance %.2g; gradients by up to %.2g times theirs", want,
				math.Abs(loss-want)/tolerance, tolerance, worst)
		})
	}
}

// build returns a net of l, initialised like PyTorch's with seed 1, and uploads the set.
func build(t testing.TB, dev *gpu.Device, l nn.Layer, set *data.Images) (*nn.Net, *nn.Images) {
	net, err := nn.NewNet(dev, l, nn.Shape{C: set.C, H: set.H, W: set.W})
	require.NoError(t, err)
	t.Cleanup(net.Close)
	require.NoError(t, net.Init(nn.PyTorch, 1))
	images, err := nn.Upload(dev, set)
	require.NoError(t, err)
	t.Cleanup(images.Close)
	return net, images
}

// gradient runs a step, and returns its loss and its gradients.
func gradient(t testing.TB, net *nn.Net, images *nn.Images, cfg nn.TrainConfig) (float64, []safetensors.Tensor) {
	cfg.Steps = 1
	losses := steps(t, net, images, cfg)
	gradients, err := net.Gradients()
	require.NoError(t, err)
	return losses[0], gradients
}

// steps trains the net, and returns the losses.
func steps(t testing.TB, net *nn.Net, images *nn.Images, cfg nn.TrainConfig) (losses []float64) {
	trainer, err := nn.NewTrainer(net, images, cfg)
	require.NoError(t, err)
	defer trainer.Close()
	for step, err := range trainer.Steps(context.Background()) {
		require.NoError(t, err)
		losses = append(losses, step.Loss)
	}
	require.Len(t, losses, trainer.Total())
	return losses
}
