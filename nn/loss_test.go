package nn_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
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

// crossEntropy computes PyTorch's formula in float64, from the logits of the images at places:
// their mean loss, and the sum of its gradient over them.
func crossEntropy(c nn.CrossEntropy, set *data.Images, logits [][]float32, places []int) (loss float64,
	gradient []float64) {
	classes := len(logits[0])
	gradient = make([]float64, classes)
	sum := 0.0
	for _, n := range places {
		exps := 0.0
		for _, v := range logits[n] {
			exps += math.Exp(float64(v))
		}
		weight := func(c int) float64 { return 1 }
		if len(c.ClassWeights) > 0 {
			weight = func(k int) float64 { return c.ClassWeights[k] }
		}
		label := set.Label(n)
		sum += weight(label)
		for k := range classes {
			share := c.LabelSmoothing / float64(classes) * weight(k)
			if k == label {
				share += (1 - c.LabelSmoothing) * weight(k)
			}
			loss += share * (math.Log(exps) - float64(logits[n][k]))
			for j, v := range logits[n] {
				gradient[j] += share * math.Exp(float64(v)) / exps
			}
			gradient[k] -= share
		}
	}
	for k := range gradient {
		gradient[k] /= sum
	}
	return loss / sum, gradient
}

// TestCrossEntropyOfABatch checks that the weighted mean is over the whole batch, however the batch
// is composed or split, and for the smaller last batch too. An evaluation has another loss, or the
// same on request. The tolerance is that of PyTorch's float32 sums of ten terms: 1e-6.
func TestCrossEntropyOfABatch(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 10, 1, 7, 6)
	net, images := build(t, dev, nn.Sequential{nn.Conv2D{Out: 4, Kernel: 3}, nn.ReLU{}, nn.Flatten{},
		nn.Linear{Out: 10}}, set)
	require.NoError(t, net.Init(nn.He, 3))
	weights := []float64{1, 0.25, 3, 0.7, 2, 1.5, 0.1, 5, 1, 0.9}
	for _, c := range []nn.CrossEntropy{
		{}, {ClassWeights: []float64{}}, {LabelSmoothing: 0.2}, {ClassWeights: weights},
		{LabelSmoothing: 0.2, ClassWeights: weights},
	} {
		eval, err := nn.NewEvaluator(net, images, 4, c)
		require.NoError(t, err)
		defer eval.Close()
		logits, err := eval.Logits(0, 10)
		require.NoError(t, err)
		measured, err := eval.Run(context.Background())
		require.NoError(t, err)
		want, _ := crossEntropy(c, set, logits, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
		assert.InDelta(t, want, measured.Loss, 1e-6)
		for _, micro := range []int{6, 4, 1} {
			for _, shuffle := range []bool{false, true} {
				t.Run(fmt.Sprintf("%+v parts of %d shuffled %t", c, micro, shuffle), func(t *testing.T) {
					trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{
						Hyper: nn.Hyper{Batch: 6, Epochs: 2, Seed: 5, Shuffle: shuffle}, Loss: c, MicroBatch: micro,
						SettleEvery: 1,
					})
					require.NoError(t, err)
					defer trainer.Close()
					for s, err := range trainer.Steps(context.Background()) {
						require.NoError(t, err)
						order := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
						if shuffle {
							order = rand.New(rand.NewPCG(5, uint64(s.Epoch))).Perm(10)
						}
						want, wantGradient := crossEntropy(c, set, logits, order[(s.Step-1)%2*6:][:s.Images])
						assert.InDelta(t, want, s.Loss, 1e-6)
						gradients, err := net.Gradients()
						require.NoError(t, err)
						for k, v := range gradients[3].Data { // of the last bias
							assert.InDelta(t, wantGradient[k], v, 1e-6)
						}
					}
				})
			}
		}
	}
	for want, c := range map[string]nn.CrossEntropy{
		"LabelSmoothing is 1; want 0 <= smoothing < 1":             {LabelSmoothing: 1},
		"LabelSmoothing is NaN":                                    {LabelSmoothing: math.NaN()},
		"ClassWeights is 0; want a positive number for each class": {ClassWeights: make([]float64, 10)},
		"ClassWeights is +Inf":                                     {ClassWeights: []float64{math.Inf(1)}},
		"ClassWeights is 2 numbers; want 10, one for each class":   {ClassWeights: []float64{1, 2}},
	} {
		_, err := nn.NewTrainer(net, images, nn.TrainConfig{Hyper: nn.Hyper{Batch: 1, Epochs: 1}, Loss: c})
		assertOneLine(t, err, want)
		_, err = nn.NewEvaluator(net, images, 1, c)
		assertOneLine(t, err, want)
	}
}

// embedding is a user's loss that embeds CrossEntropy.
type embedding struct{ nn.CrossEntropy }

