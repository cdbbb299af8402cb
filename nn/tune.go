package nn

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"wgnin/gpu"
	"wgnin/shaders"
	"wgnin/shaders/conv2d"
	"wgnin/shaders/winograd"
)

// Kernels names the variants with which a net's convolutions run, by pass and shape, such as
// "forward [64,96->256] 26x26 5x5 s1 p2": "tile 128x128x16". A pass that is not in it uses the
// variant of the key "", if that suits its shape, and otherwise the default of the device's class.
// Variants add in different orders, so the last bits of a run depend on them.
type Kernels map[string]string

// Use sets the kernels of the trainers and evaluators that are made of the net from now on. Making
// one fails if k names a variant that the device does not have for a shape.
func (net *Net) Use(k Kernels) { net.kernels = k }

// convolution is a convolution of a graph, with the variants on which it runs.
type convolution struct {
	path   string
	shape  conv2d.Shape
	passes []conv2d.Pass
}

// kernelKey returns the key of a pass in [Kernels].
func kernelKey(p conv2d.Pass, s conv2d.Shape) string {
	key := p.String() + " " + s.String()
	if s.InStride%4 != 0 { // the network's input, whose channels are not padded
		key += " input"
	}
	return key
}

// choose sets the variants of s to those of g.kernels, or else to the defaults of the device.
func (g *Graph) choose(s conv2d.Shape) (conv2d.Shape, error) {
	dev := g.rec.Device()
	s = s.On(dev)
	for p := range conv2d.Pass(conv2d.Passes) {
		key := kernelKey(p, s)
		name, named := g.kernels[key]
		if !named {
			name = g.kernels[""]
		}
		v, ok := s.Named(dev, p, name)
		if named && !ok {
			return s, fmt.Errorf("%s: there is no variant %q on %s; want one of %v", key, name, dev.Adapter().Name,
				s.Candidates(dev, p))
		}
		if ok {
			s.Variants[p] = v
		}
	}
	return s, nil
}

// convolved records a convolution of the layer being built, and which gradients it has.
func (g *Graph) convolved(s conv2d.Shape, ofInput, ofWeights bool) {
	passes := []conv2d.Pass{conv2d.Forward}
	if ofInput {
		passes = append(passes, conv2d.InputGradient)
	}
	if ofWeights {
		passes = append(passes, conv2d.WeightGradient)
	}
	path := ""
	if g.layer != nil {
		path = g.layer.Path
	}
	g.convolutions = append(g.convolutions, convolution{path, s, passes})
}

// Choice describes the variant with which one pass of one layer runs.
type Choice struct {
	Key        string     `json:"-"` // of the pass in Kernels
	Layer      string     `json:"layer"`
	Pass       string     `json:"pass"`
	Shape      string     `json:"shape"`
	Variant    string     `json:"variant"`
	Candidates []Measured `json:"candidates"` // the default first
}

// Measured is the result of measuring a candidate.
type Measured struct {
	Variant string  `json:"variant"`
	Ms      float64 `json:"ms,omitempty"`        // shortest time of a run in milliseconds; 0 if not measured
	Median  float64 `json:"median_ms,omitempty"` // of five; only if it is not much slower than the fastest
	Error   string  `json:"error,omitempty"`     // why it was not measured
	Default bool    `json:"default,omitempty"`   // the default of the device's class
	GFlops  float64 `json:"gflop_per_s,omitempty"`
}

// Choices returns the variants of all convolutions of a training step, in the order of the layers.
// batch is the number of images of the step; if it is split, the variants are those of a part.
func (net *Net) Choices(batch int) ([]Choice, error) {
	convs, err := net.convolutions(batch)
	if err != nil {
		return nil, err
	}
	var all []Choice
	for _, c := range convs {
		for _, p := range c.passes {
			all = append(all, net.choice(c, p))
		}
	}
	return all, nil
}

func (net *Net) choice(c convolution, p conv2d.Pass) Choice {
	ch := Choice{Key: kernelKey(p, c.shape), Layer: c.path, Pass: p.String(), Shape: c.shape.String(),
		Variant: c.shape.Variants[p].String()}
	for i, v := range c.shape.Candidates(net.dev, p) {
		ch.Candidates = append(ch.Candidates, Measured{Variant: v.String(), Default: i == 0})
	}
	return ch
}

