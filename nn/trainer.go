package nn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"strings"
	"time"

	"wgnin/gpu"
	"wgnin/nn/safetensors"
	"wgnin/shaders"
	"wgnin/shaders/adam"
)

// TrainConfig is the configuration of a [Trainer]. Only Batch, Epochs and Rate of Hyper must be
// set.
type TrainConfig struct {
	Hyper
	Schedule Schedule // of the learning rate; nil means Rate at every step
	Augment  Augment
	Loss     Loss // nil means CrossEntropy{}

	// Shares divides each batch into Shards parts in proportion to these numbers instead of
	// equally, to balance ranks of different speed: 5 and 3 divide 128 images into 80 and 48. A
	// micro-batch then has at most Batch divided by the sum of Shares, rounded up, here 16 images,
	// so that the number of micro-batches is proportional to the part. The bits depend on Shares,
	// but not on the number of ranks.
	Shares []int

	// MicroBatch is the largest number of images that run together. The gradients of the
	// micro-batches are added up to that of the batch. 0 means as many images of a part as the
	// adapter can bind and has memory for; see also Shares.
	MicroBatch int
	// SettleEvery makes every SettleEvery-th step a settled one (see [Step]), so that the weights
	// can be saved. 0 means only the last step of each epoch.
	SettleEvery int
}

// Step is the result of one step of training.
type Step struct {
	Step   int     // counts from 1
	Epoch  int     // counts from 0
	Loss   float64 // mean over the batch, before the update; see [Loss]
	Images int     // in the batch
	Rate   float64 // learning rate of the update

	// Weight is the divisor of the mean: Images, or the sum of the weights of the images' classes
	// (see [ClassWeighted]). The loss of several steps as one batch is the sum of Loss*Weight,
	// divided by the sum of Weight.
	Weight float64

	// Settled reports whether no later step has been submitted. The net then has the weights after
	// this step, and can be evaluated or saved.
	Settled bool
}

// Trainer trains a net on images.
type Trainer struct {
	net    *Net
	images *Images
	cfg    TrainConfig

	division division // of a batch
	source   *source
	loss     objective
	state    []*gpu.Buffer // of the optimizer
	decays   *gpu.Buffer   // one for each weight; nil if all are the same
	metrics  *gpu.Buffer
	forward  *gpu.Plan    // forward and backward pass of a micro-batch
	outputs  []*Described // of the plan forward
	tree     *tree        // adds up the parts of a batch; nil if there is only one
	exchange *exchange    // adds up the sums of all ranks; nil if there is only one
	update   *gpu.Plan
	readback *gpu.Readback
	micro    int
	step     int           // steps submitted
	order    []uint32      // of the images; nil means the order of the set
	ordered  int           // epoch of the order that the source has, counting from 1
	settle   bool          // the next step is to be settled
	settled  bool          // the last submitted step is settled
	stopped  bool          // a rank wanted to stop after the last submitted step
	host     time.Duration // spent in submit
}

// inFlight is the number of steps that are submitted before the loss of the oldest is read.
const inFlight = 3

