package nn

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"wgnin/gpu"
	"wgnin/shaders/mse"
	"wgnin/shaders/softmaxxent"
)

// Loss is the function that training minimises, a mean over the images of a batch. The default is
// [CrossEntropy] of the labels; [MSE] compares the output with numbers. Any other type with this
// method, in any module, is a loss too. It may be a pointer. Its Build may call that of another
// loss, such as CrossEntropy, with the same Target. A loss that is a weighted mean must be a
// [ClassWeighted].
type Loss interface {
	// Build records the kernels of the loss of y, the network's output. They read y.Data and
	// the target, and write all of the target's Row and DY.
	Build(g *Graph, y *Tensor, t Target)
}

// ClassWeighted is a [Loss] whose mean over a batch is weighted by the classes of the images: the
// sum of Target.Row's losses, divided by the sum of the weights of their labels. CrossEntropy is
// one, and so is a loss that embeds it. A loss that builds a CrossEntropy with ClassWeights must be
// one.
type ClassWeighted interface {
	Loss
	// WeightsOfClasses returns positive numbers, one for each class; nil means that all are 1.
	WeightsOfClasses() []float64
}

// Target holds the inputs of a loss other than the network's output, and the memory to which the
// loss writes.
type Target struct {
	Labels  gpu.View // [N] of u32, each below Classes
	Classes int
	Values  gpu.View // [N,K] of f32, from Images.SetTargets; the zero View if there are none
	K       int

	// Row [N,2] of f32 receives, for each image, its loss, and 1 if the network is right or 0 if
	// not. DY, laid out as the output's Data, receives the gradient of the losses in Row, times
	// Batch.InvImages. That is 1 over the number of images in the batch, or over the sum of their
	// weights (see ClassWeighted). Both must be zero from image Batch.Rows on, and DY also in the
	// padding of channels.
	Row, DY gpu.View

	weights gpu.View  // of classes, for CrossEntropy: one number for each output
	of      []float64 // the same; nil if all are 1
}

// CrossEntropy is the softmax cross-entropy of the labels, as torch.nn.CrossEntropyLoss with its
// defaults and the options label_smoothing and weight:
//
//	loss = sum_n sum_c -log(softmax(y[n]))[c] * w[c] * t[n,c] / sum_n w[label[n]]
//
// where t[n,c] is LabelSmoothing/C, plus 1-LabelSmoothing for the label. The sums over n run over
// the whole batch, even if it is split.
//
// Shapes: y [N,C], with C at least the number of classes. Errors: ClassWeights that are not C
// positive numbers; a LabelSmoothing that is not in [0,1).
type CrossEntropy struct {
	LabelSmoothing float64
	ClassWeights   []float64 // w, one number for each output; nil means that all are 1
}

// Check returns a [RangeError] if a setting makes no sense.
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

// WeightsOfClasses returns the ClassWeights.
func (c CrossEntropy) WeightsOfClasses() []float64 { return c.ClassWeights }

// plain reports whether all classes have the same weight and targets are not smoothed.
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
	if err := checkLogits(y.C, t.Classes); err != nil {
		g.Fail(err)
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
	switch {
	case t.weights.Bytes() < int64(y.C)*4:
		g.Fail(errors.New("CrossEntropy with LabelSmoothing or ClassWeights was built with a Target that is not the one that Build was given; want the same Target"))
		return
	case !slices.Equal(c.ClassWeights, t.of):
		g.Fail(errors.New("the loss builds a CrossEntropy with other ClassWeights than its own; want a method WeightsOfClasses that returns the same weights"))
		return
	}
	w := softmaxxent.Weighted{Shape: s, Smoothing: c.LabelSmoothing}
	w.Kernel().Record(g.rec, softmaxxent.WeightedArgs[view, view, view]{
		Batch: g.Batch, X: y.Data, Label: t.Labels, Weight: t.weights, DX: t.DY, Row: t.Row,
	})
}

// checkLogits returns an error if there are fewer logits than classes.
func checkLogits(logits, classes int) error {
	if logits < classes {
		return fmt.Errorf("%d logits, and the images have labels up to %d; want one logit a class", logits, classes-1)
	}
	return nil
}

// MSE is the mean squared error of the images' targets (see [Images.SetTargets]), as
// torch.nn.MSELoss:
//
//	loss = sum (y[n,k] - target[n,k])^2 / (N*K)
//
// Shapes: y [N,K] or [N,C,H,W], and the target the same; the K = C*H*W numbers of an image are in
// the order [C,H,W]. The accuracy of an evaluation is 0. Errors: images without targets, or whose
// targets are not K numbers.
type MSE struct{}