// convolutions returns the convolutions of a training step.
func (net *Net) convolutions(batch int) ([]convolution, error) {
	g, err := net.training(net.split(batch))
	if err != nil {
		return nil, err
	}
	net.build(g, g.input(net.In))
	return g.convolutions, g.rec.Err()
}

// Tune measures the variants of every pass that known does not name, on the device with random
// numbers, and returns the fastest of each pass. It skips a variant whose results differ from the
// default's by more than the order of additions explains, and a family if the driver takes too long
// to compile one of its variants. It calls report after each pass. After an error, such as ctx's,
// it also returns what it has measured so far.
func (net *Net) Tune(ctx context.Context, batch int, known Kernels, report func(Choice)) (Kernels, error) {
	convs, err := net.convolutions(batch)
	if err != nil {
		return nil, err
	}
	kernels := Kernels{}
	slow := map[conv2d.Family]error{}
	for _, c := range convs {
		for _, p := range c.passes {
			ch := net.choice(c, p)
			name := known[ch.Key]
			if _, ok := c.shape.Named(net.dev, p, name); ok {
				kernels[ch.Key] = name
			}
			if _, done := kernels[ch.Key]; done {
				continue
			}
			if err := ctx.Err(); err != nil {
				return kernels, err
			}
			if err := net.measure(&ch, c.shape, p, slow); err != nil {
				return kernels, fmt.Errorf("layer %s: %s: %w", c.path, ch.Key, err)
			}
			kernels[ch.Key] = ch.Variant
			report(ch)
		}
	}
	return kernels, nil
}

// patience is the time that Tune allows for the compilation of a variant. If one takes longer, Tune
// skips the rest of its family. A network has dozens of convolutions, and a pass half a dozen
// variants.
var patience = 5 * time.Second

// measure times the candidates of a pass and picks the fastest. It skips the families in slow, and
// adds a family to slow if one of its variants is slow to compile.
func (net *Net) measure(ch *Choice, s conv2d.Shape, p conv2d.Pass, slow map[conv2d.Family]error) error {
	t := &trial{dev: net.dev, rand: rand.New(rand.NewPCG(1, 2))}
	defer t.close()
	left, right, out, terms := s.In(), s.Weights(), s.Out(), s.Rows()
	switch p {
	case conv2d.InputGradient:
		left, right, out, terms = s.Out(), s.Transposed(), s.In(), s.KH*s.KW*s.OutC
	case conv2d.WeightGradient:
		right, out, terms = s.Out(), s.Weights(), s.N*s.OutH()*s.OutW()
	}
	x, y, z, batch := t.noise("x", left), t.noise("y", right), t.buffer("z", out),
		t.buffer("batch", shaders.BatchBytes/4)
	if t.err == nil {
		t.err = gpu.Write(batch, shaders.Batch{First: 1}.Words())
	}
	if t.err != nil {
		return t.err
	}
	chain := terms // of additions
	if p == conv2d.WeightGradient {
		chain = s.Chain()
	}
	var want []float32
	fastest := math.Inf(1)
	for i, v := range s.Candidates(net.dev, p) {
		m := &ch.Candidates[i]
		if err := slow[v.Family]; err != nil && i > 0 {
			m.Error = err.Error()
			continue
		}
		s.Variants[p] = v
		if p == conv2d.WeightGradient {
			chain = max(s.Chain(), chain)
		}
		r := net.dev.NewRecorder()
		temp := func(label string, values int) gpu.View { return r.Temp(label, int64(values)*4) }
		switch p {
		case conv2d.Forward:
			convForward(r, temp, s, false, conv2d.ForwardArgs[view]{In_: x, W: y, Out: z})
		case conv2d.InputGradient:
			convInputGradient(r, temp, s, conv2d.DXReLUArgs[view]{In_: x, W: y, Out: z})
		case conv2d.WeightGradient:
			convWeightGradient(r, temp, s, winograd.WeightGradientArgs{Batch: batch, X: x, DY: y, DW: z})
		}
		got, seconds, median, err := t.time(r, z, fastest)
		if t.compiled > patience {
			slow[v.Family] = fmt.Errorf("not tried: %s took %s to compile", v, t.compiled.Round(time.Second))
		}
		if err == nil && want != nil {
			// Values are uniform in [-1,1), so the mean size of a product is 1/4. Half as much
			// again is far from what sums of products reach.
			size := 0.375*float64(terms) + 8
			if v.Alpha > 0 {
				size *= max(1, winograd.Points{Alpha: v.Alpha, Taps: s.KH}.Growth(p == conv2d.WeightGradient))
			}
			err = near(got, want, 2*shaders.Tolerance(chain, 0, size))
		}
		if err != nil {
			if i == 0 {
				return err
			}
			m.Error = err.Error()
			continue
		}
		if i == 0 {
			want = got
		}
		m.Ms, m.Median, m.GFlops = seconds*1e3, median*1e3, 2*float64(s.MACs())/seconds/1e9
		if seconds < fastest {
			fastest, ch.Variant = seconds, m.Variant
		}
	}
	return nil
}

