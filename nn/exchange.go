package nn

import (
	"slices"
	"time"

	"wgnin/gpu"
	"wgnin/shaders"
	"wgnin/shaders/add"
)

// exchange adds up the results of a step over all ranks: gradients, running state, loss and number
// correct. It is the upper part of the tree of Hyper.Shards.
//
// The values are cut into chunks, in the order in which the backward pass completes them. For each
// chunk, a rank receives its slice from all ranks (a reduce-scatter by all-to-all), adds the slices
// up along the tree, and sends the sum to all ranks (an all-gather). The device does the additions,
// as it does within a rank, because the host might round numbers close to zero differently. Each
// value travels twice, as in a ring.
//
// While chunks are exchanged, the device computes the next ones: the plan of a micro-batch runs in
// segments, each of which ends where chunks are ready. Chunks that are ready together form a group.
type exchange struct {
	net     *Net
	metrics *gpu.Buffer
	chunks  []*chunkOfRanks // in the order of a step
	recv    []float32       // slices from all ranks
	// for the chunks of a group; groups alternate, because the sums of one wait while the next is
	// received
	sums   [2][]sumOfRanks
	groups []groupOfChunks
	waited time.Duration // waiting for other ranks
	// diverged saves this rank's word of the metrics that stopWord replaces during the exchange.
	diverged float32
}

// chunkOfRanks holds values that are exchanged at once.
type chunkOfRanks struct {
	at     view
	piece  int       // of the gradients; -1 for other values
	values []float32 // first this rank's, then the sum; padded to equal slices
	slice  []float32 // the sum of this rank's slice
}

// groupOfChunks runs as one submission, because lavapipe (Mesa's Vulkan driver on the CPU) accepts
// no second submission while it computes the first.
type groupOfChunks struct {
	chunks []*chunkOfRanks
	plans  []*gpu.Plan // to run until the chunks are ready, after the plans of earlier groups
	work   int64       // arithmetic of a micro-batch in these plans
	values *gpu.Readback
	adds   []*gpu.Plan   // to run once the slices of all ranks have arrived
	sums   *gpu.Readback // of this rank's slices
}

// sumOfRanks adds slices up on the device.
type sumOfRanks struct {
	parts *gpu.Buffer // [ranks, slice]
	sum   view
	plan  *gpu.Plan
}

// chunkValues is the maximum number of values of a chunk. They take 1 MB: large enough that a
// network takes longer for it than its latency, and small enough that most models have several
// chunks, so that the device has work during an exchange. Only a test changes it.
var chunkValues = 256 << 10

// maxGroup is the maximum number of chunks of a group. A larger one would need more memory for
// sums.
const maxGroup = 4

// sliceAlign divides the number of values of a slice, so that slices can be bound.
const sliceAlign = 64

// pieces cuts size values into chunks for the ranks of net. With a single rank, it cuts them into
// stretches that the adapter can bind.
func (net *Net) pieces(size int) []stretch {
	if net.ranks == nil {
		return net.stretches(size)
	}
	unit := sliceAlign * net.ranks.Size()
	return cut(size, max(unit, chunkValues/unit*unit))
}

// newExchange allocates the memory of an exchange among the ranks of net.
func newExchange(net *Net, metrics *gpu.Buffer) (_ *exchange, err error) {
	x := &exchange{net: net, metrics: metrics}
	defer func() {
		if err != nil {
			x.close()
		}
	}()
	for i, s := range net.pieces(net.size) {
		x.add(s.of(net.grads), i)
	}
	for _, s := range net.pieces(net.stateSize) {
		x.add(s.of(net.state), -1)
	}
	x.add(metrics.All(), -1)
	slice := 0 // the longest slice
	for _, c := range x.chunks {
		slice = max(slice, len(c.slice))
	}
	ranks := net.ranks.Size()
	x.recv = make([]float32, ranks*slice)
	for i := range x.sums {
		x.sums[i] = make([]sumOfRanks, min(maxGroup, len(x.chunks)))
		for j := range x.sums[i] {
			s := &x.sums[i][j]
			if s.parts, err = net.dev.NewBuffer("slices of ranks", int64(ranks*slice)*4); err != nil {
				return nil, err
			}
			r := net.dev.NewRecorder()
			r.Layer("ranks")
			s.sum = r.Temp("sum of ranks", int64(slice)*4)
			r.Keep(s.sum)
			add.Tree{Parts: ranks, Count: slice}.Kernel().Record(r, add.TreeArgs[view]{Part: s.parts.All(), Sum: s.sum})
			if s.plan, err = r.Plan(); err != nil {
				return nil, err
			}
		}
	}
	return x, nil
}

