package report

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"wgnin/gpu"
	"wgnin/gpu/machine"
	"wgnin/nin"
	"wgnin/nin/session"
	"wgnin/nn"
	"wgnin/shaders/conv2d"
)

// BenchReport is the speed of a recipe's network on an adapter.
type BenchReport struct {
	Adapter string `json:"adapter"`
	Driver  string `json:"driver"`
	Recipe  string `json:"recipe"`
	Batch   int    `json:"batch"`
	Micro   int    `json:"micro_batch"`

	Ceilings

	TrainImages   float64 `json:"train_images_per_s"`
	TrainGFlops   float64 `json:"train_gflop_per_s"`
	PredictImages float64 `json:"predict_images_per_s"`
	HostShare     float64 `json:"host_share"` // share of a training step that the host spends on recording it

	UploadSeconds float64 `json:"upload_seconds"`     // of weights and images
	PlanSeconds   float64 `json:"plan_seconds"`       // record, place, translate and bind
	FirstSeconds  float64 `json:"first_step_seconds"` // including the driver's compilation
	ArenaBytes    int64   `json:"arena_bytes"`        // activations and gradients
	DeviceBytes   int64   `json:"device_bytes"`       // all buffers

	Kernels []BenchKernel `json:"kernels"`
}

// BenchKernel is the timing of one dispatch of a training step, the median of several runs.
type BenchKernel struct {
	Layer   string  `json:"layer"`
	Kernel  string  `json:"kernel"`
	Shape   string  `json:"shape"`
	Ms      float64 `json:"ms"`     // median
	MinMs   float64 `json:"min_ms"` // least
	GFlops  float64 `json:"gflop_per_s"`
	GBs     float64 `json:"gb_per_s"`
	Ceiling float64 `json:"percent_of_ceiling"` // of the nearer ceiling

	Variant string  `json:"variant,omitempty"`            // for a kernel of an op
	Error   float64 `json:"error_of_tolerance,omitempty"` // for a kernel of an op: the largest difference from its twin
}

// kernel returns the row of a dispatch. The rates are 0 if the dispatch takes less than a tick of
// the clock, which is 100 µs in browsers.
func (c Ceilings) kernel(t gpu.Timing) BenchKernel {
	ns := float64(t.Median)
	return BenchKernel{
		Layer: t.Layer, Kernel: t.Kernel, Shape: t.Detail, Ms: ns / 1e6, MinMs: float64(t.Min) / 1e6,
		GFlops: ratio(t.Flops, ns), GBs: ratio(t.Bytes, ns), Ceiling: c.percent(t),
	}
}

// ratio returns n/of, or 0 if of is 0, which means unknown.
func ratio[N, Of int64 | float64 | time.Duration](n N, of Of) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// BenchOptions selects what to measure.
type BenchOptions struct {
	Recipe nin.Recipe
	Batch  int    // images in a step
	Steps  int    // number of steps for the median
	Layer  string // only layers whose path begins with this
	Kernel string // only kernels whose name contains this

	Tune    bool   // measure the candidates of each convolution first
	Variant string // run all convolutions that have this variant on it
}

// Bench measures a recipe's network with random images: first whole steps without timestamps, and
// then each dispatch with them. It returns an [nn.RangeError] if Layer, Kernel or Variant matches
// nothing in the network.
func Bench(ctx context.Context, dev *gpu.Device, o BenchOptions) (BenchReport, error) {
	if err := checkNoise(o.Recipe.In, o.Batch); err != nil {
		return BenchReport{}, err
	}
	a := dev.Adapter()
	rep := BenchReport{Adapter: a.Name, Driver: a.Driver, Recipe: o.Recipe.Name, Batch: o.Batch}
	var err error
	if rep.Ceilings, err = ceilings(dev); err != nil {
		return rep, err
	}
	start := time.Now()
	on, err := session.New(dev, o.Recipe.Net(10, o.Recipe.Dropout), o.Recipe.In)
	if err != nil {
		return rep, err
	}
	defer on.Close()
	if err := on.Net.Init(o.Recipe.Init, 0); err != nil {
		return rep, err
	}
	images := session.Noise(o.Recipe.In, o.Batch, 10)
	if err := on.Load(images, nil); err != nil {
		return rep, err
	}
	dev.Wait()
	rep.UploadSeconds = time.Since(start).Seconds()
	if o.Variant != "" {
		if err := useVariant(on, o); err != nil {
			return rep, err
		}
	}
	if o.Tune {
		if err := on.Tune(ctx, o.Batch, func(nn.Choice) {}); err != nil {
			return rep, err
		}
	}
	defer dev.StopProfile() // in case of an error
	if err := rep.train(ctx, on, o); err != nil {
		return rep, err
	}
	if err := rep.kernels(dev, o); err != nil {
		return rep, err
	}
	return rep, rep.predict(ctx, on, o)
}