// NewTrainer records the plans of a training step of net on images. A batch of more images than the
// adapter can bind or has memory for runs in parts ([Trainer.MicroBatch]), with the same gradient.
// The gradients of net belong to the trainer until it is closed, so a net has one trainer at a
// time.
//
// Errors: a [RangeError] of a setting; images that do not fit the net's input, or labels and
// targets that do not fit its output and the loss; a step of one image that is too large for the
// adapter, which wraps [gpu.ErrTooLarge] or [gpu.ErrOutOfMemory].
func NewTrainer(net *Net, images *Images, cfg TrainConfig) (_ *Trainer, err error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if images.Len() < 1 {
		return nil, errors.New("no images to train on")
	}
	cfg.Batch = min(cfg.Batch, images.Len())
	if ranks := size(net.ranks); cfg.Shards == 0 {
		cfg.Shards = ranks
	} else if cfg.Shards < ranks {
		return nil, fewShards(cfg.Shards, ranks)
	}
	if cfg.Schedule == nil {
		cfg.Schedule = Constant(cfg.Rate)
	}
	t := &Trainer{net: net, images: images, cfg: cfg}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	if err = checkShares(cfg.Shares, cfg.shards(), cfg.Batch); err != nil {
		return nil, err
	}
	t.division = divided(cfg.shards(), cfg.Shares)
	t.micro = net.split(t.division.share(cfg.Batch)) // with equal parts, a whole part
	if cfg.MicroBatch > 0 {
		t.micro = min(t.micro, cfg.MicroBatch)
	}
	if t.source, err = images.source(net.In); err != nil {
		return nil, err
	}
	if t.loss, err = newObjective(net, images, cfg.Loss); err != nil {
		return nil, err
	}
	if t.metrics, err = net.dev.NewBuffer("metrics", shaders.MetricsBytes); err != nil {
		return nil, err
	}
	for _, prefix := range cfg.optimizerState() {
		b, err := net.dev.NewBuffer(strings.TrimSuffix(prefix, "."), net.weights.Bytes())
		if err != nil {
			return nil, err
		}
		t.state = append(t.state, b)
	}
	if decays := cfg.decays(net); decays != nil {
		if t.decays, err = upload(net.dev, "decays", decays); err != nil {
			return nil, err
		}
	}
	if cfg.Shards > 1 {
		first, end := t.shards()
		if t.tree, err = newTree(net, t.metrics, cfg.Shards, end-first); err != nil {
			return nil, err
		}
	}
	if net.ranks != nil {
		if t.exchange, err = newExchange(net, t.metrics); err != nil {
			return nil, err
		}
	}
	if t.micro, err = net.fitting(t.micro, t.plan); err != nil {
		return nil, err
	}
	if t.exchange != nil {
		if err = t.exchange.follow(t.forward, t.tree.levels); err != nil {
			return nil, err
		}
	}
	r := net.dev.NewRecorder()
	t.tree.buildMean(r)
	cfg.buildUpdate(r, net, t.state, t.decays, t.metrics)
	if t.update, err = r.Plan(); err != nil {
		return nil, err
	}
	t.readback, err = net.dev.NewReadback(inFlight, t.metrics.All())
	return t, err
}

// plan records the forward and the backward pass of n images.
func (t *Trainer) plan(n int) error {
	g, err := t.net.training(n)
	if err != nil {
		return err
	}
	x, target := t.source.build(g, t.net.In)
	logits := t.net.build(g, t.net.see(g, x, t.cfg.Augment))
	t.outputs = g.outputs()
	t.loss.build(g, logits, target, t.metrics.All())
	g.runBackward()
	t.forward.Release() // the plan of more images
	t.forward, err = g.rec.Plan()
	return err
}

// shards returns the parts of a batch that this rank computes: from first up to but not including
// end.
func (t *Trainer) shards() (first, end int) { return own(t.net.ranks, t.cfg.Shards) }

// Check returns a [RangeError], which says what would be right, if no training can have this
// configuration.
func (c TrainConfig) Check() error {
	if err := c.Hyper.Check(); err != nil {
		return err
	}
	if c.Schedule != nil {
		if err := checkRate("Schedule", c.Schedule.Rate(1)); err != nil {
			return err
		}
	}
	if err := inRange("MicroBatch", c.MicroBatch, 0, 1e6); err != nil {
		return err
	}
	return inRange("SettleEvery", c.SettleEvery, 0, 1e9)
}

// build records the network on g. It fails if the network differs from the one for which fusion was
// decided, because the fused kernels would then compute something else.
func (net *Net) build(g *Graph, x *Tensor) *Tensor {
	g.out = g.root(net.Layer, x)
	if g.ok() && !maps.Equal(g.readers(), g.fusion.readers) {
		return g.Fail(errors.New("nn: a layer builds different things each time; what it builds may depend only on the graph's fields"))
	}
	return g.out
}

