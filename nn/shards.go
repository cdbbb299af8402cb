package nn

import (
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"slices"

	"wgnin/gpu"
	"wgnin/shaders"
	"wgnin/shaders/add"
	"wgnin/shaders/clip"
	"wgnin/shaders/softmaxxent"
)

// maxShards is the maximum number of parts of a batch.
const maxShards = 1 << 16

// shards returns the number of parts of a batch.
func (h Hyper) shards() int { return max(1, h.Shards) }

// ShardSize returns the number of images in the largest part of a batch; see Shards.
func (h Hyper) ShardSize() int { return shaders.DivUp(h.Batch, h.shards()) }

// checkShards returns an error if n parts do not form a complete binary tree.
func checkShards(n int) error {
	if n < 0 || n > maxShards || n&(n-1) != 0 {
		return RangeError{"Shards", n, fmt.Sprintf("a power of two up to %d", maxShards)}
	}
	return nil
}

// fewShards returns the error for n parts, fewer than ranks.
func fewShards(n, ranks int) error {
	return everywhere{RangeError{"Shards", n, fmt.Sprintf("at least the number of ranks, %d", ranks)}}
}

// run is a set of images that run together: rows images of a batch, starting at row, all of one
// part.
type run struct {
	part, row, rows int
	first, last     bool // of the part
}

// division divides images into parts by shares. Element i is the sum of the shares before part i,
// and the last element that of all parts.
type division []int

// divided returns a division by shares or, if shares is nil, into equal parts.
func divided(parts int, shares []int) division {
	if shares == nil {
		shares = slices.Repeat([]int{1}, parts)
	}
	d := make(division, len(shares)+1)
	for i, s := range shares {
		d[i+1] = d[i] + s
	}
	return d
}

func (d division) parts() int { return len(d) - 1 }

// start returns the first image of part i.
func (d division) start(images, i int) int { return images * d[i] / d[d.parts()] }

// share returns the number of images of one share, rounded up.
func (d division) share(images int) int { return shaders.DivUp(images, d[d.parts()]) }

// runs yields the runs of the parts from first up to but not including end, each of at most micro
// images. A part without images has one run of no images.
func (d division) runs(images, first, end, micro int) iter.Seq[run] {
	return func(yield func(run) bool) {
		for p := first; p < end; p++ {
			start, stop := d.start(images, p), d.start(images, p+1)
			for row := start; row == start || row < stop; row += micro {
				rows := min(micro, stop-row)
				if !yield(run{p, row, rows, row == start, row+rows == stop}) {
					return
				}
			}
		}
	}
}

// checkShares returns an error if shares do not divide a batch into the given number of parts.
func checkShares(shares []int, parts, batch int) error {
	sum := 0
	for _, s := range shares {
		if s < 1 || s > batch {
			return RangeError{"Shares", shares, "1 or more for each part"}
		}
		sum += s
	}
	if shares != nil && (len(shares) != parts || sum > batch) {
		return RangeError{"Shares", shares,
			fmt.Sprintf("a share for each of %d parts, in all at most the batch, %d", parts, batch)}
	}
	return nil
}

// tree adds up the results of the parts of a batch: the net's gradients, metrics and running state.
// The parts run one after the other, and the tree has memory for as many sums as it has levels.
//
// Each part starts with the running state from before the step. The parts' new states are added up
// like gradients, and the sum is divided by the number of parts.
type tree struct {
	net     *Net
	shards  int
	metrics *gpu.Buffer
	one     *gpu.Buffer // a shaders.Batch with one row that adds to the metrics
	start   *gpu.Buffer // running state before the step; nil without state
	inverse *gpu.Buffer // 1/shards; nil without state
	levels  []level
}

// level holds the sum of 2^n parts, where n is its index in the tree, until the sum of the next 2^n
// parts is complete.
type level struct {
	grads, metrics, state *gpu.Buffer
	add                   *gpu.Plan // adds the level to the net's gradients and state, and to the metrics
}