// checkFilters returns an error if Layer or Kernel matches no part of a training step.
func (o BenchOptions) checkFilters(t *nn.Trainer) error {
	var layers, kernels []string
	for _, l := range t.Layers() {
		layers = append(layers, l.Layer)
	}
	layers = append(layers, nn.UpdateLayer)
	if !slices.ContainsFunc(layers, func(name string) bool { return strings.HasPrefix(name, o.Layer) }) {
		return nn.RangeError{Setting: "Layer", Value: strconv.Quote(o.Layer),
			Want: "the beginning of one of " + strings.Join(layers, ", ")}
	}
	for _, k := range t.Kernels() {
		kernels = append(kernels, k.Name)
	}
	slices.Sort(kernels)
	kernels = slices.Compact(kernels)
	if !slices.ContainsFunc(kernels, func(name string) bool { return strings.Contains(name, o.Kernel) }) {
		return nn.RangeError{Setting: "Kernel", Value: strconv.Quote(o.Kernel),
			Want: "a part of one of " + strings.Join(kernels, ", ")}
	}
	return nil
}

// train measures the first training step, then o.Steps steps, and then as many again with
// timestamps, if the adapter has them.
func (rep *BenchReport) train(ctx context.Context, on *session.Session, o BenchOptions) error {
	start, dev := time.Now(), on.Net.Device()
	err := on.Train(nn.TrainConfig{
		Hyper: nn.Hyper{Batch: o.Batch, Epochs: 2*o.Steps + 1, Rate: 0, Momentum: o.Recipe.Momentum,
			WeightDecay: o.Recipe.WeightDecay},
	})
	if err != nil {
		return err
	}
	trainer := on.Trainer
	if err := o.checkFilters(trainer); err != nil {
		return err
	}
	rep.PlanSeconds, rep.Micro, rep.ArenaBytes = time.Since(start).Seconds(), trainer.MicroBatch(), trainer.ArenaBytes()
	_, rep.DeviceBytes = dev.Usage()

	var steps []float64
	var host float64 // of the first step, including compilation
	start = time.Now()
	for s, err := range trainer.Steps(ctx) { // each is an epoch, so nothing is in flight after it
		if err != nil {
			return err
		}
		seconds := time.Since(start).Seconds()
		if s.Step == 1 {
			rep.FirstSeconds, host = seconds, trainer.HostSeconds()
			dev.WaitAhead()
		} else {
			steps = append(steps, seconds)
		}
		if s.Step == o.Steps+1 {
			rep.HostShare = (trainer.HostSeconds() - host) / float64(o.Steps) / session.Median(steps)
			rep.TrainImages = float64(o.Batch) / session.Median(steps)
			rep.TrainGFlops = float64(trainer.Flops()) / session.Median(steps) / 1e9
			if err := dev.Profile(); err != nil {
				break // no timestamps: no table
			}
		}
		start = time.Now()
	}
	return nil
}

// kernels fills in the table of kernels from the timestamps. It returns an error if no kernel in
// Layer matches Kernel.
func (rep *BenchReport) kernels(dev *gpu.Device, o BenchOptions) error {
	defer dev.StopProfile()
	timings := dev.Timings()
	var inLayer []string
	for _, t := range timings {
		if !strings.HasPrefix(t.Layer, o.Layer) {
			continue
		}
		inLayer = append(inLayer, t.Kernel)
		if !strings.Contains(t.Kernel, o.Kernel) {
			continue
		}
		rep.Kernels = append(rep.Kernels, rep.kernel(t))
	}
	if len(timings) > 0 && len(rep.Kernels) == 0 {
		slices.Sort(inLayer)
		return nn.RangeError{Setting: "Kernel", Value: strconv.Quote(o.Kernel),
			Want: fmt.Sprintf("a part of one of those in the layer %s: %s", o.Layer,
				strings.Join(slices.Compact(inLayer), ", "))}
	}
	return nil
}