// add makes a chunk of the values in the view at.
func (x *exchange) add(at view, piece int) {
	ranks := x.net.ranks.Size()
	n := int(at.Bytes() / 4)
	slice := shaders.RoundUp(shaders.DivUp(n, ranks), sliceAlign)
	x.chunks = append(x.chunks, &chunkOfRanks{
		at: at, piece: piece, values: make([]float32, ranks*slice), slice: make([]float32, slice),
	})
}

// follow sets what the exchange runs: forward, the plan of a micro-batch, and then the levels of
// the tree within this rank. Rank 0 decides the order of the chunks, by when they are ready there.
// A rank whose adapter uses other kernels may have them ready in another order.
func (x *exchange) follow(forward *gpu.Plan, levels []level) error {
	ready := func(c *chunkOfRanks) int {
		if c.piece < 0 { // the metrics are added up midway, but they cover the whole step
			return forward.Len()
		}
		return forward.Written(c.at)
	}
	both := make([]uint32, 2*len(x.chunks))
	order, begins := both[:len(x.chunks)], both[len(x.chunks):] // and whether each chunk begins a group
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortStableFunc(order, func(a, b uint32) int { return ready(x.chunks[a]) - ready(x.chunks[b]) })
	size := 0
	for i, k := range order {
		if size++; i == 0 || size > maxGroup || ready(x.chunks[k]) > ready(x.chunks[order[i-1]]) {
			begins[i], size = 1, 1
		}
	}
	if err := x.net.ranks.Broadcast(gpu.Bytes(both), 0); err != nil {
		return err
	}
	chunks := slices.Clone(x.chunks)
	x.releaseGroups()
	for i, k := range order {
		x.chunks[i] = chunks[k]
		if begins[i] == 1 {
			x.groups = append(x.groups, groupOfChunks{})
		}
		g := &x.groups[len(x.groups)-1]
		g.chunks = append(g.chunks, chunks[k])
	}
	pieces := 0
	for _, c := range x.chunks {
		pieces = max(pieces, c.piece+1)
	}
	done, others := 0, false
	for i := range x.groups {
		g := &x.groups[i]
		var values, sums []view
		for j, c := range g.chunks {
			if at := ready(c); at > done {
				part := forward.Part(done, at)
				g.plans, g.work, done = append(g.plans, part), g.work+part.Flops(), at
			}
			for _, l := range levels {
				switch { // a level's plan adds the pieces in turn, and then the other values
				case c.piece >= 0:
					g.plans = append(g.plans, l.add.Part(c.piece, c.piece+1))
				case !others:
					g.plans = append(g.plans, l.add.Part(pieces, l.add.Len()))
				}
			}
			others = others || c.piece < 0
			s := x.sums[i%2][j]
			values, sums, g.adds = append(values, c.at), append(sums, s.sum), append(g.adds, s.plan)
		}
		var err error
		if g.values, err = x.net.dev.NewReadback(1, values...); err != nil {
			return err
		}
		if g.sums, err = x.net.dev.NewReadback(1, sums...); err != nil {
			return err
		}
	}
	return nil
}

// run runs the last micro-batch of this rank and replaces the rank's results by the sums over all
// ranks. It reports whether a rank wants to stop.
func (x *exchange) run(stop bool) (stopped bool, err error) {
	compute := func(i int) error { return x.groups[i].values.Run(x.groups[i].plans...) }
	if err := compute(0); err != nil {
		return false, err
	}
	for i := range x.groups {
		if i+1 < len(x.groups) { // keep the device busy during the exchange
			if err := compute(i + 1); err != nil {
				return false, err
			}
		}
		if i > 0 {
			if err := x.gather(i - 1); err != nil {
				return false, err
			}
		}
		if err := x.scatter(i, stop); err != nil {
			return false, err
		}
	}
	if err := x.gather(len(x.groups) - 1); err != nil {
		return false, err
	}
	m := x.chunks[len(x.chunks)-1].values
	stopped = m[stopWord] > 0
	m[shaders.MetricDiverged] = x.diverged
	if !finite(m[:1]) { // another rank has diverged
		m[shaders.MetricDiverged] = 1
	}
	return stopped, gpu.Write(x.metrics.All(), m[:shaders.MetricOverflow])
}

