package report

import (
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/session"
	"wgnin/nn"
)

// Network describes the network between the ranks in the LogGP model (Alexandrov and others, 1995).
// Each rank has its own link, which works in both directions at the same time.
type Network struct {
	BitsPerSecond float64 `json:"bits_per_s"`
	Latency       float64 `json:"latency_s"` // of a message
	Overhead      float64 `json:"message_s"` // added by each message of a rank
}

// ParseRate parses the rate of a network and returns it in bits per second. The text is a number,
// an optional SI prefix, and b or bit, such as 10Gb, 2.5Gb/s or 100Mbit.
func ParseRate(text string) (float64, error) {
	number := strings.TrimRight(strings.TrimSuffix(strings.TrimSuffix(text, "/s"), "it"), "b")
	scale := 1.0
	if number != "" {
		if i := strings.IndexByte("kMGT", number[len(number)-1]); i >= 0 {
			scale, number = math.Pow(1000, float64(i+1)), number[:len(number)-1]
		}
	}
	rate, err := strconv.ParseFloat(number, 64)
	if err != nil || !strings.Contains(text, "b") || !(rate*scale >= 1) || rate*scale > 1e15 {
		return 0, fmt.Errorf("is %q; want bits per second, such as 10Gb or 100Mb", text)
	}
	return rate * scale, nil
}

// seconds returns the time for an all-to-all or an all-gather of the given bytes among ranks.
func (n Network) seconds(bytes int64, ranks int) float64 {
	if ranks == 1 {
		return 0
	}
	others := float64(ranks - 1)
	return n.Latency + others*n.Overhead + others/float64(ranks)*float64(bytes)*8/n.BitsPerSecond
}

// Compute is the time in seconds that a rank computes in a step, without the network. It is Fixed +
// n*Image for n images, and Alone for a batch on the only rank.
type Compute struct {
	Measured string  `json:"measured"` // how the times were found
	Alone    float64 `json:"alone_s"`  // of a batch on the only rank
	Fixed    float64 `json:"fixed_s"`  // for any number of images
	Image    float64 `json:"image_s"`  // for each image
}

// GivenCompute returns the Compute of an adapter that takes step for a batch, and proportionally
// less for fewer images.
func GivenCompute(step time.Duration, batch int) Compute {
	s := step.Seconds()
	return Compute{fmt.Sprintf("a step of %d images takes %s, as given; fewer images take proportionally less",
		batch, step), s, 0, s / float64(batch)}
}

// MeasureCompute measures steps on dev, without a network: of a batch on one rank, and of a batch
// and of a quarter of it on one of two ranks.
func MeasureCompute(ctx context.Context, dev *gpu.Device, r nin.Recipe, batch int) (c Compute, err error) {
	const steps = 3
	few := max(1, batch/4)
	if err := checkNoise(r.In, 2*batch*steps); err != nil {
		return c, err
	}
	net := r.Net(10, r.Dropout)
	var of [3]float64
	for i, m := range []struct{ images, ranks int }{{batch, 1}, {batch, 2}, {few, 2}} {
		if of[i], err = session.StepSeconds(ctx, dev, net, r.In, m.images, m.ranks, steps); err != nil {
			return c, err
		}
	}
	a := dev.Adapter()
	c = Compute{fmt.Sprintf("steps of %d and %d images, measured on %s, the median of %d", few, batch, a.Name, steps),
		of[0], 0, of[1] / float64(batch)}
	if few < batch {
		c.Image = max(0, of[1]-of[2]) / float64(batch-few)
		c.Fixed = max(0, of[1]-c.Image*float64(batch))
	}
	return c, nil
}

// Scaling predicts how much the training of a recipe gains from more ranks.
type Scaling struct {
	Recipe  string       `json:"recipe"`
	Batch   int          `json:"batch"`
	Network Network      `json:"network"`
	Compute Compute      `json:"compute"`
	Rows    []ScalingRow `json:"rows"`
}

// ScalingRow is the prediction for one number of ranks.
type ScalingRow struct {
	Ranks    int     `json:"ranks"`
	Bytes    int64   `json:"bytes"`      // that a rank sends in a step
	Exchange float64 `json:"exchange_s"` // of a step, if nothing were computed at the same time
	Weak     Step    `json:"weak"`       // each rank has a batch
	Strong   *Step   `json:"strong"`     // the ranks divide one batch; nil if it is too small
}

// Step is a predicted step.
type Step struct {
	Seconds    float64 `json:"step_s"`
	Exposed    float64 `json:"exposed_s"`  // part of Seconds in which the rank waits for the network
	Efficiency float64 `json:"efficiency"` // images per second and rank, relative to one rank alone
}

// PlanScaling predicts steps on 1, 2, 4 and so on up to ranks ranks. Each rank has an adapter like
// dev's, and computes as long as c says. A trainer for that many ranks plans what is exchanged and
// when. PlanScaling allocates nothing on dev, which may come from [gpu.Dry].
//
// In the model, the arithmetic of each part of a plan takes its share of the measured time, and all
// ranks compute equally fast. The ranks exchange chunk after chunk as [nn.Across] does, while the
// device computes the next chunk. The model leaves out random waits between ranks, other traffic on
// the network, evaluation, and files.
func PlanScaling(dev *gpu.Device, r nin.Recipe, batch, ranks int, network Network, c Compute) (Scaling, error) {
	s := Scaling{Recipe: r.Name, Batch: batch, Network: network, Compute: c}
	for n := 1; n <= ranks; n *= 2 {
		row := ScalingRow{Ranks: n}
		weak, err := s.step(dev, r, batch*n, n)
		if err != nil {
			return s, err
		}
		row.Weak, row.Bytes, row.Exchange = weak.Step, weak.bytes, weak.exchange
		if n <= batch {
			strong, err := s.step(dev, r, batch, n)
			if err != nil {
				return s, err
			}
			row.Strong = &strong.Step
		}
		s.Rows = append(s.Rows, row)
	}
	return s, nil
}

