package nn_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/safetensors"
	"wgnin/shaders"
	reluop "wgnin/shaders/relu"
)

// block is a user's type that consists of layers, by embedding Sequential.
type block struct{ nn.Sequential }

// named is a user's type that names the layers inside it.
type named struct{ first, second nn.Layer }

func (n named) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	return g.Child("second", n.second, g.Child("first", n.first, x))
}

// direct calls the Build of the layers inside it, so they share its name.
type direct struct{}

func (direct) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	return nn.ReLU{}.Build(g, nn.Conv2D{Out: 5, Kernel: 1}.Build(g, x))
}

// shifted computes y = ReLU(conv(ReLU(x))) + ReLU(-2 ReLU(x)). It builds the ReLUs itself instead
// of with Child. One of them is fused into another kernel.
type shifted struct{}

func (shifted) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	a := nn.ReLU{}.Build(g, x)
	c := nn.Conv2D{Out: 4, Kernel: 1}.Build(g, a)
	p := nn.LeakyReLU{Slope: 0.5}.Build(g, a)
	return nn.Residual{Body: wrong{build: func(g *nn.Graph, _ *nn.Tensor) *nn.Tensor { return nn.ReLU{}.Build(g, c) }},
		Shortcut: wrong{build: func(g *nn.Graph, _ *nn.Tensor) *nn.Tensor { return nn.ReLU{}.Build(g, p) }}}.Build(g, x)
}

// tangled reads one tensor in three ways, without Child: y = [ReLU(x + conv(x)) + x, conv(x)].
type tangled struct{}

func (tangled) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	c := nn.Conv2D{Out: 4, Kernel: 1}.Build(g, x)
	return g.Concat(g.Add(nn.ReLU{}.Build(g, g.Add(x, c)), x), c)
}

// bySize is a ReLU for one image, and a LeakyReLU of 0.25 for several.
type bySize struct{}

func (bySize) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	c := g.Child("conv", nn.Conv2D{Out: 5, Kernel: 1}, x)
	if g.N == 1 {
		return g.Child("act", nn.ReLU{}, c)
	}
	return g.Child("act", nn.LeakyReLU{Slope: 0.25}, c)
}

func names(t *testing.T, l nn.Layer, in nn.Shape) (names []string, params int) {
	d, err := nn.Describe(l, in)
	require.NoError(t, err)
	for _, l := range d.Layers {
		for _, w := range l.Weights {
			names = append(names, strings.TrimPrefix(l.Path+"."+w.Name, "."))
		}
	}
	return names, d.Params()
}

// TestNames checks that weights have the names that torch gives for the same classes, whatever type
// builds them.
func TestNames(t *testing.T) {
	conv := nn.Conv2D{Out: 4, Kernel: 3}
	in := nn.Shape{C: 4, H: 9, W: 9}
	got, params := names(t,
		nn.Sequential{conv, block{nn.Sequential{nn.ReLU{}, named{conv, block{nn.Sequential{conv}}}}}}, in)
	assert.Equal(t, []string{"0.weight", "0.bias", "1.1.first.weight", "1.1.first.bias", "1.1.second.0.weight",
		"1.1.second.0.bias"}, got)
	assert.Equal(t, 3*(4*4*9+4), params)
	got, _ = names(t, nn.Sequential{nn.Named{Name: "stem", Layer: nn.Sequential{conv}},
		nn.Concat{nn.Named{Name: "a", Layer: nn.Named{Name: "b", Layer: conv}}, conv}}, in)
	assert.Equal(t, []string{"stem.0.weight", "stem.0.bias", "1.a.b.weight", "1.a.b.bias", "1.1.weight", "1.1.bias"},
		got)
	got, _ = names(t, nn.Named{Name: "net", Layer: conv}, in)
	assert.Equal(t, []string{"net.weight", "net.bias"}, got)
	got, params = names(t, nn.Linear{Out: 3}, nn.Shape{C: 2, H: 3, W: 1, Flat: true})
	assert.Equal(t, []string{"weight", "bias"}, got)
	assert.Equal(t, 21, params)
}

// wrong builds something that a layer may not build.
type wrong struct {
	nn.Layer
	build func(g *nn.Graph, x *nn.Tensor) *nn.Tensor
}

