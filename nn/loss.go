package nn

import (
	"errors"
	"fmt"
	"math"

	"wgnin/gpu"
	"wgnin/shaders/mse"
	"wgnin/shaders/softmaxxent"
)

// Loss is the function that training minimises, a mean over the images of a batch.
// [CrossEntropy] of labels is the default, and [MSE] is for numbers. Any other type with this
// method, in any module, is a loss too.
type Loss interface {
	// Build records the kernels of the loss of y, the network's output. They read y.Data and
	// the target, and write all of the target's Row and DY.
	Build(g *Graph, y *Tensor, t Target)
}

// Target holds what a loss reads besides the network's output, and where it writes.
type Target struct {
	Labels  gpu.View // [N] of u32, each below Classes
	Classes int
	Values  gpu.View // [N,K] of f32, from Images.SetTargets; the zero View if there are none
	K       int

	// Row is [N,2] of f32: the loss of each image, and 1 if the network is right about it, else
	// 0. DY is laid out as the output's Data: the gradient of Row's losses, times
	// Batch.InvImages. Both are zero from image Batch.Rows on, and DY in the padding of channels.
	Row, DY gpu.View

	weights gpu.View // of classes, see CrossEntropy
}

// CrossEntropy is the softmax cross-entropy of the labels, as torch.nn.CrossEntropyLoss with
// its defaults, label_smoothing and weight:
//
//	loss = sum_n sum_c -log(softmax(y[n]))[c] * w[c] * t[n,c] / sum_n w[label[n]]
//
// where t[n,c] is LabelSmoothing/C, and 1-LabelSmoothing more for the label. The sums over n
// are over the whole batch, however it is split.
//
// Shapes: y [N,C], with C at least the number of classes. Errors: ClassWeights that are not C
// positive numbers; a LabelSmoothing that is not in [0,1).
type CrossEntropy struct {
	LabelSmoothing float64
	ClassWeights   []float64 // w, a number for each output; nil means that all are 1
}

// Check refuses settings that make no sense, with a [RangeError].
func (c CrossEntropy) Check() error {
	if !(c.LabelSmoothing >= 0 && float32(c.LabelSmoothing) < 1) {
		return RangeError{"LabelSmoothing", c.LabelSmoothing, "0 <= smoothing < 1"}
	}
	for _, w := range c.ClassWeights {
		if !(float32(w) > 0 && w <= math.MaxFloat32) {
			return RangeError{"ClassWeights", w, "a positive number for each class"}
		}
	}
	return nil
}

// plain reports whether all classes count the same and targets are not smoothed.
func (c CrossEntropy) plain() bool { return c.LabelSmoothing == 0 && len(c.ClassWeights) == 0 }

// Build records the loss.
func (c CrossEntropy) Build(g *Graph, y *Tensor, t Target) {
	if err := c.Check(); err != nil {
		g.Fail(err)
		return
	}
	if y.H != 1 || y.W != 1 {
		g.Fail(fmt.Errorf("logits are %d channels of %dx%d; want one value a class: end the network with GlobalAvgPool2D (globalavgpool), or with Flatten and Linear (flatten; linear)", y.C, y.H, y.W))
		return
	}
	if y.C < t.Classes {
		g.Fail(fmt.Errorf("%d logits, and the images have labels up to %d; want one logit a class", y.C, t.Classes-1))
		return
	}
	if n := len(c.ClassWeights); n > 0 && n != y.C {
		g.Fail(RangeError{"ClassWeights", fmt.Sprintf("%d numbers", n), fmt.Sprintf("%d, one for each class", y.C)})
		return
	}
	s := softmaxxent.Shape{N: g.N, Classes: y.C, Stride: y.Stride}
	if err := s.Check(); err != nil {
		g.Fail(err)
		return
	}
	if c.plain() {
		s.Kernel().Record(g.rec, softmaxxent.Args[view, view, view]{
			Batch: g.Batch, X: y.Data, Label: t.Labels, DX: t.DY, Row: t.Row,
		})
		return
	}
	w := softmaxxent.Weighted{Shape: s, Smoothing: c.LabelSmoothing}
	w.Kernel().Record(g.rec, softmaxxent.WeightedArgs[view, view, view]{
		Batch: g.Batch, X: y.Data, Label: t.Labels, Weight: t.weights, DX: t.DY, Row: t.Row,
	})
}