// planned is a predicted step and what it exchanges.
type planned struct {
	Step
	bytes    int64
	exchange float64
}

// step predicts a step of a batch on n ranks.
func (s Scaling) step(dev *gpu.Device, r nin.Recipe, batch, n int) (p planned, err error) {
	on, err := session.New(gpu.Dry(dev.Adapter(), dev.Broadcast()), r.Net(10, r.Dropout), r.In,
		nn.Across(session.Pretend(n)))
	if err != nil {
		return p, err
	}
	defer on.Close()
	// Small images save memory. The network scales them up.
	if err := on.Load(session.Noise(nn.Shape{C: r.In.C, H: 1, W: 1}, batch, 10), nil); err != nil {
		return p, err
	}
	if err := on.Train(nn.TrainConfig{Hyper: nn.Hyper{Batch: batch, Epochs: 1, Momentum: r.Momentum}}); err != nil {
		return p, err
	}
	c, images := s.Compute, float64((batch+n-1)/n)
	compute := c.Alone
	if n > 1 {
		compute = c.Fixed + c.Image*images
	}
	// The exchange overlaps with the last of the micro-batches.
	chunks, last := on.Trainer.Chunks(), compute*min(1, float64(on.Trainer.MicroBatch())/images)
	p.Seconds = pipeline(chunks, compute-last, last, func(bytes int64) float64 { return s.Network.seconds(bytes, n) })
	p.Exposed = p.Seconds - compute
	p.Efficiency = c.Alone / float64(s.Batch) * float64(batch) / (float64(n) * p.Seconds)
	for _, k := range chunks {
		p.bytes += 2 * k.Bytes * int64(n-1) / int64(n)
		p.exchange += 2 * s.Network.seconds(k.Bytes, n)
	}
	return p, nil
}

// pipeline returns the time of a step whose last micro-batch begins at begin and takes work
// seconds, as a trainer on several ranks runs it. The device always has two groups of chunks to
// compute: the one that is exchanged, and the next. For each group, the host first sends the sums
// of the previous group to all ranks. It then exchanges the chunks of the group, once they are
// computed, and has them added up. The device adds them up after the work that it already has.
func pipeline(chunks []nn.Chunk, begin, work float64, exchange func(bytes int64) float64) float64 {
	type group struct{ work, exchange, ready, sum float64 }
	var groups []group
	rest := 1.0 // share of the arithmetic after the last chunk, or all of it if there are no chunks
	for _, k := range chunks {
		if k.Group == len(groups) {
			groups = append(groups, group{})
		}
		g := &groups[k.Group]
		g.work += k.Work * work
		g.exchange += exchange(k.Bytes)
		rest -= k.Work
	}
	device, host := begin, begin // when each is done
	compute := func(i int) {
		if i < len(groups) {
			device = max(device, host) + groups[i].work
			groups[i].ready = device
		}
	}
	compute(0)
	for i := range groups {
		g := &groups[i]
		compute(i + 1)
		if i > 0 {
			host = max(host, groups[i-1].sum) + groups[i-1].exchange
		}
		host = max(host, g.ready) + g.exchange
		g.sum = max(host, device)
	}
	if n := len(groups); n > 0 {
		host = max(host, groups[n-1].sum) + groups[n-1].exchange
	}
	return max(host, device) + max(0, rest)*work
}

// Write prints the prediction as a table.
func (s Scaling) Write(w io.Writer) error {
	n := s.Network
	fmt.Fprintf(w,
		"%s, batch %d; computed for a network of %.4g Gb/s a rank, %.3g µs latency and %.3g µs a message\n",
		titleOf(s.Recipe), s.Batch, n.BitsPerSecond/1e9, n.Latency*1e6, n.Overhead*1e6)
	fmt.Fprintf(w, "compute: %s\n\n", s.Compute.Measured)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\t\t\t%d images a rank\t\t\t%d images in all\t\t\t\n", s.Batch, s.Batch)
	fmt.Fprintln(t, "ranks\tMB sent\texchange ms\tstep ms\twait ms\tefficiency\tstep ms\twait ms\tefficiency\t")
	step := func(s Step) string {
		return fmt.Sprintf("%.4g\t%.3g\t%.1f %%", s.Seconds*1e3, max(0, s.Exposed)*1e3, s.Efficiency*100)
	}
	for _, r := range s.Rows {
		strong := "\t\t"
		if r.Strong != nil {
			strong = step(*r.Strong)
		}
		fmt.Fprintf(t, "%d\t%.2f\t%.4g\t%s\t%s\t\n", r.Ranks, megabytes(r.Bytes), r.Exchange*1e3, step(r.Weak), strong)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, `
The rows are computed, not measured, except for the time that a rank computes. MB sent is what a rank sends in a
step, as the trainer plans it. Exchange is the time that this takes by itself; wait is the part that the backward pass
does not hide. Efficiency is images per second and rank, relative to one rank alone. The model assumes that all ranks
compute equally fast, and that each has its own link.`)
	return err
}