// building is a user's loss that builds CrossEntropy and returns the weights of its mean.
type building struct{ of nn.CrossEntropy }

func (b *building) Build(g *nn.Graph, y *nn.Tensor, t nn.Target) { b.of.Build(g, y, t) }

func (b *building) WeightsOfClasses() []float64 { return b.of.ClassWeights }

// silent builds CrossEntropy, but does not return the weights of its mean.
type silent struct{ of nn.CrossEntropy }

func (s silent) Build(g *nn.Graph, y *nn.Tensor, t nn.Target) { s.of.Build(g, y, t) }

// retargeted builds CrossEntropy with another Target.
type retargeted struct{ embedding }

func (r retargeted) Build(g *nn.Graph, y *nn.Tensor, t nn.Target) {
	r.CrossEntropy.Build(g, y, nn.Target{Labels: t.Labels, Classes: t.Classes, Row: t.Row, DY: t.DY})
}

// hasty is a loss that panics.
type hasty struct{ images *nn.Images }

func (h hasty) Build(*nn.Graph, *nn.Tensor, nn.Target) { h.images.Len() }

// TestCrossEntropyInOtherForms checks that CrossEntropy with weights and smoothing gives the same
// bits as a value, as a pointer, and inside a user's loss. A form in which it cannot be the same is
// refused in one line, and so are a loss that panics and a nil loss.
func TestCrossEntropyInOtherForms(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 10, 1, 7, 6)
	net, images := build(t, dev, nn.Sequential{nn.Flatten{}, nn.Linear{Out: 10}}, set)
	require.NoError(t, net.Init(nn.He, 3))
	cfg := nn.TrainConfig{Hyper: nn.Hyper{Batch: 6, Epochs: 1, Seed: 5}, MicroBatch: 4}
	run := func(l nn.Loss) (all []nn.Step, whole nn.Evaluation) {
		c := cfg
		c.Loss = l
		trainer, err := nn.NewTrainer(net, images, c)
		require.NoError(t, err, "%T", l)
		defer trainer.Close()
		for s, err := range trainer.Steps(context.Background()) {
			require.NoError(t, err, "%T", l)
			all = append(all, s)
		}
		eval, err := nn.NewEvaluator(net, images, 10, l)
		require.NoError(t, err, "%T", l)
		defer eval.Close()
		whole, err = eval.Run(context.Background())
		require.NoError(t, err, "%T", l)
		return all, whole
	}
	weights := []float64{1, 0.25, 3, 0.7, 2, 1.5, 0.1, 5, 1, 0.9}
	for _, c := range []nn.CrossEntropy{{}, {LabelSmoothing: 0.2}, {ClassWeights: weights},
		{LabelSmoothing: 0.2, ClassWeights: weights}} {
		steps, whole := run(c)
		for _, l := range []nn.Loss{&c, embedding{c}, &embedding{c}, &building{c}} {
			otherSteps, otherWhole := run(l)
			assert.Equal(t, steps, otherSteps, "%T %+v", l, c)
			assert.Equal(t, whole, otherWhole, "%T %+v", l, c)
		}
		if len(c.ClassWeights) == 0 {
			otherSteps, _ := run(silent{c})
			assert.Equal(t, steps, otherSteps)
		}
		// The losses of the steps, weighted by Weight, add up to the loss of the epoch as one
		// batch.
		loss, weight := 0.0, 0.0
		for _, s := range steps {
			loss, weight = loss+s.Loss*s.Weight, weight+s.Weight
		}
		assert.InDelta(t, whole.Loss, loss/weight, 1e-6) // sums of ten in float32, at a rate of 0
	}
	few := nn.CrossEntropy{ClassWeights: weights[:2]}
	for want, l := range map[string]nn.Loss{
		"the loss builds a CrossEntropy with other ClassWeights than its own; want a method WeightsOfClasses": silent{nn.CrossEntropy{ClassWeights: weights}},
		"a Target that is not the one that Build was given":                                                   retargeted{embedding{nn.CrossEntropy{LabelSmoothing: 0.1}}},
		"ClassWeights is 2 numbers; want 10":                                                                  &building{few},
		"ClassWeights is -1; want a positive number":                                                          embedding{nn.CrossEntropy{ClassWeights: []float64{-1}}},
		"nn: the loss is a nil *nn.CrossEntropy":                                                              (*nn.CrossEntropy)(nil),
		"the Build of nn_test.hasty panicked: ":                                                               hasty{},
	} {
		c := cfg
		c.Loss = l
		_, err := nn.NewTrainer(net, images, c)
		assertOneLine(t, err, want)
		_, err = nn.NewEvaluator(net, images, 1, l)
		assertOneLine(t, err, want)
	}
	c := cfg
	c.Loss = nn.Outputs{}
	_, err := nn.NewTrainer(net, images, c)
	assertOneLine(t, err, "Outputs is not a loss to train with")
}