// Close frees the device memory. It may be called on nil.
func (t *Trainer) Close() {
	if t == nil {
		return
	}
	t.readback.Release()
	t.forward.Release()
	t.tree.close()
	t.exchange.close()
	t.update.Release()
	t.metrics.Release()
	t.decays.Release()
	for _, b := range t.state {
		b.Release()
	}
	t.loss.close()
	t.source.close()
}

// Batch returns the number of images of a step. The last step of an epoch may have fewer.
func (t *Trainer) Batch() int { return t.cfg.Batch }

// MicroBatch returns the number of images that run at a time.
func (t *Trainer) MicroBatch() int { return t.micro }

// StepsPerEpoch returns the number of batches in a pass over the images.
func (t *Trainer) StepsPerEpoch() int { return shaders.DivUp(t.images.Len(), t.cfg.Batch) }

// Loss returns the loss that the trainer minimises.
func (t *Trainer) Loss() Loss { return t.loss.Loss }

// Total returns the number of steps of the run.
func (t *Trainer) Total() int { return t.cfg.Total(t.images.Len()) }

// plans returns the plans of a step: of a micro-batch, of the sums of the parts of a batch, of the
// sums of all ranks, and of the update.
func (t *Trainer) plans() []*gpu.Plan {
	first, end := t.shards()
	all := append([]*gpu.Plan{t.forward}, t.tree.sums(end-first-1)...)
	if t.exchange != nil {
		all = append(all, t.exchange.sums[0][0].plan)
	}
	return append(all, t.update)
}

// String returns the plan of a step, one dispatch a line (see gpu.Plan.String): the dispatches of a
// micro-batch, those that add two parts of a batch for each level of the tree (see Hyper.Shards),
// those that add the sums of all ranks, and then the update.
func (t *Trainer) String() (text string) {
	for _, p := range t.plans() {
		text += p.String()
	}
	return text
}

// Kernels returns the kernels of a step, each once: forward, backward and update.
func (t *Trainer) Kernels() (all []gpu.KernelText) {
	for _, p := range t.plans() {
		all = append(all, p.Kernels()...)
	}
	return all
}

// ArenaBytes returns the bytes of the memory that activations and gradients share.
func (t *Trainer) ArenaBytes() int64 { return t.forward.ArenaBytes() }

// Layers returns the costs of the layers for one micro-batch: forward, backward and loss.
func (t *Trainer) Layers() []gpu.LayerCost { return t.forward.Layers() }

// Flops returns the number of arithmetic operations of a step of a whole batch, on all ranks.
func (t *Trainer) Flops() (n int64) {
	for range t.division.runs(t.cfg.Batch, 0, t.division.parts(), t.micro) {
		n += t.forward.Flops()
	}
	return n
}

// runs yields the runs of this rank for a batch of the given number of images.
func (t *Trainer) runs(images int) iter.Seq[run] {
	first, end := t.shards()
	return t.division.runs(images, first, end, t.micro)
}

// Steps runs the remaining steps and yields each, in order, when its loss is known. A few steps are
// in flight at a time, and none at the end of an epoch. The sequence ends after the last step or an
// error. When ctx is done, it ends with ctx's error after the steps in flight.
//
// A step whose loss is not finite, or that makes a weight not finite, ends the sequence with
// an [ErrDiverged] that names the first such layer. The device detects the divergence: neither
// the step with such a loss nor the steps in flight after it change the weights. They may change
// the running state of a layer. To continue, restore the net's weights and state, and the state of
// the trainer.
//
// With several ranks (see [Across]), if the ctx of one is done, all end after the same step, with a
// context's error.
func (t *Trainer) Steps(ctx context.Context) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		if !t.net.set {
			yield(Step{}, errUnset)
			return
		}
		var flying []Step
		land := func() bool {
			s := flying[0]
			flying = flying[1:]
			err := t.next(&s)
			return yield(s, err) && err == nil
		}
		defer func() {
			for range flying { // the caller stopped; discard them
				_ = t.readback.Next(nil)
			}
		}()
		for t.stopped = false; t.step < t.Total() && (t.exchange != nil || ctx.Err() == nil) && !t.stopped; {
			s, err := t.submit(ctx.Err() != nil)
			if err != nil {
				yield(s, err)
				return
			}
			flying = append(flying, s)
			// Ranks wait for each other anyway, and must see an error at the same step.
			for len(flying) > 0 && (t.readback.Full() || s.Settled || t.exchange != nil) {
				if !land() {
					return
				}
			}
		}
		for len(flying) > 0 {
			if !land() {
				return
			}
		}
		switch err := ctx.Err(); {
		case t.stopped:
			yield(Step{Step: t.step}, everywhere{cmp.Or(err, context.Canceled)})
		case err != nil && t.exchange == nil:
			yield(Step{Step: t.step}, err)
		}
	}
}

