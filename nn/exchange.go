package nn

import (
	"wgnin/gpu"
	"wgnin/shaders"
	"wgnin/shaders/add"
)

// exchange adds up, over all ranks, what each has of a step: gradients, running state, loss and
// number correct. It is the upper part of the tree of Hyper.Shards.
//
// The values make one vector, which is taken chunk by chunk. A rank receives its slice of a chunk
// from all ranks (a reduce-scatter by all-to-all), adds the slices up along the tree, and sends the
// sum to all (all-gather). The device adds, as it does within a rank: it may round numbers close to
// zero otherwise than the host. Each value travels twice, as in a ring.
type exchange struct {
	net     *Net
	metrics *gpu.Buffer
	arenas  []*gpu.Buffer   // gradients and running state
	reads   []*gpu.Readback // of the arenas, then of the metrics
	vector  []float32       // what this rank has, and then the sum: that of arenas, then the extras
	extras  []float32       // the loss, the number correct, and how many ranks want to stop
	chunk   int             // values
	parts   []float32       // [ranks, slice], received
	slice   []float32       // their sum
	device  *gpu.Buffer     // parts
	sum     *gpu.Plan
	read    *gpu.Readback // of the sum
}

// chunkValues is the most values of a chunk. 16 MB bound the memory that an exchange takes on the
// device, and still take longer on a network than its latency. Only a test changes it.
var chunkValues = 4 << 20

// newExchange makes the memory and the plan of an exchange among the ranks of net.
func newExchange(net *Net, metrics *gpu.Buffer) (_ *exchange, err error) {
	x := &exchange{net: net, metrics: metrics, arenas: []*gpu.Buffer{net.grads}}
	if net.state != nil {
		x.arenas = append(x.arenas, net.state)
	}
	defer func() {
		if err != nil {
			x.close()
		}
	}()
	values := 0
	for _, b := range append(x.arenas[:len(x.arenas):len(x.arenas)], metrics) {
		r, err := net.dev.NewReadback(b.All(), 1)
		if err != nil {
			return nil, err
		}
		x.reads = append(x.reads, r)
		if b != metrics {
			values += int(b.Bytes() / 4)
		}
	}
	const extras = 3
	ranks, chunks := net.ranks.Size(), shaders.DivUp(values+extras, chunkValues)
	x.chunk = shaders.RoundUp(shaders.DivUp(values+extras, chunks), 4*ranks)
	x.vector = make([]float32, chunks*x.chunk)
	x.extras = x.vector[values:][:extras]
	x.parts, x.slice = make([]float32, x.chunk), make([]float32, x.chunk/ranks)
	if x.device, err = net.dev.NewBuffer("parts of ranks", int64(x.chunk)*4); err != nil {
		return nil, err
	}
	r := net.dev.NewRecorder()
	r.Layer("ranks")
	sum := r.Temp("sum of ranks", int64(len(x.slice))*4)
	r.Keep(sum)
	add.Tree{Parts: ranks, Count: len(x.slice)}.Kernel().Record(r, add.TreeArgs[view]{Part: x.device.All(), Sum: sum})
	if x.sum, err = r.Plan(); err != nil {
		return nil, err
	}
	x.read, err = net.dev.NewReadback(sum, 1)
	return x, err
}

// run puts the sums over all ranks in the place of what this rank has, and reports whether a
// rank wants to stop.
func (x *exchange) run(stop bool) (stopped bool, err error) {
	for _, r := range x.reads {
		if err := r.Run(); err != nil {
			return false, err
		}
	}
	at := 0
	for i, b := range x.arenas {
		if err := x.reads[i].Next(x.vector[at:][:b.Bytes()/4]); err != nil {
			return false, err
		}
		at += int(b.Bytes() / 4)
	}
	var m [shaders.MetricsBytes / 4]float32
	if err := x.reads[len(x.arenas)].Next(m[:]); err != nil {
		return false, err
	}
	x.extras[0], x.extras[1], x.extras[2] = m[shaders.MetricLoss], m[shaders.MetricCorrect], 0
	if stop {
		x.extras[2] = 1
	}
	for first := 0; first < len(x.vector); first += x.chunk {
		if err := x.reduce(x.vector[first:][:x.chunk]); err != nil {
			return false, err
		}
	}
	at = 0
	for _, b := range x.arenas {
		if err := gpu.Write(b.All(), x.vector[at:][:b.Bytes()/4]); err != nil {
			return false, err
		}
		at += int(b.Bytes() / 4)
	}
	if !finite(x.extras[:1]) { // of another rank
		m[shaders.MetricDiverged] = 1
	}
	copy(m[:], x.extras[:shaders.MetricDiverged])
	return x.extras[2] > 0, gpu.Write(x.metrics.All(), m[:shaders.MetricOverflow])
}

// reduce puts the sum over all ranks in the place of chunk.
func (x *exchange) reduce(chunk []float32) error {
	ranks := x.net.ranks
	if err := ranks.AllToAll(gpu.Bytes(chunk), gpu.Bytes(x.parts)); err != nil {
		return err
	}
	if err := gpu.Write(x.device.All(), x.parts); err != nil {
		return err
	}
	if err := x.read.Run(x.sum); err != nil {
		return err
	}
	if err := x.read.Next(x.slice); err != nil {
		return err
	}
	return ranks.AllGather(gpu.Bytes(x.slice), gpu.Bytes(chunk))
}

// close gives the device memory back. It may be called on nil.
func (x *exchange) close() {
	if x == nil {
		return
	}
	for _, r := range x.reads {
		r.Release()
	}
	x.read.Release()
	x.sum.Release()
	x.device.Release()
}
