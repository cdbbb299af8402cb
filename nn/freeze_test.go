package nn_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/safetensors"
	reluop "wgnin/shaders/relu"
)

// thawing has each kind of layer with weights, and blocks whose branches can be frozen separately.
// Its normalisation learns in TestFreeze, because a frozen one computes something else.
var thawing = nn.Sequential{
	nn.Conv2D{Out: 6, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{}, // 0
	// 2
	nn.Residual{Body: nn.Sequential{nn.Conv2D{Out: 6, Kernel: 3, Pad: nn.Pad(1), Groups: 2}, nn.ReLU{},
		nn.Conv2D{Out: 6, Kernel: 1, NoBias: true}}},
	nn.MaxPool2D{Kernel: 2},
	// 4
	nn.Concat{nn.Conv2D{Out: 5, Kernel: 1}, nn.Sequential{nn.Conv2D{Out: 4, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{}},
		nn.Sequential{}},
	nn.Dropout{P: 0.3},
	nn.Conv2D{Out: 8, Kernel: 1}, nn.ReLU{}, // 6
	nn.Conv2D{Out: 8, Kernel: 3, Pad: nn.Pad(1)}, nn.BatchNorm2D{}, nn.ReLU{}, // 8
	nn.Flatten{}, nn.Linear{Out: 12}, nn.ReLU{}, nn.Linear{Out: 10}, // 12, 14
}

// frozen returns a net of l with PyTorch's weights of seed 1.
func frozen(t *testing.T, dev *gpu.Device, l nn.Layer, set *data.Images, prefixes ...string) *nn.Net {
	net, err := nn.NewNet(dev, l, nn.Shape{C: set.C, H: set.H, W: set.W}, nn.Freeze(prefixes...))
	require.NoError(t, err)
	t.Cleanup(net.Close)
	require.NoError(t, net.Init(nn.PyTorch, 1))
	return net
}

func byName(ts []safetensors.Tensor) map[string][]float32 {
	all := map[string][]float32{}
	for _, t := range ts {
		all[t.Name] = t.Data
	}
	return all
}

// TestFreeze checks that the weights that learn have the same gradients as with nothing frozen, to
// the bit. The frozen ones have no gradients, cost neither a gradient kernel nor memory, and do not
// change.
func TestFreeze(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 8, 1, 8, 6)
	images, err := nn.Upload(dev, set)
	require.NoError(t, err)
	defer images.Close()
	cfg := nn.TrainConfig{Hyper: nn.Hyper{Batch: 8, Epochs: 5, Rate: 0, Seed: 5}}
	net := frozen(t, dev, thawing, set)
	_, whole := gradient(t, net, images, cfg)
	want := byName(whole)
	trainer, err := nn.NewTrainer(net, images, cfg)
	require.NoError(t, err)
	all := trainer.ArenaBytes()
	trainer.Close()

	for _, c := range []struct {
		freeze string
		silent []string // layers without a backward pass
	}{
		{"0", []string{"0"}},
		{"net.0,2", []string{"0", "2", "2.body.0", "2.body.2", "3"}},
		{"14", nil},
		{"2.body.0,4.1,12", nil},
		{"0,2,4.0", []string{"0", "2.body.0", "2.body.2", "3", "4.0"}},
		{"0,2,4,6,12,14", []string{"0", "2.body.0", "2.body.2", "3", "4", "4.0", "4.1.0", "5", "6"}},
		{"0,2.body.2", []string{"0"}},
		{"8", nil},
	} {
		t.Run(c.freeze, func(t *testing.T) {
			net := frozen(t, dev, thawing, set, strings.Split(c.freeze, ",")...)
			before, err := net.Weights()
			require.NoError(t, err)
			_, got := gradient(t, net, images, cfg)
			held := map[string]bool{}
			for _, name := range net.Frozen() {
				held[name] = true
			}
			require.Len(t, got, len(whole)-len(held))
			for _, g := range got {
				assert.False(t, held[g.Name], g.Name)
				assert.Equal(t, want[g.Name], g.Data, g.Name)
			}

			for _, h := range []nn.Hyper{
				{Batch: 8, Epochs: 3, Rate: 0.05, Momentum: 0.9, WeightDecay: 0.1, Seed: 5},
				{Batch: 8, Epochs: 3, Rate: 0.05, Optimizer: nn.AdamW, WeightDecay: 0.1, Seed: 5},
			} {
				steps(t, net, images, nn.TrainConfig{Hyper: h})
			}
			after, err := net.Weights()
			require.NoError(t, err)
			for i, w := range after {
				if held[w.Name] {
					assert.Equal(t, before[i].Data, w.Data, w.Name)
				} else {
					assert.NotEqual(t, before[i].Data, w.Data, w.Name)
				}
			}

			trainer, err := nn.NewTrainer(net, images,
				nn.TrainConfig{Hyper: nn.Hyper{Batch: 8, Epochs: 1, Momentum: 0.9}})
			require.NoError(t, err)
			defer trainer.Close()
			assert.LessOrEqual(t, trainer.ArenaBytes(), all)
			assert.Equal(t, net.GradientBytes(), trainer.StateBytes())
			assert.Less(t, net.GradientBytes(), net.Bytes())
			_, state, err := trainer.State()
			require.NoError(t, err)
			assert.Len(t, state, len(got))
			require.NoError(t, trainer.SetState(0, state))
			seen := map[string]bool{} // dispatches after the loss, by layer
			_, backward, _ := strings.Cut(trainer.String(), "softmaxxent")
			for _, line := range strings.Split(backward, "\n") {
				path, _, _ := strings.Cut(line, " ")
				seen[path] = true
			}
			for _, path := range c.silent {
				assert.False(t, seen[path], "layer %s has a backward pass", path)
			}
		})
	}
}

// TestFreezeBatchNorm checks that a frozen normalisation computes the same in training as outside,
// keeps its running moments, and passes the gradient on.
func TestFreezeBatchNorm(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 8, 1, 8, 6)
	images, err := nn.Upload(dev, set)
	require.NoError(t, err)
	defer images.Close()
	l := nn.Sequential{
		nn.Conv2D{Out: 6, Kernel: 3}, nn.BatchNorm2D{}, nn.ReLU{}, nn.Conv2D{Out: 10, Kernel: 1}, nn.BatchNorm2D{},
		nn.GlobalAvgPool2D{}, nn.Flatten{},
	}
	net := frozen(t, dev, l, set, "1", "4")
	weights, err := net.Weights()
	require.NoError(t, err)
	for _, w := range weights { // like after a training
		for i := range w.Data {
			switch {
			case strings.HasSuffix(w.Name, "running_mean"):
				w.Data[i] = 0.1 * float32(i%3)
			case strings.HasSuffix(w.Name, "running_var"):
				w.Data[i] = 0.5 + 0.25*float32(i%4)
			}
		}
	}
	require.NoError(t, net.SetWeights(weights))
	eval, err := nn.NewEvaluator(net, images, 8)
	require.NoError(t, err)
	defer eval.Close()
	tested, err := eval.Run(t.Context())
	require.NoError(t, err)
	trained := steps(t, net, images, nn.TrainConfig{Hyper: nn.Hyper{Batch: 8, Epochs: 1, Rate: 0.5}})
	assert.InDelta(t, tested.Loss, trained[0], 1e-6) // the same kernels, but a different computation of the mean
	assert.False(t, net.HasState(), "each part of a batch is normalised in the same way")

	// Compare the gradient of the first weights with a difference of losses. The loss is below 4
	// and has a relative error of a few units in the last place, 2^-24. Divided by the step, that
	// is 1e-6/0.02.
	gradients, err := net.Gradients()
	require.NoError(t, err)
	require.Equal(t, []string{"net.0.weight", "net.0.bias", "net.3.weight", "net.3.bias"}, tensorNames(gradients))
	const h = 0x1p-6
	for _, i := range []int{0, 17, 53} {
		loss := func(d float32) float64 {
			moved := weights[0].Data[i]
			weights[0].Data[i] += d
			defer func() { weights[0].Data[i] = moved }()
			require.NoError(t, net.SetWeights(weights))
			r, err := eval.Run(t.Context())
			require.NoError(t, err)
			return r.Loss
		}
		assert.InDelta(t, (loss(h)-loss(-h))/(2*h), gradients[0].Data[i], 1e-3, "element %d", i)
	}
	after, err := net.Weights()
	require.NoError(t, err)
	for i, w := range after[2:6] {
		assert.Equal(t, weights[2+i].Data, w.Data, w.Name)
	}
}

