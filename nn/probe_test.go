package nn_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nn"
)

// looked returns a network with convolutions to look at, and with every kind of layer that a probe
// leaves out.
func looked() nn.Sequential {
	return nn.Sequential{
		nn.Sequential{nn.Conv2D{Out: 6, Kernel: 3, KernelW: 2, Pad: nn.Pad(1)}, nn.ReLU{},
			nn.Conv2D{Out: 5, Kernel: 3}, nn.ReLU{}},
		nn.MaxPool2D{Kernel: 2},
		nn.Dropout{P: 0.5},
		nn.Conv2D{Out: 10, Kernel: 1},
		nn.GlobalAvgPool2D{},
		nn.Flatten{},
	}
}

func probe(t *testing.T, net *nn.Net) *nn.Probe {
	p, err := nn.NewProbe(net)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func read(t *testing.T, v gpu.View) []float32 {
	values := make([]float32, v.Bytes()/4)
	require.NoError(t, gpu.Read(v, values))
	return values
}

func TestProbe(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 5, 1, 9, 8)
	net, images := build(t, dev, looked(), set)
	p := probe(t, net)
	eval, err := nn.NewEvaluator(net, images, 1)
	require.NoError(t, err)
	defer eval.Close()

	var names []string
	for _, l := range p.Layers {
		names = append(names, l.Path+" "+l.String()+" "+l.Output.String())
	}
	assert.Equal(t, []string{
		"0.0 conv 6 3x2 pad 1 + relu [6,9,9]", "0.2 conv 5 3 + relu [5,7,7]", "1 maxpool 2 [5,3,3]",
		"3 conv 10 1 [10,3,3]", "4 globalavgpool [10,1,1]",
	}, names)

	// The outputs are those of the net, for images of the set in any order.
	for _, i := range []int{3, 0} {
		require.NoError(t, p.SetImage(set, i))
		require.NoError(t, p.Run(false))
		want, err := eval.Logits(i, 1)
		require.NoError(t, err)
		got := read(t, p.Layers[4].Output.Data)
		assert.Equal(t, want[0], got[:10])
		maps := read(t, p.Layers[3].Output.Data)
		for c := range 10 { // the outputs of inner layers are kept too
			sum := float32(0)
			for pixel := range 9 {
				sum += maps[pixel*p.Layers[3].Output.Stride+c]
			}
			assert.InDelta(t, got[c], sum/9, 1e-6, "logit %d", c)
		}
	}

	// The gradients are those of a step on this image alone, without dropout.
	require.NoError(t, p.Run(true))
	without := looked()
	without[2] = nn.Dropout{}
	other, firstOnly := build(t, dev, without, part(set, 0, 1))
	gradient(t, other, firstOnly, nn.TrainConfig{Hyper: nn.Hyper{Batch: 1, Epochs: 1, Rate: 0}})
	gradients, err := other.Gradients()
	require.NoError(t, err)
	weights, err := net.Weights()
	require.NoError(t, err)
	for _, c := range []struct{ layer, tensor int }{{0, 0}, {1, 2}, {3, 4}} {
		l := p.Layers[c.layer]
		assert.Equal(t, weights[c.tensor].Shape, l.WeightShape[:])
		w, dW := read(t, l.Weight), read(t, l.WeightGrad)
		i := 0
		for o := range l.WeightShape[0] {
			for ci := range l.WeightShape[1] {
				for r := range l.WeightShape[2] {
					for s := range l.WeightShape[3] {
						at := o*l.WeightStride[0] + ci*l.WeightStride[1] + r*l.WeightStride[2] + s*l.WeightStride[3]
						require.Equal(t, weights[c.tensor].Data[i], w[at], "%s: weight %d", l.Path, i)
						require.Equal(t, gradients[c.tensor].Data[i], dW[at], "%s: gradient %d", l.Path, i)
						i++
					}
				}
			}
		}
		// The gradient of a bias is the sum of the gradient of the layer's output.
		grad := read(t, l.Output.Grad)
		for o := range l.WeightShape[0] {
			sum := float32(0)
			for pixel := range l.Output.H * l.Output.W {
				sum += grad[pixel*l.Output.Stride+o]
			}
			assert.InDelta(t, gradients[c.tensor+1].Data[o], sum, 1e-6, "%s: bias %d", l.Path, o)
		}
	}

	// An image of another size is resized like a set of that size.
	large := crops(t, 2, 1, 13, 20)
	largeImages, err := nn.Upload(dev, large)
	require.NoError(t, err)
	defer largeImages.Close()
	evalLarge, err := nn.NewEvaluator(net, largeImages, 1)
	require.NoError(t, err)
	defer evalLarge.Close()
	want, err := evalLarge.Logits(1, 1)
	require.NoError(t, err)
	require.NoError(t, p.SetImage(large, 1))
	require.NoError(t, p.Run(false))
	assert.Equal(t, want[0], read(t, p.Layers[4].Output.Data)[:10])

	assertOneLine(t, p.SetImage(set, 5), "image 5", "0 to 4")
	assertOneLine(t, p.SetPixels(make([]uint8, 9), 3, 3, 10), "label 10", "10 classes")
	assertOneLine(t, p.SetPixels(make([]uint8, 9), 3, 4, 1), "9 pixels", "3x4")
	assertOneLine(t, p.SetPixels(nil, 0, 0, 1), "0x0")
}

// TestProbeDisturbsNothing trains with a probe that runs between the steps, with and without parts,
// and compares the bits.
func TestProbeDisturbsNothing(t *testing.T) {
	dev := gputest.Device(t)
	set := crops(t, 10, 1, 7, 6)
	for _, micro := range []int{0, 2} {
		train := func(between func(*nn.Net) func(step int)) string {
			net, images := build(t, dev, tiny(), set)
			work := between(net)
			trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{
				Hyper:      nn.Hyper{Batch: 4, Epochs: 3, Shuffle: true, Seed: 7, Rate: 0.1, Momentum: 0.9},
				MicroBatch: micro,
			})
			require.NoError(t, err)
			defer trainer.Close()
			for step, err := range trainer.Steps(context.Background()) {
				require.NoError(t, err)
				assert.GreaterOrEqual(t, trainer.Submitted(), step.Step)
				work(step.Step)
			}
			hash, err := net.Hash()
			require.NoError(t, err)
			return hash
		}
		want := train(func(*nn.Net) func(int) { return func(int) {} })
		runs := 0
		got := train(func(net *nn.Net) func(int) {
			p := probe(t, net)
			return func(step int) {
				require.NoError(t, p.SetImage(set, step%10))
				require.NoError(t, p.Run(step%2 == 0))
				runs++
			}
		})
		assert.Equal(t, want, got)
		assert.Equal(t, 9, runs)
	}
}