func (w wrong) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor { return w.build(g, x) }

// pointer is a layer whose Build dereferences it.
type pointer struct{ conv nn.Conv2D }

func (p *pointer) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor { return g.Child("a", p.conv, x) }

// rectified is a ReLU without its backward pass.
func rectified(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	y := g.OutputLike(x, x.Shape)
	reluop.Shape{Elems: g.Pixels(x) * x.Stride}.Forward().Record(g.Recorder(),
		reluop.ForwardArgs[gpu.View]{X: x.Data, Y: y.Data})
	return y
}

// TestWrongLayersAreRefused checks that NewNet refuses wrong layers with one line that names the
// layer.
func TestWrongLayersAreRefused(t *testing.T) {
	dev := gputest.Device(t)
	weight := func(name string, shape ...int) nn.WeightTensor {
		return nn.WeightTensor{Name: name, Shape: shape, FanIn: 1, FanOut: 1}
	}
	far := weight("weight", 2)
	far.Place = func(i int) int { return 7 * i }
	conv := nn.Conv2D{Out: 4, Kernel: 1}
	for says, build := range map[string]func(g *nn.Graph, x *nn.Tensor) *nn.Tensor{
		"no output":         func(*nn.Graph, *nn.Tensor) *nn.Tensor { return nil },
		`weights called ""`: func(g *nn.Graph, x *nn.Tensor) *nn.Tensor { g.Weights(4, weight("", 4)); return x },
		`weights called "a.b"`: func(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
			g.Weights(4, weight("a.b", 4))
			return x
		},
		`weights called "a"`: func(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
			g.Weights(8, weight("a", 4), weight("a", 4))
			return x
		},
		"is [0]": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
			g.Weights(4, weight("weight", 0))
			return x
		},
		"5 weights in 4 values": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
			g.Weights(4, weight("weight", 5))
			return x
		},
		"weights twice": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
			g.Weights(4, weight("a", 4))
			g.Weights(4, weight("b", 4))
			return x
		},
		"lies at 7 of 4 values": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor { g.Weights(4, far); return x },
		"lies at 0 of 4 values": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
			g.Weights(4, weight("a", 2), weight("b", 2))
			return x
		},
		"two layers called 1.a": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
			return g.Child("a", conv, g.Child("a", conv, x))
		},
		"without dots": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor { return g.Child("a.b", conv, x) },
		"nothing uses its output": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
			g.Child("a", conv, x)
			return g.Child("b", conv, x)
		},
		"stride of at least that": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor { return g.Output(x.Shape, 3) },
		"want the same channels": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
			return g.View(x, nn.Shape{C: 5, H: 4, W: 5})
		},
		"multiple of 4":        func(g *nn.Graph, x *nn.Tensor) *nn.Tensor { return g.Output(x.Shape, 6) },
		"builds layer a on no": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor { return g.Child("a", conv, nil) },
		"a view of no tensor":  func(g *nn.Graph, x *nn.Tensor) *nn.Tensor { return g.View(nil, x.Shape) },
		"Build panicked":       func(g *nn.Graph, x *nn.Tensor) *nn.Tensor { return (*pointer)(nil).Build(g, x) },
		"returned no output":   func(g *nn.Graph, x *nn.Tensor) *nn.Tensor { return &nn.Tensor{Shape: x.Shape} },
		"fans 0 and 0": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
			g.Weights(4, nn.WeightTensor{Name: "a", Shape: []int{4}})
			return x
		},
		"either PassGradient or": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
			y := rectified(g, x)
			g.Backward(func() { g.PassGradient(x, y); g.Gradient(x) })
			return y
		},
		"wrote its gradient": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor { return rectified(g, x) },
		"before anything wrote it": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor { // written too late
			y, dX := rectified(g, x), g.Gradient(x)
			g.Backward(func() {
				reluop.Shape{Elems: g.Pixels(x) * x.Stride}.Backward().Record(g.Recorder(),
					reluop.BackwardArgs[gpu.View]{Y: y.Data, DY: dX, DX: y.Grad})
			})
			return y
		},
		"uses its output": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor { // only in training
			y := g.Child("a", conv, x)
			if !g.Training {
				y = x
				g.Child("b", conv, x)
			}
			return y
		},
		"put the Residual before Flatten": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
			return g.Child("a", nn.Sequential{nn.Flatten{}, nn.Residual{Body: nn.Linear{Out: 100}}}, x)
		},
		"a view of [4,5,5]": func(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
			return g.View(x, nn.Shape{C: 1, H: 1, W: 1})
		},
	} {
		t.Run(says, func(t *testing.T) {
			net, err := nn.NewNet(dev, nn.Sequential{
				nn.Conv2D{Out: 4, Kernel: 3}, wrong{build: build}, nn.GlobalAvgPool2D{}, nn.Flatten{},
				nn.Linear{Out: 10},
			}, nn.Shape{C: 1, H: 7, W: 7})
			assertOneLine(t, err, "layer ", says)
			net.Close()
		})
	}
}