// TestOutputsOfImages checks the outputs of a network for images, in the order [C,H,W], with
// batches of any size. A 1x1 convolution gives a formula of the pixels.
func TestOutputsOfImages(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 5, 1, 4, 3)
	net, images := build(t, dev, nn.Sequential{nn.Conv2D{Out: 3, Kernel: 1}}, set)
	require.NoError(t, net.SetWeights([]safetensors.Tensor{
		{Name: "0.weight", Shape: []int{3, 1, 1, 1}, Data: []float32{1, 2, 4}},
		{Name: "0.bias", Shape: []int{3}, Data: []float32{0, 1, 0.5}},
	}))
	for _, batch := range []int{1, 2, 5} {
		eval, err := nn.NewEvaluator(net, images, batch, nn.Outputs{})
		require.NoError(t, err)
		defer eval.Close()
		got, err := eval.Logits(1, 4)
		require.NoError(t, err)
		require.Len(t, got, 4)
		for i, row := range got {
			var want []float64
			for c := range 3 {
				for _, p := range set.Pixels[(i+1)*12:][:12] {
					want = append(want, float64([]float32{1, 2, 4}[c])*float64(p)/255+float64([]float32{0, 1, 0.5}[c]))
				}
			}
			require.Len(t, row, len(want))
			for k, v := range want {
				// float32 values up to 4.5
				assert.InDelta(t, v, row[k], 1e-6, "batch of %d, image %d, value %d", batch, i+1, k)
			}
		}
		result, err := eval.Run(context.Background())
		require.NoError(t, err)
		assert.Equal(t, nn.Evaluation{Images: 5}, result)
	}
}

// TestMSEOfImages compares the mean squared error of an output that is an image, and its gradient,
// with PyTorch's formula. The targets are in the order [C,H,W], and the images may be in any part
// of a batch.
func TestMSEOfImages(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 10, 1, 7, 6)
	net, images := build(t, dev, nn.Sequential{nn.Conv2D{Out: 3, Kernel: 3, Pad: nn.Pad(1)}}, set)
	require.NoError(t, net.Init(nn.He, 3))
	const pixels = 7 * 6
	r := rand.New(rand.NewPCG(2, 2))
	targets := make([]float32, 10*3*pixels)
	for i := range targets {
		targets[i] = 2*r.Float32() - 1
	}
	require.NoError(t, images.SetTargets(targets))
	outputs, err := nn.NewEvaluator(net, images, 10, nn.Outputs{})
	require.NoError(t, err)
	defer outputs.Close()
	y, err := outputs.Logits(0, 10)
	require.NoError(t, err)
	mean := func(first, n int) (loss float64, gradient [3]float64) {
		all := float64(n * 3 * pixels)
		for i := first; i < first+n; i++ {
			for k, v := range y[i] {
				d := float64(v) - float64(targets[i*3*pixels+k])
				loss += d * d / all
				gradient[k/pixels] += 2 * d / all
			}
		}
		return loss, gradient
	}
	eval, err := nn.NewEvaluator(net, images, 4, nn.MSE{})
	require.NoError(t, err)
	defer eval.Close()
	measured, err := eval.Run(context.Background())
	require.NoError(t, err)
	want, _ := mean(0, 10)
	assert.InEpsilon(t, want, measured.Loss, 1e-5) // a sum of 1260 in float32
	trainer, err := nn.NewTrainer(net, images,
		nn.TrainConfig{Hyper: nn.Hyper{Batch: 6, Epochs: 1}, Loss: nn.MSE{}, MicroBatch: 4, SettleEvery: 1})
	require.NoError(t, err)
	defer trainer.Close()
	for s, err := range trainer.Steps(context.Background()) {
		require.NoError(t, err)
		want, wantGradient := mean((s.Step-1)*6, s.Images)
		assert.InEpsilon(t, want, s.Loss, 1e-5)
		gradients, err := net.Gradients()
		require.NoError(t, err)
		for k, v := range gradients[1].Data { // of the bias
			assert.InDelta(t, wantGradient[k], v, 1e-6)
		}
	}
}

// absolute is a user's loss: the mean of |y - target|, as torch.nn.L1Loss.
type absolute struct{}

type absoluteArgs[F, B any] struct {
	Batch  B `wgsl:"uniform Batch"`
	Y      F `wgsl:"read array<f32>"`
	Values F `wgsl:"read array<f32>"`
	DY     F `wgsl:"write array<f32>"`
	Row    F `wgsl:"write array<vec2<f32>>"`
}