// Settle makes the next step a settled one (see [Step]), unless the last submitted step is settled.
func (t *Trainer) Settle() { t.settle = !t.settled }

// State returns what a run needs, besides the net's weights, to continue from a settled step: the
// number of steps done, and the optimizer's state, with a value for each weight. The names are
// velocity.net.0.weight for sgd with momentum, and exp_avg.net.0.weight and exp_avg_sq.net.0.weight
// for Adam and AdamW.
func (t *Trainer) State() (steps int, optimizer []safetensors.Tensor, err error) {
	optimizer, err = t.readState()
	return t.step, optimizer, err
}

// SetState makes the trainer continue from a [Trainer.State]. It may be called after the training
// has diverged. Errors: a state that does not fit the net and the optimizer.
func (t *Trainer) SetState(steps int, optimizer []safetensors.Tensor) error {
	if steps < 0 || steps > t.Total() {
		return fmt.Errorf("%d steps are done of %d", steps, t.Total())
	}
	t.step = steps
	if err := gpu.Write(t.metrics.All(), make([]float32, shaders.MetricsBytes/4)); err != nil {
		return err
	}
	return t.writeState(optimizer)
}

// Share sends the state of rank 0 to all ranks: the weights, the running state, the number of steps
// done and the state of the optimizer. Call it on all ranks after rank 0 has set them and before
// the first step. With one rank it does nothing.
func (t *Trainer) Share() error {
	ranks := t.net.ranks
	if ranks == nil {
		return nil
	}
	step := []uint32{uint32(t.step), 0}
	if t.net.set {
		step[1] = 1
	}
	if err := ranks.Broadcast(gpu.Bytes(step), 0); err != nil {
		return err
	}
	t.step, t.net.set = int(step[0]), step[1] == 1
	buffers := t.net.buffers()
	for _, b := range append(buffers[:], t.state...) {
		if b == nil {
			continue
		}
		values := make([]float32, b.Bytes()/4)
		if ranks.Rank() == 0 {
			if err := gpu.Read(b.All(), values); err != nil {
				return err
			}
		}
		if err := ranks.Broadcast(gpu.Bytes(values), 0); err != nil {
			return err
		}
		if err := gpu.Write(b.All(), values); err != nil {
			return err
		}
	}
	return gpu.Write(t.metrics.All(), make([]float32, shaders.MetricsBytes/4))
}

// StateBytes returns the size of the optimizer's state on the device in bytes.
func (t *Trainer) StateBytes() int64 {
	n := int64(0)
	for _, b := range t.state {
		n += b.Bytes()
	}
	return n
}

// Submitted returns the number of steps that have been submitted. Work that is submitted next, such
// as a probe's, sees the weights after the last of them.
func (t *Trainer) Submitted() int { return t.step }

// Exchanged returns the bytes that this rank sends to others in a step, and the total time that it
// has spent exchanging data with them, waiting included. Both are 0 with one rank. See [Across].
func (t *Trainer) Exchanged() (bytes int64, waited time.Duration) {
	if t.exchange == nil {
		return 0, 0
	}
	return t.exchange.bytes(), t.exchange.waited
}

// HostSeconds returns the seconds that the host has spent submitting steps.
func (t *Trainer) HostSeconds() float64 { return t.host.Seconds() }