// MSE is the mean squared error of the images' targets (see [Images.SetTargets]), as
// torch.nn.MSELoss:
//
//	loss = sum (y[n,k] - target[n,k])^2 / (N*K)
//
// Shapes: y and target [N,K]. The accuracy of an evaluation is 0. Errors: images without
// targets, or whose targets are not K numbers.
type MSE struct{}

// Build records the loss.
func (MSE) Build(g *Graph, y *Tensor, t Target) {
	if t.K == 0 {
		g.Fail(errors.New("MSE of images without targets; want a call of their SetTargets before"))
		return
	}
	if y.H != 1 || y.W != 1 || y.C != t.K {
		g.Fail(fmt.Errorf("MSE of an output of %d channels of %dx%d, and targets of %d numbers; want a number for each",
			y.C, y.H, y.W, t.K))
		return
	}
	s := mse.Shape{N: g.N, K: t.K, Stride: y.Stride}
	if err := s.Check(); err != nil {
		g.Fail(err)
		return
	}
	s.Kernel().Record(g.rec, mse.Args[view, view]{
		Batch: g.Batch, X: y.Data, Target_: t.Values, DX: t.DY, Row: t.Row,
	})
}

// buildLoss records the loss of y and the gradient of y, and adds the losses of the images up
// in metrics.
func (g *Graph) buildLoss(l Loss, y *Tensor, t Target, metrics view) {
	if !g.ok() {
		return
	}
	g.rec.Layer("loss")
	t.DY, t.Row = g.Gradient(y), g.Temp("loss of rows", 2*g.N)
	if t.DY.IsZero() {
		t.DY = g.Temp("dlogits", g.Pixels(y)*y.Stride)
	}
	l.Build(g, y, t)
	rows := softmaxxent.Shape{N: g.N} // of any loss
	rows.Total().Record(g.rec, softmaxxent.TotalArgs[view, view]{Batch: g.Batch, Row: t.Row, Metrics: metrics})
}

// objective is the loss of a set of images, with the memory that it needs on the device.
type objective struct {
	Loss
	images  *Images
	weights *gpu.Buffer // of the classes; nil if the loss needs none
}

// newObjective puts what l needs on the device; a nil l is CrossEntropy.
func newObjective(net *Net, images *Images, l Loss) (objective, error) {
	if l == nil {
		l = CrossEntropy{}
	}
	o := objective{Loss: l, images: images}
	c, ok := l.(CrossEntropy)
	if !ok || c.plain() {
		return o, nil
	}
	weights := make([]float32, net.Out.C)
	for i := range weights {
		weights[i] = 1
		if i < len(c.ClassWeights) { // Build refuses other numbers of them
			weights[i] = float32(c.ClassWeights[i])
		}
	}
	var err error
	o.weights, err = upload(net.dev, "class weights", weights)
	return o, err
}

// close gives the device memory back.
func (o objective) close() { o.weights.Release() }

// build records the loss.
func (o objective) build(g *Graph, y *Tensor, t Target, metrics view) {
	if o.weights != nil {
		t.weights = o.weights.All()
	}
	g.buildLoss(o.Loss, y, t, metrics)
}

// weight returns the divisor of the mean over n images, of which the i-th is image at(i) of the
// set.
func (o objective) weight(n int, at func(i int) int) float64 {
	c, ok := o.Loss.(CrossEntropy)
	if !ok || len(c.ClassWeights) == 0 {
		return float64(n)
	}
	sum := 0.0
	for i := range n {
		sum += float64(float32(c.ClassWeights[o.images.set.Label(at(i))])) // as on the device
	}
	return sum
}

var errOneLoss = errors.New("nn: several losses; want one to measure by, or none for CrossEntropy")