// TestChangingLayersAreRefused checks that a layer is refused if it declares different weights on
// the device than in its description.
func TestChangingLayersAreRefused(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 4, 1, 7, 6)
	out := 4
	net, images := build(t, dev, nn.Sequential{
		wrong{build: func(g *nn.Graph, x *nn.Tensor) *nn.Tensor { return nn.Conv2D{Out: out, Kernel: 3}.Build(g, x) }},
		nn.GlobalAvgPool2D{}, nn.Flatten{}, nn.Linear{Out: 10},
	}, set)
	out = 5
	_, err := nn.NewTrainer(net, images, nn.TrainConfig{Hyper: nn.Hyper{Batch: 4, Epochs: 1, Rate: 0.1}})
	assertOneLine(t, err, "layer 0 (nn_test.wrong ?)", "other weights")
}

// counter is a layer with running state: the number of images on which it was trained.
type counter struct{}

type counterArgs struct {
	Batch gpu.View `wgsl:"uniform Batch"`
	Count gpu.View `wgsl:"update array<f32>"`
}

func (counter) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	count := g.State(1, nn.WeightTensor{Name: "images", Shape: []int{1}})
	if g.Training {
		gpu.Kernel[counterArgs]{
			Name: "test/counter", Groups: 1, Lanes: 1,
			Source: shaders.BatchStruct +
				"fn run(group : u32, lane : u32) { count[0] = count[0] + f32(batch.rows); }\n",
		}.Record(g.Recorder(), counterArgs{g.Batch, count})
	}
	return g.View(x, x.Shape)
}

// TestState checks that state is saved and loaded with the weights, is not counted as parameters,
// and is changed neither by the optimizer nor by an evaluation.
func TestState(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 10, 1, 7, 6)
	layers := nn.Sequential{nn.Conv2D{Out: 4, Kernel: 3}, counter{}, nn.GlobalAvgPool2D{}, nn.Flatten{},
		nn.Linear{Out: 10}}
	net, images := build(t, dev, layers, set)
	assert.Equal(t, 4*9+4+4*10+10, net.Params())
	state := func(n *nn.Net) (float32, []safetensors.Tensor) {
		ts, err := n.Weights()
		require.NoError(t, err)
		require.Len(t, ts, 5)
		assert.Equal(t, "net.1.images", ts[2].Name)
		return ts[2].Data[0], ts
	}
	before, _ := state(net)
	assert.Zero(t, before)
	steps(t, net, images,
		nn.TrainConfig{Hyper: nn.Hyper{Batch: 5, Epochs: 3, Rate: 0.1, Momentum: 0.9, WeightDecay: 0.5}, MicroBatch: 3})
	after, ts := state(net)
	assert.EqualValues(t, 30, after)
	gradients, err := net.Gradients()
	require.NoError(t, err)
	assert.Len(t, gradients, 4)

	again, err := nn.NewNet(dev, layers, nn.Shape{C: 1, H: 7, W: 6})
	require.NoError(t, err)
	defer again.Close()
	assertOneLine(t, again.SetWeights(append(ts[:2:2], ts[3:]...)), "net.1.images is missing")
	require.NoError(t, again.SetWeights(ts))
	eval, err := nn.NewEvaluator(again, images, 4)
	require.NoError(t, err)
	defer eval.Close()
	_, err = eval.Run(t.Context())
	require.NoError(t, err)
	loaded, _ := state(again)
	assert.EqualValues(t, 30, loaded)
}