// submit queues the next step. It tells the other ranks whether this one wants to stop after that
// step.
func (t *Trainer) submit(stop bool) (Step, error) {
	defer func(start time.Time) { t.host += time.Since(start) }(time.Now())
	perEpoch := t.StepsPerEpoch()
	epoch, inEpoch := t.step/perEpoch, t.step%perEpoch
	s := Step{
		Step: t.step + 1, Epoch: epoch, Images: min(t.cfg.Batch, t.images.Len()-inEpoch*t.cfg.Batch),
		Rate: t.cfg.Schedule.Rate(t.step + 1),
		Settled: inEpoch == perEpoch-1 || t.step+1 == t.Total() || t.settle || t.cfg.SettleEvery > 0 &&
			(t.step+1)%t.cfg.SettleEvery == 0,
	}
	t.settle, t.settled = false, s.Settled
	if t.cfg.Shuffle && t.ordered != epoch+1 {
		if err := t.shuffle(epoch); err != nil {
			return s, err
		}
	}
	s.Weight = t.loss.weight(s.Images, func(i int) int {
		i += inEpoch * t.cfg.Batch
		if t.order != nil {
			i = int(t.order[i])
		}
		return i
	})
	if err := t.runAll(s, stop); err != nil {
		return s, fmt.Errorf("step %d: %w", s.Step, err)
	}
	t.step++
	return s, nil
}

// runAll queues the runs of the step s.
func (t *Trainer) runAll(s Step, stop bool) error {
	if err := t.tree.begin(); err != nil {
		return err
	}
	for r := range t.runs(s.Images) {
		if err := t.run(s, r, stop); err != nil {
			return err
		}
	}
	return nil
}

// run queues a run of the step s, and the update after the last one.
func (t *Trainer) run(s Step, r run, stop bool) (err error) {
	if err := t.setBatch(s, r); err != nil {
		return err
	}
	if !r.last {
		return t.net.dev.Run(t.forward)
	}
	first, end := t.shards()
	plans := append([]*gpu.Plan{t.forward}, t.tree.sums(r.part-first)...)
	switch {
	case r.part < end-1:
		if err := t.net.dev.Run(plans...); err != nil {
			return err
		}
		return t.tree.keep(r.part - first)
	case t.exchange == nil:
		return t.readback.Run(append(plans, t.update)...)
	}
	if t.stopped, err = t.exchange.run(stop); err != nil {
		return err
	}
	return t.readback.Run(t.update)
}

// setBatch sets the images of the run r of s as the micro-batch.
func (t *Trainer) setBatch(s Step, r run) error {
	b := shaders.Batch{
		Rows: uint32(r.rows), Row0: uint32(r.row), Offset: uint32((s.Step-1)%t.StepsPerEpoch()*t.cfg.Batch + r.row),
		Step: uint32(s.Step), Seed: uint32(t.cfg.Seed ^ t.cfg.Seed>>32), Rate: float32(s.Rate),
		InvImages: 1 / float32(s.Weight),
	}
	if r.first {
		b.First = 1
	}
	b.Correction1, b.Correction2 = adam.Corrections(s.Step)
	return gpu.Write(t.net.batch.All(), b.Words())
}

// shuffle uploads the order of the images for the epoch.
func (t *Trainer) shuffle(epoch int) error {
	r := rand.New(rand.NewPCG(t.cfg.Seed, uint64(epoch)))
	t.order = make([]uint32, t.images.Len())
	for i, v := range r.Perm(len(t.order)) {
		t.order[i] = uint32(v)
	}
	t.ordered = epoch + 1
	return gpu.Write(t.source.order.All(), t.order)
}

// next waits for the oldest step in flight and sets its loss.
func (t *Trainer) next(s *Step) error {
	var m [shaders.MetricsBytes / 4]float32
	if err := t.readback.Next(m[:]); err != nil {
		return fmt.Errorf("step %d: %w", s.Step, err)
	}
	s.Loss = float64(m[shaders.MetricLoss]) / s.Weight
	if m[shaders.MetricDiverged] != 0 || m[shaders.MetricOverflow] != 0 {
		return t.diverged(*s)
	}
	return nil
}
