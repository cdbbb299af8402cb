package report

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/session"
	"wgnin/nn"
	"wgnin/nn/data"
)

// Cost is the memory and the arithmetic that a recipe's network needs for training and for
// prediction on an adapter. Sizes in bytes count device buffers.
type Cost struct {
	Recipe     string `json:"recipe"`           // empty for a network of no recipe
	Freeze     string `json:"freeze,omitempty"` // see nin.Settings
	Adapter    string `json:"adapter"`
	Input      []int  `json:"input"`       // [N,C,H,W]
	MicroBatch int    `json:"micro_batch"` // images that train at the same time; N if the adapter can bind that many

	Parameters   int     `json:"parameters"`
	MACs         int64   `json:"multiply_adds"` // to predict one image
	PredictFlops float64 `json:"predict_flop"`  // to predict one image
	TrainFlops   float64 `json:"train_flop"`    // to train on one image: forward, loss and backward

	Layers     []CostLine `json:"layers"`
	Training   MemoryUse  `json:"training"`
	Prediction MemoryUse  `json:"prediction"`
}

// CostLine is the part of a [Cost] that belongs to one layer.
type CostLine struct {
	Path         string  `json:"path"`
	Layer        string  `json:"layer"`
	Output       string  `json:"output,omitempty"` // [N,C,H,W] of a micro-batch
	Parameters   int     `json:"parameters"`
	MACs         int64   `json:"multiply_adds"` // to predict one image
	TrainFlops   float64 `json:"train_flop"`    // to train on one image
	PredictBytes int64   `json:"predict_bytes"` // written by the layer for a micro-batch
	TrainBytes   int64   `json:"train_bytes"`   // the same, forward and backward
}

// MemoryUse is the bytes of the device buffers that exist at the same time.
type MemoryUse struct {
	Weights     int64 `json:"weights"`
	Gradients   int64 `json:"gradients"`   // of the weights
	Velocity    int64 `json:"velocity"`    // and other state of the optimizer
	Images      int64 `json:"images"`      // pixels, labels and order of the dataset
	Activations int64 `json:"activations"` // and their gradients, in the arena that they share
	Evaluation  int64 `json:"evaluation"`  // activations of the test after each epoch
	Other       int64 `json:"other"`       // batch, metrics, resize weights, whitening, staging of the loss
	Staging     int64 `json:"staging"`     // weights on their way to a file
	Peak        int64 `json:"peak"`        // the sum

	Unshared int64 `json:"activations_unshared"` // Activations if no two tensors shared memory
}

// PlanCost plans a run of r and a prediction with its network, for inputs of shape r.In in batches
// of the given size, on an adapter like dev's. freeze names the frozen layers, as in
// [nin.Settings]. PlanCost allocates nothing on dev, which may come from [gpu.Dry]. It returns an
// [nn.RangeError] if there are fewer training images than a batch.
func PlanCost(dev *gpu.Device, r nin.Recipe, batch int, freeze string) (Cost, error) {
	w, train, test, err := unread(r, batch, freeze)
	if err != nil {
		return Cost{}, err
	}
	return CostOn(dev, r, batch, freeze, w, train, test)
}

// unread returns images without pixels, in the number and size of the recipe's, and a whitening for
// them if the recipe whitens. It returns the errors of [PlanCost] that do not depend on the
// adapter.
func unread(r nin.Recipe, batch int, freeze string) (w *data.Whitening, train, test *data.Images, err error) {
	s := r.Settings()
	s.Batch, s.Freeze = batch, freeze
	if train, test, err = blank(r); err != nil {
		return nil, nil, nil, err
	}
	s.Data = "pictures" // any name will do for a folder
	if err := s.Check(r); err != nil {
		return nil, nil, nil, err
	}
	if batch > train.Len() {
		return nil, nil, nil, nn.RangeError{Setting: "Batch", Value: batch,
			Want: fmt.Sprintf("at most %d, the training images of %s", train.Len(), r.Dataset)}
	}
	// Inputs of another size than the recipe's may be too large to whiten.
	if s.Whiten && data.CheckWhitening(r.In.C, r.In.H, r.In.W) == nil {
		if w, err = data.BlankWhitening(r.In.C, r.In.H, r.In.W); err != nil {
			return nil, nil, nil, err
		}
	}
	for _, set := range []*data.Images{train, test} {
		set.C = r.In.C
	}
	return w, train, test, nil
}

// blank returns sets of the size of the recipe's dataset, without pixels. For a folder it
// assumes 1,000 pictures to train on and 200 to test on, of the input's size, in ten classes.
func blank(r nin.Recipe) (train, test *data.Images, err error) {
	if r.Dataset != "folder" {
		return data.Blank(r.Dataset)
	}
	pictures := func(n int) *data.Images {
		set := &data.Images{Name: r.Dataset, C: r.In.C, H: r.In.H, W: r.In.W, Classes: make([]string, 10)}
		set.SetLabels(make([]int, n)...)
		return set
	}
	return pictures(1000), pictures(200), nil
}

