package nn

import (
	"cmp"
	"context"
	"fmt"
	"iter"

	"wgnin/gpu"
	"wgnin/shaders"
)

// Evaluator measures a net on images.
type Evaluator struct {
	net      *Net
	images   *Images
	source   *source
	loss     objective
	metrics  *gpu.Buffer
	plan     *gpu.Plan
	readback *gpu.Readback
	values   *gpu.Readback // of logits; nil until they are first requested
	logits   *Tensor
	outputs  []*Described
	batch    int
	shards   int
}

// Evaluation is the result of an Evaluator.
type Evaluation struct {
	Loss     float64 // mean over the images; see [Loss]
	Accuracy float64 // share of the images whose largest logit is the label's
	Images   int
}

// NewEvaluator records a forward pass of net on batches of images. If the adapter cannot bind
// batches of that size, or has no memory for them, they are smaller. The loss is CrossEntropy{} if
// none is given; [Outputs] computes outputs alone. The caller closes the evaluator.
//
// Errors: more than one loss; images that do not fit the net's input, or labels and targets that do
// not fit its output and the loss; one image that is too large for the adapter, which wraps
// [gpu.ErrTooLarge] or [gpu.ErrOutOfMemory].
func NewEvaluator(net *Net, images *Images, batch int, loss ...Loss) (_ *Evaluator, err error) {
	if len(loss) > 1 {
		return nil, errOneLoss
	}
	e := &Evaluator{net: net, images: images, shards: size(net.ranks)}
	defer func() {
		if err != nil {
			e.Close()
		}
	}()
	e.batch = net.split(max(1, min(batch, images.Len())))
	if e.source, err = images.source(net.In); err != nil {
		return nil, err
	}
	if e.loss, err = newObjective(net, images, append(loss, nil)[0]); err != nil {
		return nil, err
	}
	if e.metrics, err = net.dev.NewBuffer("metrics", shaders.MetricsBytes); err != nil {
		return nil, err
	}
	if e.batch, err = net.fitting(e.batch, e.record); err != nil {
		return nil, err
	}
	e.readback, err = net.dev.NewReadback(inFlight, e.metrics.All())
	return e, err
}

// record records the forward pass of n images.
func (e *Evaluator) record(n int) error {
	g, err := e.net.predicting(n)
	if err != nil {
		return err
	}
	x, target := e.source.build(g, e.net.In)
	e.logits = e.net.build(g, e.net.see(g, x, Augment{}))
	e.outputs = g.outputs()
	g.rec.Keep(e.logits.Data)
	if e.loss.Loss != (Outputs{}) {
		e.loss.build(g, e.logits, target, e.metrics.All())
	}
	e.plan.Release() // the plan of more images
	e.plan, err = g.rec.Plan()
	return err
}

// Close frees the device memory. It may be called on nil.
func (e *Evaluator) Close() {
	if e == nil {
		return
	}
	e.readback.Release()
	e.values.Release()
	e.plan.Release()
	e.metrics.Release()
	e.loss.close()
	e.source.close()
}

// ArenaBytes returns the bytes of the memory that activations share.
func (e *Evaluator) ArenaBytes() int64 { return e.plan.ArenaBytes() }

// Layers returns the costs of the layers for one batch.
func (e *Evaluator) Layers() []gpu.LayerCost { return e.plan.Layers() }

// Batch returns the number of images that run at a time.
func (e *Evaluator) Batch() int { return e.batch }

// SetShards makes Run and Batches divide the images into n parts, as Hyper.Shards divides a batch.
// The losses of each part are added separately, and then the sums in the order of the parts; 0 is
// the number of ranks. Errors: n is not a power of two, or less than the number of ranks.
func (e *Evaluator) SetShards(n int) error {
	ranks := size(e.net.ranks)
	switch err := checkShards(n); {
	case err != nil:
		return err
	case n != 0 && n < ranks:
		return fewShards(n, ranks)
	}
	e.shards = max(n, ranks)
	return nil
}