func tensorNames(ts []safetensors.Tensor) (all []string) {
	for _, t := range ts {
		all = append(all, t.Name)
	}
	return all
}

// TestFreezeProbe checks that a probe shows the gradients that flow through frozen layers, but not
// those of their weights.
func TestFreezeProbe(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 8, 1, 8, 6)
	net := frozen(t, dev, thawing, set, "0", "2", "8")
	probe, err := nn.NewProbe(net)
	require.NoError(t, err)
	defer probe.Close()
	require.NoError(t, probe.SetImage(set, 0))
	require.NoError(t, probe.Run(true))
	for _, l := range probe.Layers {
		held := l.Path == "0" || l.Path == "8" || strings.HasPrefix(l.Path, "2")
		assert.False(t, l.Output.Grad.IsZero(), l.Path)
		if !l.Weight.IsZero() {
			assert.Equal(t, held, l.WeightGrad.IsZero(), l.Path)
		}
	}
}

// forgetful is a user's layer that does not check whether its weights learn. It declares them
// before its output or, if late, after it.
type forgetful struct{ late bool }

func (f forgetful) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	s := reluop.Shape{Elems: g.Pixels(x) * x.Stride}
	weight := nn.WeightTensor{Name: "weight", Shape: []int{s.Elems}, FanIn: 1, FanOut: 1}
	var w nn.Weights
	if !f.late {
		w = g.Weights(s.Elems, weight)
	}
	y := g.Output(x.Shape, x.Stride)
	if f.late {
		w = g.Weights(s.Elems, weight)
	}
	s.Forward().Record(g.Recorder(), reluop.ForwardArgs[gpu.View]{X: x.Data, Y: y.Data})
	g.Backward(func() {
		s.Backward().Record(g.Recorder(), reluop.BackwardArgs[gpu.View]{Y: y.Data, DY: y.Grad, DX: w.Grad})
		if dX := g.Gradient(x); !dX.IsZero() {
			s.Backward().Record(g.Recorder(), reluop.BackwardArgs[gpu.View]{Y: y.Data, DY: y.Grad, DX: dX})
		}
	})
	return y
}