// predict measures the rate of prediction.
func (rep *BenchReport) predict(ctx context.Context, on *session.Session, o BenchOptions) error {
	if err := on.Measure(o.Batch); err != nil {
		return err
	}
	var runs []float64
	for range o.Steps + 1 {
		start := time.Now()
		if _, err := on.Evaluator.Run(ctx); err != nil {
			return err
		}
		runs = append(runs, time.Since(start).Seconds())
	}
	rep.PredictImages = float64(o.Batch) / session.Median(runs[1:])
	return nil
}

// useVariant makes the network run on o.Variant. It returns an error if none of its convolutions
// has that variant.
func useVariant(on *session.Session, o BenchOptions) error {
	on.Net.Use(nn.Kernels{"": o.Variant})
	choices, err := on.Choices(o.Batch)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(choices, func(c nn.Choice) bool { return c.Variant == o.Variant }) {
		return nn.RangeError{Setting: "Variant", Value: strconv.Quote(o.Variant),
			Want: fmt.Sprintf("one that a convolution of %s has on %s, of %s",
				o.Recipe.Name, on.Net.Device().Adapter().Name, strings.Join(conv2d.Names(), ", "))}
	}
	return nil
}

// checkNoise returns an error if the host lacks the memory for a batch of random images.
func checkNoise(in nn.Shape, batch int) error {
	// During an upload, the host holds random images twice, and the device holds them once.
	free, image := machine.FreeMemory(), 3*int64(in.Len())
	if free > 0 && int64(batch) > free/image {
		return fmt.Errorf("a batch of %d images takes %d bytes to make; %d are free, for at most %d images", batch,
			int64(batch)*image, free, free/image)
	}
	return nil
}

// Write prints the report as a table.
func (rep BenchReport) Write(w io.Writer) error {
	fmt.Fprint(w, rep.Adapter)
	if rep.Driver != "" { // a browser does not report it
		fmt.Fprintf(w, " (%s)", rep.Driver)
	}
	fmt.Fprintf(w, ", recipe %s, batch %d", rep.Recipe, rep.Batch)
	if rep.Micro < rep.Batch {
		fmt.Fprintf(w, " (%d at a time)", rep.Micro)
	}
	fmt.Fprintln(w)
	if len(rep.Kernels) > 0 {
		fmt.Fprintln(w, rep.Ceilings)
	}
	fmt.Fprintf(w, "training    %.2f images/s, %.1f GFLOP/s, host %.2f %% of a step\n", rep.TrainImages,
		rep.TrainGFlops, 100*rep.HostShare)
	fmt.Fprintf(w, "prediction  %.2f images/s\n", rep.PredictImages)
	fmt.Fprintf(w, "start       upload %.2f s, plan %.2f s, first step %.2f s\n", rep.UploadSeconds, rep.PlanSeconds,
		rep.FirstSeconds)
	fmt.Fprintf(w, "memory      %.1f MB of activations and gradients, %.1f MB in all buffers\n",
		float64(rep.ArenaBytes)/1e6, float64(rep.DeviceBytes)/1e6)
	if len(rep.Kernels) == 0 {
		_, err := fmt.Fprintln(w,
			"kernels     not timed: the adapter has no timestamp queries; the figures above are by the wall clock")
		return err
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "layer\tkernel\tms\tGFLOP/s\tGB/s\t% of ceiling\tshape\t")
	for _, k := range rep.Kernels {
		fmt.Fprintf(t, "%s\t%s\t%.3f\t%.2f\t%.2f\t%.1f\t%s\t\n", k.Layer, k.Kernel, k.Ms, k.GFlops, k.GBs,
			k.Ceiling, k.Shape)
	}
	return t.Flush()
}