// newTree allocates the memory for adding up own of a batch's shards parts, both powers of two.
func newTree(net *Net, metrics *gpu.Buffer, shards, own int) (_ *tree, err error) {
	t := &tree{net: net, shards: shards, metrics: metrics}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	if err = net.needGradients(); err != nil {
		return nil, err
	}
	if t.one, err = upload(net.dev, "one row", shaders.Batch{Rows: 1}.Words()); err != nil {
		return nil, err
	}
	if net.state != nil && shards > 1 {
		if t.inverse, err = upload(net.dev, "1/shards", []float32{1 / float32(shards)}); err != nil {
			return nil, err
		}
		if t.start, err = net.dev.NewBuffer("state before", net.state.Bytes()); err != nil {
			return nil, err
		}
	}
	for range bits.Len(uint(own)) - 1 {
		t.levels = append(t.levels, level{})
		if err = t.build(&t.levels[len(t.levels)-1]); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// build allocates the memory of a level and records its plan.
func (t *tree) build(l *level) (err error) {
	var errs [3]error
	l.grads, errs[0] = t.net.dev.NewBuffer("gradients of parts", t.net.grads.Bytes())
	l.metrics, errs[1] = t.net.dev.NewBuffer("metrics of parts", shaders.MetricsBytes)
	if t.net.state != nil {
		l.state, errs[2] = t.net.dev.NewBuffer("state of parts", t.net.state.Bytes())
	}
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	r := t.net.dev.NewRecorder()
	r.Layer("shards")
	for _, s := range t.net.pieces(t.net.size) {
		accumulate(r, s, l.grads, t.net.grads)
	}
	for _, s := range t.net.stretches(t.net.stateSize) {
		accumulate(r, s, l.state, t.net.state)
	}
	softmaxxent.Shape{N: 1}.Total().Record(r, softmaxxent.TotalArgs[view, view]{
		Batch: t.one.All(), Row: l.metrics.All(), Metrics: t.metrics.All(),
	})
	l.add, err = r.Plan()
	return err
}

// accumulate records the addition of a stretch of x to the same stretch of sum.
func accumulate(r *gpu.Recorder, s stretch, x, sum *gpu.Buffer) {
	k := add.Shape{Pixels: s.count / 4, C: 4, AStride: 4, BStride: 4, YStride: 4}.Accumulate()
	k.Record(r, add.AccumulateArgs[view]{X: s.of(x), Acc: s.of(sum)})
}

// sums returns the plans to run after part i of those that the tree adds up, counting from 0.
func (t *tree) sums(i int) (plans []*gpu.Plan) {
	if t == nil {
		return nil
	}
	for _, l := range t.levels[:bits.TrailingZeros(^uint(i))] {
		plans = append(plans, l.add)
	}
	return plans
}

// begin saves the running state from before the step.
func (t *tree) begin() error {
	if t == nil || t.start == nil {
		return nil
	}
	return t.net.dev.Copy(gpu.Copy{From: t.net.state.All(), To: t.start.All()})
}

// keep saves the sum after part i, which must not be the last, and restores the running state with
// which the next part starts.
func (t *tree) keep(i int) error {
	l := t.levels[bits.TrailingZeros(^uint(i))]
	copies := []gpu.Copy{{From: t.net.grads.All(), To: l.grads.All()}, {From: t.metrics.All(), To: l.metrics.All()}}
	if t.start != nil {
		copies = append(copies, gpu.Copy{From: t.net.state.All(), To: l.state.All()},
			gpu.Copy{From: t.start.All(), To: t.net.state.All()})
	}
	return t.net.dev.Copy(copies...)
}

// buildMean records the division of the running state, to run when all parts are added up.
func (t *tree) buildMean(r *gpu.Recorder) {
	if t == nil || t.inverse == nil {
		return
	}
	r.Layer("shards")
	for _, s := range t.net.stretches(t.net.stateSize) {
		k := clip.Shape{Count: s.count, MaxNorm: 1}.Scale()
		k.Record(r, clip.ScaleArgs[view]{G: s.of(t.net.state), Factor: t.inverse.All()})
	}
}

// close releases the device memory. It may be called on nil.
func (t *tree) close() {
	if t == nil {
		return
	}
	t.one.Release()
	t.start.Release()
	t.inverse.Release()
	for _, l := range t.levels {
		l.add.Release()
		l.grads.Release()
		l.metrics.Release()
		l.state.Release()
	}
}
