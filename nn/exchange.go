package nn

import (
	"slices"
	"time"

	"wgnin/gpu"
	"wgnin/shaders"
	"wgnin/shaders/add"
)

// exchange adds up, over all ranks, what each has of a step: gradients, running state, loss and
// number correct. It is the upper part of the tree of Hyper.Shards.
//
// The values are cut into chunks, in the order in which the backward pass is done with them. Of
// each chunk a rank receives its slice from all ranks (a reduce-scatter by all-to-all), adds
// the slices up along the tree, and sends the sum to all (all-gather). The device adds, as it
// does within a rank: it may round numbers close to zero otherwise than the host. Each value
// travels twice, as in a ring.
//
// While chunks are exchanged, the device computes the next: the plan of a micro-batch runs in
// segments, each up to where chunks are ready. Chunks that are ready together are a group.
type exchange struct {
	net     *Net
	metrics *gpu.Buffer
	chunks  []*chunkOfRanks // in the order of a step
	recv    []float32       // slices from all ranks
	// of the chunks of a group, for groups in turns: those of one wait while the next is received
	sums   [2][]sumOfRanks
	groups []groupOfChunks
	waited time.Duration // for other ranks
	// diverged is what the metrics say of this rank while they are exchanged.
	diverged float32
}

// chunkOfRanks are values that are exchanged at a time.
type chunkOfRanks struct {
	at     view
	piece  int       // of the gradients; -1 if these are others
	values []float32 // of this rank, and then the sum, padded to equal slices
	slice  []float32 // the sum of this rank's slice
}

// groupOfChunks is one submission: lavapipe, which runs llvmpipe, takes no second one while it
// computes the first.
type groupOfChunks struct {
	chunks []*chunkOfRanks
	plans  []*gpu.Plan // to run until the chunks are ready, after those of the groups before
	work   int64       // arithmetic of a micro-batch in them
	values *gpu.Readback
	adds   []*gpu.Plan   // to run once the slices of all ranks are there
	sums   *gpu.Readback // of this rank's slices
}

// sumOfRanks adds slices up on the device.
type sumOfRanks struct {
	parts *gpu.Buffer // [ranks, slice]
	sum   view
	plan  *gpu.Plan
}

// chunkValues is the most values of a chunk: of 1 MB, which takes longer on a network than its
// latency, and is a small part of most networks, so that there is something to compute
// meanwhile. Only a test changes it.
var chunkValues = 256 << 10

// maxGroup is the most chunks of a group: more would take more memory for their sums.
const maxGroup = 4

// sliceAlign is what the number of values of a slice is a multiple of, so that slices can be bound.
const sliceAlign = 64

// pieces cuts size values into chunks for the ranks of net, or where it is the only one into
// stretches that the adapter binds.
func (net *Net) pieces(size int) []stretch {
	if net.ranks == nil {
		return net.stretches(size)
	}
	unit := sliceAlign * net.ranks.Size()
	return cut(size, max(unit, chunkValues/unit*unit))
}

// newExchange makes the memory of an exchange among the ranks of net.
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
	slice := 0 // the longest
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

// add makes a chunk of the values at a view.
func (x *exchange) add(at view, piece int) {
	ranks := x.net.ranks.Size()
	n := int(at.Bytes() / 4)
	slice := shaders.RoundUp(shaders.DivUp(n, ranks), sliceAlign)
	x.chunks = append(x.chunks, &chunkOfRanks{
		at: at, piece: piece, values: make([]float32, ranks*slice), slice: make([]float32, slice),
	})
}

// follow makes the exchange run forward, the plan of a micro-batch, and then the levels of the tree
// within this rank. The order of the chunks is that in which they are ready on rank 0: where
// another adapter takes other kernels, they may be so in another.
func (x *exchange) follow(forward *gpu.Plan, levels []level) error {
	ready := func(c *chunkOfRanks) int {
		if c.piece < 0 { // the metrics are added up in the middle, but tell of the whole step
			return forward.Len()
		}
		return forward.Written(c.at)
	}
	both := make([]uint32, 2*len(x.chunks))
	order, begins := both[:len(x.chunks)], both[len(x.chunks):] // and whether each begins a group
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
				switch { // a level's plan adds piece after piece, and then the others
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

// run runs the last micro-batch of the rank, puts the sums over all ranks in place of what this
// rank has, and reports whether a rank wants to stop.
func (x *exchange) run(stop bool) (stopped bool, err error) {
	compute := func(i int) error { return x.groups[i].values.Run(x.groups[i].plans...) }
	if err := compute(0); err != nil {
		return false, err
	}
	for i := range x.groups {
		if i+1 < len(x.groups) { // the device has work while the exchange waits for other ranks
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
	if !finite(m[:1]) { // of another rank
		m[shaders.MetricDiverged] = 1
	}
	return stopped, gpu.Write(x.metrics.All(), m[:shaders.MetricOverflow])
}

// stopWord is where the chunk of the metrics says how many ranks want to stop, while each keeps to
// itself whether it has diverged.
const stopWord = shaders.MetricDiverged

// scatter reads the chunks of the i-th group, exchanges their slices and has them added up.
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

// gather gives all ranks the sums of the i-th group. Each rank has those of its slices.
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

// bytes are those that a rank sends in a step.
func (x *exchange) bytes() (n int64) {
	for _, c := range x.chunks {
		n += 2 * 4 * int64(len(c.values)-len(c.slice))
	}
	return n
}

// close gives the device memory back. It may be called on nil.
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

// Chunk is what ranks exchange at a time. See [Across].
type Chunk struct {
	Bytes int64   // of the values; each rank sends (R-1)/R of them twice, once to have them added up
	Work  float64 // share of a micro-batch's arithmetic between the chunk before and this one
	Group int     // of chunks that are exchanged while the device computes those of the next
}

// Chunks are those of a step, in their order; none of one rank.
func (t *Trainer) Chunks() (all []Chunk) {
	if t.exchange == nil {
		return nil
	}
	whole := float64(t.forward.Flops())
	for i, g := range t.exchange.groups {
		work := float64(g.work) / whole // the first chunk's
		for _, c := range g.chunks {
			all = append(all, Chunk{4 * int64(len(c.values)), work, i})
			work = 0
		}
	}
	return all
}