// near returns an error if a value of got differs from want by more than tolerance.
func near(got, want []float32, tolerance float64) error {
	for i := range got {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= tolerance) {
			return fmt.Errorf("result %d is %g; the default's is %g", i, got[i], want[i])
		}
	}
	return nil
}

// trial holds the memory of a measurement. Its error is sticky.
type trial struct {
	dev     *gpu.Device
	rand    *rand.Rand
	buffers []*gpu.Buffer
	err     error

	compiled time.Duration // compilation time of the last recording
}

func (t *trial) close() {
	for _, b := range t.buffers {
		b.Release()
	}
}

func (t *trial) buffer(label string, values int) gpu.View {
	if t.err != nil {
		return gpu.View{}
	}
	b, err := t.dev.NewBuffer(label, int64(values)*4)
	if err != nil {
		t.err = err
		return gpu.View{}
	}
	t.buffers = append(t.buffers, b)
	return b.All()
}

func (t *trial) noise(label string, values int) gpu.View {
	v := t.buffer(label, values)
	if t.err == nil {
		x := make([]float32, values)
		for i := range x {
			x[i] = 2*t.rand.Float32() - 1
		}
		t.err = gpu.Write(v, x)
	}
	return v
}

// time compiles and runs what r has recorded. After the first run, it reads the result. Then it
// doubles the number of runs until they take `sample` seconds, which also warms up the device.
// Last, it times that number of runs five times, and returns the shortest and the median time of a
// run. It stops early if a run takes more than three times as long as fastest.
func (t *trial) time(r *gpu.Recorder, result gpu.View, fastest float64) (got []float32, seconds, median float64,
	err error) {
	const sample = 0.02
	began := time.Now()
	plan, err := r.Plan()
	if err != nil {
		return nil, 0, 0, err
	}
	defer plan.Release()
	run := func(n int) (float64, error) {
		start := time.Now()
		if err := t.dev.Run(slices.Repeat([]*gpu.Plan{plan}, n)...); err != nil {
			return 0, err
		}
		t.dev.Wait()
		return time.Since(start).Seconds() / float64(n), nil
	}
	if _, err = run(1); err != nil {
		return nil, 0, 0, err
	}
	first := time.Since(began)
	got = make([]float32, result.Bytes()/4)
	if err = gpu.Read(result, got); err != nil {
		return nil, 0, 0, err
	}
	n := 1
	for {
		if seconds, err = run(n); n == 1 {
			t.compiled = first - time.Duration(seconds*float64(time.Second))
		}
		if err != nil || seconds > 3*fastest {
			return got, seconds, 0, err
		}
		if seconds*float64(n) >= sample {
			break
		}
		n *= 2
	}
	var all [5]float64
	for i := range all {
		if all[i], err = run(n); err != nil {
			return nil, 0, 0, err
		}
	}
	slices.Sort(all[:])
	return got, min(seconds, all[0]), all[2], nil
}