// Build records the loss.
func (MSE) Build(g *Graph, y *Tensor, t Target) {
	if t.K == 0 {
		g.Fail(errors.New("MSE needs targets, and the images have none; call their SetTargets first"))
		return
	}
	if y.Len() != t.K {
		g.Fail(fmt.Errorf("MSE of an output of %d channels of %dx%d, and targets of %d numbers; want a number for each",
			y.C, y.H, y.W, t.K))
		return
	}
	s := mse.Shape{N: g.N, C: y.C, Pixels: y.H * y.W, Stride: y.Stride}
	if err := s.Check(); err != nil {
		g.Fail(err)
		return
	}
	s.Kernel().Record(g.rec, mse.Args[view, view]{
		Batch: g.Batch, X: y.Data, Target_: t.Values, DX: t.DY, Row: t.Row,
	})
}

// Outputs is not a loss. An [Evaluator] with it only computes what [Evaluator.Logits] returns, and
// accepts a network with any output. The Loss and the Accuracy of its Evaluation are 0. A trainer
// refuses it.
type Outputs struct{}

// Build fails, so that no trainer accepts Outputs.
func (Outputs) Build(g *Graph, _ *Tensor, _ Target) {
	g.Fail(errors.New("Outputs is not a loss to train with; want another, such as CrossEntropy or MSE"))
}

// buildLoss records the loss of y and its gradient, and adds up the losses of the images in
// metrics.
func (g *Graph) buildLoss(l Loss, y *Tensor, t Target, metrics view) {
	if !g.ok() {
		return
	}
	g.rec.Layer("loss")
	t.DY, t.Row = g.Gradient(y), g.Temp("loss of rows", 2*g.N)
	if t.DY.IsZero() {
		t.DY = g.Temp("dlogits", g.Pixels(y)*y.Stride)
	}
	g.callLoss(l, y, t)
	rows := softmaxxent.Shape{N: g.N} // for any loss
	rows.Total().Record(g.rec, softmaxxent.TotalArgs[view, view]{Batch: g.Batch, Row: t.Row, Metrics: metrics})
}

// callLoss builds l. If l panics, the graph fails with an error that names l.
func (g *Graph) callLoss(l Loss, y *Tensor, t Target) {
	defer func() {
		if r := recover(); r != nil {
			g.Fail(fmt.Errorf("the Build of %T panicked: %v", l, r))
		}
	}()
	l.Build(g, y, t)
}

// objective is the loss for a set of images, with its memory on the device.
type objective struct {
	Loss
	images  *Images
	weights *gpu.Buffer // of the classes; nil if the loss needs none
	of      []float64   // the same; nil if all are 1
}

// newObjective uploads what l needs. A nil l means CrossEntropy.
func newObjective(net *Net, images *Images, l Loss) (objective, error) {
	if l == nil {
		l = CrossEntropy{}
	}
	if v := reflect.ValueOf(l); v.Kind() == reflect.Pointer && v.IsNil() {
		return objective{}, fmt.Errorf("nn: the loss is a nil %T; want a value, or nil without a type for CrossEntropy",
			l)
	}
	o := objective{Loss: l, images: images}
	switch c := l.(type) {
	case CrossEntropy:
		if c.plain() {
			return o, nil
		}
	case Outputs, MSE:
		return o, nil
	}
	if w, ok := l.(ClassWeighted); ok {
		o.of = slices.Clone(w.WeightsOfClasses())
	}
	n := net.Out.C
	if len(o.of) > 0 {
		if err := (CrossEntropy{ClassWeights: o.of}).Check(); err != nil {
			return o, err
		}
		if err := checkLogits(n, images.classes); err != nil {
			return o, err
		}
		if len(o.of) != n {
			return o, RangeError{"ClassWeights", fmt.Sprintf("%d numbers", len(o.of)),
				fmt.Sprintf("%d, one for each class", n)}
		}
	}
	weights := make([]float32, n)
	for i := range weights {
		weights[i] = 1
		if len(o.of) > 0 {
			weights[i] = float32(o.of[i])
		}
	}
	var err error
	o.weights, err = upload(net.dev, "class weights", weights)
	return o, err
}

// close releases the device memory.
func (o objective) close() { o.weights.Release() }

// build records the loss.
func (o objective) build(g *Graph, y *Tensor, t Target, metrics view) {
	if o.weights != nil {
		t.weights, t.of = o.weights.All(), o.of
	}
	g.buildLoss(o.Loss, y, t, metrics)
}

// weight returns the divisor of the mean over n images. The i-th of them is image at(i) of the set.
func (o objective) weight(n int, at func(i int) int) float64 {
	if len(o.of) == 0 {
		return float64(n)
	}
	sum := 0.0
	for i := range n {
		sum += float64(float32(o.of[o.images.set.Label(at(i))])) // as on the device
	}
	return sum
}

var errOneLoss = errors.New("nn: several losses; want one, or none for CrossEntropy")