// CostOn is [PlanCost] for a run on the given images, which w whitens unless it is nil.
func CostOn(dev *gpu.Device, r nin.Recipe, batch int, freeze string, w *data.Whitening, train,
	test *data.Images) (Cost, error) {
	s := r.Settings()
	s.Batch, s.Freeze, s.Whiten = batch, freeze, w != nil
	c := Cost{Recipe: r.Name, Freeze: freeze, Adapter: dev.Adapter().Name, Input: []int{batch, r.In.C, r.In.H, r.In.W}}
	trained, err := c.planTraining(gpu.Dry(dev.Adapter(), dev.Broadcast()), r, s, w, train, test)
	if err != nil {
		return Cost{}, err
	}
	predicted, predictBatch, err := c.planPrediction(gpu.Dry(dev.Adapter(), dev.Broadcast()), r, s, w, test)
	if err != nil {
		return Cost{}, err
	}
	for i := range predicted {
		predicted[i].Flops /= int64(predictBatch)
	}
	return c, c.addLayers(r.Net(len(train.Classes), s.Dropout), r.In, trained, predicted)
}

func (c *Cost) planTraining(dry *gpu.Device, r nin.Recipe, s nin.Settings, w *data.Whitening, train,
	test *data.Images) ([]gpu.LayerCost, error) {
	on, err := session.Training(context.Background(), dry, nil, r, s, session.Found{}, w, train, test)
	if err != nil {
		return nil, err
	}
	defer on.Close()
	c.MicroBatch = on.Trainer.MicroBatch()
	m := MemoryUse{
		Weights: on.Net.Bytes(), Gradients: on.Net.GradientBytes(),
		Images:      on.TrainImages.Bytes() + on.TestImages.Bytes(),
		Activations: on.Trainer.ArenaBytes(), Evaluation: on.Evaluator.ArenaBytes(), Staging: on.Net.StagingBytes(),
	}
	m.Velocity = on.Trainer.StateBytes()
	c.Training = m.sum(dry)
	return on.Trainer.Layers(), nil
}

func (c *Cost) planPrediction(dry *gpu.Device, r nin.Recipe, s nin.Settings, w *data.Whitening,
	test *data.Images) (layers []gpu.LayerCost, batch int, err error) {
	n, err := s.Normalisation(test)
	if err != nil {
		return nil, 0, err
	}
	on, err := session.New(dry, r.Net(len(test.Classes), s.Dropout), r.In, nn.Whiten(w), nn.Normalise(n))
	if err != nil {
		return nil, 0, err
	}
	defer on.Close()
	if err := on.Test(test, s.Batch); err != nil {
		return nil, 0, err
	}
	eval := on.Evaluator
	c.Prediction = MemoryUse{Weights: on.Net.Bytes(), Images: on.TestImages.Bytes(),
		Activations: eval.ArenaBytes()}.sum(dry)
	return eval.Layers(), eval.Batch(), nil
}

// sum returns m with the other buffers that the device counted, and the peak.
func (m MemoryUse) sum(dry *gpu.Device) MemoryUse {
	_, open := dry.Usage()
	m.Other = open - (m.Weights + m.Gradients + m.Velocity + m.Images + m.Activations + m.Evaluation)
	m.Peak = open + m.Staging
	return m
}

// addLayers adds a line for each layer, for the input and for the loss, and computes the totals.
func (c *Cost) addLayers(net nn.Layer, in nn.Shape, trained, predicted []gpu.LayerCost) error {
	index := map[string]int{}
	add := func(l CostLine) {
		index[l.Path] = len(c.Layers)
		c.Layers = append(c.Layers, l)
	}
	for _, l := range [][2]string{{"input", "gather, resize, scale"}, {"augment", "crop, mirror"},
		{"whiten", "normalise, whiten"}, {"normalise", "mean, deviation"}} {
		if slices.ContainsFunc(trained, func(t gpu.LayerCost) bool { return t.Layer == l[0] }) {
			add(CostLine{Path: l[0], Layer: l[1], Output: in.Batch(c.MicroBatch)})
		}
	}
	d, err := nn.Describe(net, in)
	if err != nil {
		return err
	}
	for _, l := range d.Layers {
		if _, ok := l.Layer.(nn.Sequential); !ok { // a Sequential costs nothing itself
			add(CostLine{Path: l.Path, Layer: nn.Text(l.Layer), Output: l.Out.Batch(c.MicroBatch),
				Parameters: l.Params(), MACs: l.MACs})
		}
	}
	c.Parameters, c.MACs = d.Params(), d.MACs()
	add(CostLine{Path: "loss", Layer: "softmax cross-entropy"})
	for _, l := range trained {
		flops := float64(l.Flops) / float64(c.MicroBatch)
		c.TrainFlops += flops
		c.Training.Unshared += l.Bytes
		c.Layers[index[l.Layer]].TrainFlops += flops
		c.Layers[index[l.Layer]].TrainBytes += l.Bytes
	}
	for _, l := range predicted {
		c.PredictFlops += float64(l.Flops)
		c.Prediction.Unshared += l.Bytes
		c.Layers[index[l.Layer]].PredictBytes += l.Bytes
	}
	return nil
}