func TestFreezeRefuses(t *testing.T) {
	dev := gputest.Device(t)
	before, _ := dev.Usage()
	for _, c := range []struct {
		freeze []string
		says   []string
	}{
		{[]string{"1"}, []string{`Freeze is "1"; want the beginning of a weight's name; `, "0, 2, 4, 6, 8, 9, 12, 14"}},
		{[]string{"01"}, []string{`Freeze is "01"; want the beginning`}},
		{[]string{"0", "2.bady.0"}, []string{`Freeze is "2.bady.0"; want`,
			"the nearest is 2.body.0 (of 0, 2, 2.body, 2.body.0, 2.body.2, 4,"}},
		{[]string{""}, []string{`Freeze is ""; want`}},
		{[]string{"2.body.0.weight"},
			[]string{"Freeze is 2.body.0.weight; want whole layers such as 2.body.0: 2.body.0.bias would learn without 2.body.0.weight"}},
		{[]string{"9.running_mean"}, []string{`Freeze is "9.running_mean"; want`}},
		{[]string{"net"}, []string{"Freeze is net; want less: it leaves no layer to learn"}},
	} {
		_, err := nn.NewNet(dev, thawing, nn.Shape{C: 1, H: 8, W: 6}, nn.Freeze(c.freeze...))
		assertOneLine(t, err, c.says...)
	}
	for _, c := range []struct {
		layer  forgetful
		freeze string
		says   string
	}{
		{forgetful{}, "1", "layer 1: relu/backward: argument DX has no buffer"},
		{forgetful{late: true}, "0",
			"layer 1 (nn_test.forgetful ?) on [4,8,6]: it declares weights after the output that they make; want them before"},
	} {
		l := nn.Sequential{nn.Conv2D{Out: 4, Kernel: 1}, c.layer, nn.Flatten{}, nn.Linear{Out: 10}}
		_, err := nn.NewNet(dev, l, nn.Shape{C: 1, H: 8, W: 6}, nn.Freeze(c.freeze))
		assertOneLine(t, err, c.says)
	}
	after, _ := dev.Usage()
	assert.Equal(t, before, after, "buffers")
}