// Run measures the net as it is now, on all images. The accuracy is the share of the images. The
// chapter's is the mean over batches, which gives more weight to the images of a smaller last
// batch. Errors: those of [Evaluator.Batches].
func (e *Evaluator) Run(ctx context.Context) (all Evaluation, err error) {
	for all, err = range e.Batches(ctx) {
		if err != nil {
			return Evaluation{}, err
		}
	}
	return all, nil
}

// Batches measures as Run does, and yields the evaluation of the images so far after each batch. A
// few batches are in flight at a time. When ctx is done, it ends soon, with ctx's error. A loss
// that is not finite is an [ErrDiverged] that names the layer where this begins.
//
// With several ranks (see [Across]), each measures its share of the parts and yields the evaluation
// of these; the last evaluation is that of all ranks. The caller must take the sequence to its end.
// An error of one rank is an [ErrElsewhere] or the error of a context on the others.
func (e *Evaluator) Batches(ctx context.Context) iter.Seq2[Evaluation, error] {
	return func(yield func(Evaluation, error) bool) {
		parts := make([]partial, e.shards)
		more, err := e.measure(ctx, parts, func(sofar Evaluation) bool { return yield(sofar, nil) })
		if !more {
			return
		}
		if e.net.ranks != nil {
			if err = e.gather(parts, err); err == nil {
				yield(total(parts, e.images.Len()), nil)
			}
		}
		if err != nil {
			yield(Evaluation{}, err)
		}
	}
}

// measure fills in the parts of this rank. It reports whether yield wants more.
func (e *Evaluator) measure(ctx context.Context, parts []partial, yield func(Evaluation) bool) (more bool, err error) {
	var m [shaders.MetricsBytes / 4]float32 // of the part so far
	var flying []run
	done := 0
	land := func() (more bool, err error) {
		r := flying[0]
		flying = flying[1:]
		if err := e.readback.Next(m[:]); err != nil {
			return true, err
		}
		if !finite(m[:]) {
			return true, e.overflowed(r.row,
				fmt.Sprintf("the loss of images %d to %d is %g", r.row+1, r.row+r.rows, m[shaders.MetricLoss]))
		}
		p := &parts[r.part]
		p.loss, p.correct = m[shaders.MetricLoss], m[shaders.MetricCorrect]
		p.weight += e.weight(r)
		done += r.rows
		return yield(total(parts, done)), nil
	}
	defer func() {
		for e.readback.Pending() > 0 { // after an error or a break, discard them
			_ = e.readback.Next(m[:])
		}
	}()
	first, end := own(e.net.ranks, e.shards)
	for r := range divided(e.shards, nil).runs(e.images.Len(), first, end, e.batch) {
		if r.rows == 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return true, err
		}
		if len(flying) == inFlight {
			if more, err := land(); !more || err != nil {
				return more, err
			}
		}
		if err := e.setBatch(r); err != nil {
			return true, err
		}
		if err := e.readback.Run(e.plan); err != nil {
			return true, err
		}
		flying = append(flying, r)
	}
	for len(flying) > 0 {
		if more, err := land(); !more || err != nil {
			return more, err
		}
	}
	return true, nil
}

// weight returns the divisor of the mean over the images of r.
func (e *Evaluator) weight(r run) float64 {
	return e.loss.weight(r.rows, func(i int) int { return r.row + i })
}