func (absolute) Build(g *nn.Graph, y *nn.Tensor, t nn.Target) {
	if t.K != y.C {
		g.Fail(fmt.Errorf("%d outputs, %d targets", y.C, t.K))
		return
	}
	gpu.Kernel[absoluteArgs[gpu.View, gpu.View]]{
		Name: "absolute", Groups: g.N, Lanes: 1, Source: shaders.Source(struct{ K, Stride int }{t.K, y.Stride}, shaders.BatchStruct, `
fn run(n : u32, lane : u32) {
  var sum = 0.0;
  for (var c = 0u; c < Stride; c = c + 1u) {
    var d = 0.0;
    if (c < K && n < batch.rows) { d = y[n * Stride + c] - values[n * K + c]; }
    sum = sum + abs(d);
    dY[n * Stride + c] = sign(d) * batch.invImages / f32(K);
  }
  row[n] = vec2<f32>(sum / f32(K), 0.0);
}`),
	}.Record(g.Recorder(), absoluteArgs[gpu.View, gpu.View]{Batch: g.Batch, Y: y.Data, Values: t.Values, DY: t.DY,
		Row: t.Row})
}

// TestLossesOfTargets checks that losses of numbers, including one defined in this test, are means
// over all targets of a batch, however the batch is composed or split, and for the smaller last
// batch too.
func TestLossesOfTargets(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 10, 1, 7, 6)
	net, images := build(t, dev, nn.Sequential{nn.Flatten{}, nn.Linear{Out: 3}}, set)
	_, err := nn.NewTrainer(net, images, nn.TrainConfig{Hyper: nn.Hyper{Batch: 1, Epochs: 1}, Loss: nn.MSE{}})
	assertOneLine(t, err, "MSE needs targets, and the images have none; call their SetTargets first")
	r := rand.New(rand.NewPCG(1, 1))
	targets := make([]float32, 30)
	require.NoError(t, images.SetTargets(targets))
	for i := range targets {
		targets[i] = 2*r.Float32() - 1
	}
	require.NoError(t, images.SetTargets(targets), "other numbers")
	for name, c := range map[string]struct {
		loss nn.Loss
		of   func(d float64) (loss, slope float64)
	}{
		"mean squared error": {nn.MSE{}, func(d float64) (float64, float64) { return d * d, 2 * d }},
		"one's own": {absolute{}, func(d float64) (float64, float64) {
			return math.Abs(d), math.Copysign(1, d)
		}},
	} {
		eval, err := nn.NewEvaluator(net, images, 4, c.loss)
		require.NoError(t, err)
		defer eval.Close()
		outputs, err := eval.Logits(0, 10)
		require.NoError(t, err)
		mean := func(places []int) (loss float64, gradient [3]float64) {
			n := float64(3 * len(places))
			for _, i := range places {
				for k, y := range outputs[i] {
					l, slope := c.of(float64(y) - float64(targets[3*i+k]))
					loss += l / n
					gradient[k] += slope / n
				}
			}
			return loss, gradient
		}
		measured, err := eval.Run(context.Background())
		require.NoError(t, err)
		want, _ := mean([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
		assert.InDelta(t, want, measured.Loss, 1e-6)
		assert.Zero(t, measured.Accuracy)
		for _, micro := range []int{6, 4} {
			t.Run(fmt.Sprintf("%s parts of %d", name, micro), func(t *testing.T) {
				trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{
					Hyper: nn.Hyper{Batch: 6, Epochs: 2, Seed: 5, Shuffle: true}, Loss: c.loss, MicroBatch: micro,
					SettleEvery: 1,
				})
				require.NoError(t, err)
				defer trainer.Close()
				for s, err := range trainer.Steps(context.Background()) {
					require.NoError(t, err)
					order := rand.New(rand.NewPCG(5, uint64(s.Epoch))).Perm(10)
					want, wantGradient := mean(order[(s.Step-1)%2*6:][:s.Images])
					assert.InDelta(t, want, s.Loss, 1e-6)
					gradients, err := net.Gradients()
					require.NoError(t, err)
					for k, v := range gradients[1].Data { // of the bias
						assert.InDelta(t, wantGradient[k], v, 1e-6)
					}
				}
			})
		}
	}
	for want, values := range map[string][]float32{
		"nn: 31 targets; want as many for each of 10 images": make([]float32, 31), "nn: 0 targets": nil,
		"nn: 2 targets an image; there were 3": make([]float32, 20),
		"nn: targets that are not finite":      append(make([]float32, 29), float32(math.NaN())),
	} {
		assertOneLine(t, images.SetTargets(values), want)
	}
	other, _ := build(t, dev, nn.Sequential{nn.Flatten{}, nn.Linear{Out: 2}}, set)
	_, err = nn.NewEvaluator(other, images, 1, nn.MSE{})
	assertOneLine(t, err, "MSE of an output of 2 channels of 1x1, and targets of 3 numbers; want a number for each")
	_, err = nn.NewEvaluator(other, images, 1, nn.MSE{}, nn.MSE{})
	assertOneLine(t, err, "several losses")
}