// Write prints the cost as tables. It leaves out layers that cost nothing, such as a ReLU that is
// part of a convolution.
func (c Cost) Write(w io.Writer) error {
	fmt.Fprintf(w, "%s, input %s, planned for %s\n\n", titleOf(c.Recipe), batchShape(c.Input), c.Adapter)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "layer\t\toutput\tparameters\tM multiply-adds\ttraining MFLOP\tprediction MB\ttraining MB")
	for _, l := range c.Layers {
		if l.Parameters > 0 || l.PredictBytes > 0 || l.TrainBytes > 0 {
			fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%.2f\t%.2f\t%.1f\t%.1f\n", l.Path, l.Layer, l.Output, l.Parameters,
				float64(l.MACs)/1e6, l.TrainFlops/1e6, megabytes(l.PredictBytes), megabytes(l.TrainBytes))
		}
	}
	fmt.Fprintf(t, "sum\t\t\t%d\t%.2f\t%.2f\t%.1f\t%.1f\n", c.Parameters, float64(c.MACs)/1e6, c.TrainFlops/1e6,
		megabytes(c.Prediction.Unshared), megabytes(c.Training.Unshared))
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w,
		"\nOne image takes %.3f GFLOP to predict and %.3f GFLOP to train on; a training step of %d takes %.1f GFLOP.\n",
		c.PredictFlops/1e9, c.TrainFlops/1e9, c.Input[0], float64(c.Input[0])*c.TrainFlops/1e9)
	if c.MicroBatch < c.Input[0] {
		fmt.Fprintf(w,
			"The adapter binds no larger tensors, so %d images train at a time, and their gradients are added up.\n",
			c.MicroBatch)
	}
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "memory, MB\tprediction\ttraining\t")
	p, m := c.Prediction, c.Training
	for _, row := range []struct {
		name        string
		pred, train int64
	}{
		{"weights", p.Weights, m.Weights}, {"gradients", p.Gradients, m.Gradients},
		{"velocity", p.Velocity, m.Velocity},
		{"dataset", p.Images, m.Images}, {"activations", p.Activations, m.Activations},
		{"test after an epoch", p.Evaluation, m.Evaluation},
		{"resizing, whitening, rest", p.Other, m.Other}, {"staging of the weights", p.Staging, m.Staging},
		{"planned peak", p.Peak, m.Peak},
	} {
		fmt.Fprintf(t, "%s\t%.2f\t%.2f\t\n", row.name, megabytes(row.pred), megabytes(row.train))
	}
	return t.Flush()
}

// WriteSaved prints what the frozen layers of c save. whole is the cost of the network without
// frozen layers.
func (c Cost) WriteSaved(w io.Writer, whole Cost) error {
	of := func(a, b float64) string { return fmt.Sprintf("%.4g instead of %.4g", a, b) }
	_, err := fmt.Fprintf(w,
		"\nWith %s frozen, an image takes %s GFLOP to train on, and the planned peak of training is %s MB.\n", c.Freeze,
		of(c.TrainFlops/1e9, whole.TrainFlops/1e9), of(megabytes(c.Training.Peak), megabytes(whole.Training.Peak)))
	return err
}

// WriteCosts prints a table with a line for each cost. There must be at least one.
func WriteCosts(w io.Writer, costs []Cost) error {
	fmt.Fprintf(w, "planned for %s\n\n", costs[0].Adapter)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "recipe\tinput\tat a time\tparameters\tM multiply-adds\ttraining GFLOP\tprediction MB\ttraining MB")
	for _, c := range costs {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%.1f\t%.3f\t%.1f\t%.1f\n", c.Recipe, batchShape(c.Input), c.MicroBatch,
			c.Parameters,
			float64(c.MACs)/1e6, c.TrainFlops/1e9, megabytes(c.Prediction.Peak), megabytes(c.Training.Peak))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w,
		"\nMultiply-adds and FLOP are of one image; memory is the planned peak of a run with its dataset.")
	return err
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

func batchShape(s []int) string { return nn.Shape{C: s[1], H: s[2], W: s[3]}.Batch(s[0]) }