// gather fills in the parts of the other ranks. If this or another rank has failed, it returns the
// error instead.
func (e *Evaluator) gather(parts []partial, err error) error {
	const fine, canceled, failed = 0, 1, 2
	first, end := own(e.net.ranks, e.shards)
	var send []float32 // loss and number correct of each part, and the outcome
	for _, p := range parts[first:end] {
		send = append(send, p.loss, p.correct)
	}
	went := float32(fine)
	switch {
	case stopped(err):
		went = canceled
	case err != nil:
		went = failed
	}
	send = append(send, went)
	recv := make([]float32, len(send)*e.net.ranks.Size())
	if lost := e.net.ranks.AllGather(gpu.Bytes(send), gpu.Bytes(recv)); lost != nil {
		return cmp.Or(err, lost)
	}
	switch went {
	case canceled:
		return everywhere{err}
	case failed:
		return err
	}
	for i := range e.net.ranks.Size() {
		of := recv[i*len(send):][:len(send)]
		switch of[len(of)-1] {
		case canceled:
			return everywhere{context.Canceled}
		case failed:
			return fmt.Errorf("evaluation: %w: rank %d", ErrElsewhere, i)
		}
		for k := range end - first {
			p := &parts[i*(end-first)+k]
			p.loss, p.correct = of[2*k], of[2*k+1]
		}
	}
	for r := range divided(e.shards, nil).runs(e.images.Len(), 0, e.shards, e.batch) {
		if r.part < first || r.part >= end {
			parts[r.part].weight += e.weight(r)
		}
	}
	return nil
}

// partial is the result for a part of the images so far.
type partial struct {
	loss, correct float32
	weight        float64 // divisor of the mean
}

// total adds up the results of the parts, which have n images together.
func total(parts []partial, n int) Evaluation {
	loss, correct, weight := 0.0, 0.0, 0.0
	for _, p := range parts {
		loss, correct, weight = loss+float64(p.loss), correct+float64(p.correct), weight+p.weight
	}
	return Evaluation{loss / weight, correct / float64(n), n}
}

// setBatch sets the images of r as those on which the plan runs.
func (e *Evaluator) setBatch(r run) error {
	if !e.net.set {
		return errUnset
	}
	b := shaders.Batch{Rows: uint32(r.rows), Offset: uint32(r.row)}
	if r.first {
		b.First = 1
	}
	return gpu.Write(e.net.batch.All(), b.Words())
}

// from returns a run of one batch of images, starting with image first.
func (e *Evaluator) from(first int) run {
	return run{row: first, rows: min(e.batch, e.images.Len()-first)}
}

// overflowed returns the error for the batch that begins with image first. what names the values
// that are not finite.
func (e *Evaluator) overflowed(first int, what string) error {
	where, err := e.net.badWeights()
	if where == "" && err == nil {
		if err = e.setBatch(e.from(first)); err == nil {
			where, err = e.net.overflow(e.plan, e.outputs)
		}
	}
	switch {
	case err != nil:
		where = fmt.Sprintf("the layer is unknown: %v", err)
	case where == "":
		where = "the outputs of all layers are finite, but too large for a loss"
	}
	return overflowed{what + "; " + where}
}

// Logits returns the network's outputs for n images of the set, starting with image first. Each
// image has C*H*W values in the order [C,H,W]; for a classifier the result is [n][classes]. Errors:
// [ErrDiverged], with the first layer whose output is not finite; images that are not in the
// set.
func (e *Evaluator) Logits(first, n int) ([][]float32, error) {
	if first < 0 || n < 0 || n > e.images.Len()-first {
		return nil, fmt.Errorf("nn: logits of %d images from %d on; there are %d", n, first, e.images.Len())
	}
	if e.values == nil {
		var err error
		if e.values, err = e.net.dev.NewReadback(1, e.logits.Data); err != nil {
			return nil, err
		}
	}
	var all [][]float32
	for ; n > 0; first, n = first+e.batch, n-e.batch {
		if err := e.setBatch(e.from(first)); err != nil {
			return nil, err
		}
		if err := e.values.Run(e.plan); err != nil {
			return nil, err
		}
		stride, pixels := e.logits.Stride, e.logits.H*e.logits.W
		values := make([]float32, e.batch*pixels*stride)
		if err := e.values.Next(values); err != nil {
			return nil, err
		}
		for i := range min(n, e.batch) {
			logits := make([]float32, e.logits.Len())
			for k := range logits {
				logits[k] = values[(i*pixels+k%pixels)*stride+k/pixels]
			}
			if !finite(logits) {
				return nil, e.overflowed(first, fmt.Sprintf("the outputs are not finite: %.200s", fmt.Sprint(logits)))
			}
			all = append(all, logits)
		}
	}
	return all, nil
}