// stopWord is the word of the metrics in which the exchange counts the ranks that want to stop. Its
// usual content, whether a rank has diverged, is not exchanged.
const stopWord = shaders.MetricDiverged

// scatter reads the chunks of the i-th group, exchanges their slices, and starts the addition.
func (x *exchange) scatter(i int, stop bool) error {
	g := x.groups[i]
	var values [maxGroup][]float32
	for j, c := range g.chunks {
		values[j] = c.values[:c.at.Bytes()/4]
	}
	if err := g.values.Next(values[:len(g.chunks)]...); err != nil {
		return err
	}
	for j, c := range g.chunks {
		if c.at == x.metrics.All() {
			x.diverged = c.values[shaders.MetricDiverged]
			clear(c.values[stopWord:])
			if stop {
				c.values[stopWord] = 1
			}
		}
		start := time.Now()
		recv := x.recv[:len(c.values)]
		if err := x.net.ranks.AllToAll(gpu.Bytes(c.values), gpu.Bytes(recv)); err != nil {
			return err
		}
		x.waited += time.Since(start)
		parts := x.sums[i%2][j].parts
		apart := parts.Bytes() / int64(x.net.ranks.Size())
		for k := range x.net.ranks.Size() {
			part := parts.Slice(int64(k)*apart, apart)
			if err := gpu.Write(part, recv[k*len(c.slice):][:len(c.slice)]); err != nil {
				return err
			}
		}
	}
	return g.sums.Run(g.adds...)
}

// gather gives all ranks the sums of the i-th group. Each rank contributes the sums of its slices.
func (x *exchange) gather(i int) error {
	g := x.groups[i]
	var sums [maxGroup][]float32
	for j, c := range g.chunks {
		sums[j] = c.slice
	}
	if err := g.sums.Next(sums[:len(g.chunks)]...); err != nil {
		return err
	}
	for _, c := range g.chunks {
		start := time.Now()
		if err := x.net.ranks.AllGather(gpu.Bytes(c.slice), gpu.Bytes(c.values)); err != nil {
			return err
		}
		x.waited += time.Since(start)
		if c.at == x.metrics.All() {
			continue
		}
		if err := gpu.Write(c.at, c.values[:c.at.Bytes()/4]); err != nil {
			return err
		}
	}
	return nil
}

// bytes returns the number of bytes that this rank sends in a step.
func (x *exchange) bytes() (n int64) {
	for _, c := range x.chunks {
		n += 2 * 4 * int64(len(c.values)-len(c.slice))
	}
	return n
}

// close releases the device memory. It may be called on nil.
func (x *exchange) close() {
	if x == nil {
		return
	}
	x.releaseGroups()
	for _, sums := range x.sums {
		for _, s := range sums {
			s.plan.Release()
			s.parts.Release()
		}
	}
}

func (x *exchange) releaseGroups() {
	for _, g := range x.groups {
		g.values.Release()
		g.sums.Release()
	}
	x.groups = nil
}

// Chunk describes values that ranks exchange at once. See [Across].
type Chunk struct {
	Bytes int64   // of the values; each rank of R sends (R-1)/R of them twice: to be added up, and as sums
	Work  float64 // share of a micro-batch's arithmetic between the previous chunk and this one
	Group int     // number of the group; groups are exchanged while the device computes the next group
}

// Chunks returns the chunks of a step in the order of their exchange; nil if there is one rank.
func (t *Trainer) Chunks() (all []Chunk) {
	if t.exchange == nil {
		return nil
	}
	whole := float64(t.forward.Flops())
	for i, g := range t.exchange.groups {
		work := float64(g.work) / whole // for the first chunk of the group
		for _, c := range g.chunks {
			all = append(all, Chunk{4 * int64(len(c.values)), work, i})
			work = 0
		}
	}
	return all
}
