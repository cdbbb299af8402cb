package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"wgnin/cmd/internal/cli"
	"wgnin/cmd/internal/runflags"
	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/report"
	"wgnin/nn"
)

const costHelp = `Cost is the chapter's exercise 4: the parameters, the computation and the memory
that a network takes to train and to predict, by layer and in total. The network is
a recipe's (default: the chapter's) or your own. Several recipes, separated by commas,
are compared, one per line.

A convolution of kernel k x k from Cin channels to Cout channels of H x W pixels:
  parameters     Cout (Cin k k + 1)
  multiply-adds  H W Cout Cin k k for one image; in training once more for the
                 gradient of the weights, and once more for that of the input
                 (not needed in the first layer): 2 FLOP each
  memory         4 H W C bytes for each image and activation, C rounded up to a
                 multiple of 4; in training the gradient is as large
Pooling, dropout and loss add comparisons and sums to the FLOP, and in training
the place of each maximum and scratch memory to the bytes.

Prediction needs an activation only until the next layer has read it, training
until the backward pass has: activations whose times do not overlap share
memory, so the planned peak is less than the sum of the layers. It holds weights
(in training with gradients and, with momentum, velocity), the dataset as 8-bit
pixels, that shared memory, and what moves numbers to the host: every byte that
the device will count. The plan is made for an adapter, which may have to split
the batch; nothing is allocated and nothing runs.

With -ranks it predicts how training gains by more ranks (see cmd/train): the bytes
that each sends in a step, what of the exchange the backward pass hides, and how long
a step is, with a batch a rank and with one batch in all. It trains a few steps on the
adapter to measure how long a rank computes, unless -step-time says it; the network is
computed, from its rate, its latency and 1 µs for each message.

Usage: go run ./cmd/nin cost [flags]

Examples:
  go run ./cmd/nin cost                                    the chapter's run
  go run ./cmd/nin cost -recipe d2l,alexnet,vgg11          beside its neighbours
  go run ./cmd/nin cost -recipe mini -input 256,1,28,28 -json
  go run ./cmd/nin cost -freeze 0,2                        with two blocks that do not learn
  go run ./cmd/nin cost -net 'conv 10 3; relu; globalavgpool; flatten' -input 32x32
  go run ./cmd/nin cost -ranks 64 -network 10Gb            on up to 64 ranks

Flags:
`

func cost(w io.Writer, args []string) error {
	fs := flag.NewFlagSet("cost", flag.ContinueOnError)
	adapter := planned(fs)
	recipe := fs.String("recipe", "d2l", "`names` of recipes")
	batches := newBatchFlags(fs)
	freeze := fs.String("freeze", "", "`prefixes` of names of weights that do not learn, with commas")
	ranks := fs.Int("ranks", 0, "predict steps on up to so many ranks, a power of `two`")
	network := fs.String("network", "10Gb", "bits per second of the `network` between ranks, such as 10Gb or 100Mb")
	latency := fs.Duration("latency", 50*time.Microsecond,
		"`time` that a message takes on the network, such as 2us; the default is that of TCP on Ethernet")
	stepTime := fs.Duration("step-time", 0, "`time` of a step of the batch on one rank (default: it is measured)")
	asJSON := fs.Bool("json", false, "print JSON instead of tables")
	if err := cli.Parse(fs, w, costHelp, args); err != nil {
		return err
	}
	if *ranks == 0 {
		var alone error
		fs.Visit(func(g *flag.Flag) {
			if g.Name == "network" || g.Name == "latency" || g.Name == "step-time" {
				alone = fmt.Errorf("-%s does nothing without -ranks", g.Name)
			}
		})
		if alone != nil {
			return cli.Usage(alone)
		}
	}
	joined, err := networkOf(*ranks, *network, *latency, *stepTime)
	if err != nil {
		return cli.Usage(err)
	}
	if *batches.net != "" && strings.Contains(*recipe, ",") {
		return cli.Usage(errors.New("-net is for one recipe"))
	}
	var recipes []nin.Recipe
	for _, name := range strings.Split(*recipe, ",") {
		r, err := batches.of(name)
		if err != nil {
			return err
		}
		recipes = append(recipes, r)
	}
	dev, err := planner(*adapter)
	if err != nil {
		return err
	}
	defer dev.Close()
	if len(recipes) > 1 && *freeze != "" {
		return cli.Usage(errors.New("-freeze is for one recipe"))
	}
	if *ranks > 0 {
		if len(recipes) > 1 || *freeze != "" {
			return cli.Usage(errors.New("-ranks is for one recipe, all of which learns"))
		}
		if all := recipes[0].Batch * *ranks; all > 1e6 {
			return cli.Usage(fmt.Errorf("%d images on each of %d ranks are a batch of %d; want at most 1000000: give a smaller -batch or -ranks", recipes[0].Batch, *ranks, all))
		}
		return runflags.Usage(fs, scaling(w, dev, recipes[0], *ranks, joined, *stepTime, *asJSON))
	}
	if len(recipes) > 1 {
		return runflags.Usage(fs, compareCosts(w, dev, recipes, *asJSON))
	}
	r := recipes[0]
	c, err := report.PlanCost(dev, r, r.Batch, *freeze)
	if err != nil {
		return runflags.Usage(fs, err)
	}
	if *asJSON {
		return writeJSON(w, c)
	}
	if err := c.Write(w); err != nil || *freeze == "" {
		return err
	}
	whole, err := report.PlanCost(dev, r, r.Batch, "")
	if err != nil {
		return err
	}
	return c.WriteSaved(w, whole)
}

// networkOf is the network between ranks that the flags say.
func networkOf(ranks int, rate string, latency, step time.Duration) (n report.Network, err error) {
	const most = 4096
	if ranks < 0 || ranks > most || ranks&(ranks-1) != 0 {
		return n, fmt.Errorf("-ranks is %d; want a power of two up to %d", ranks, most)
	}
	if latency < 0 || step < 0 {
		return n, fmt.Errorf("-latency is %s and -step-time %s; want no less than 0", latency, step)
	}
	n = report.Network{Latency: latency.Seconds(), Overhead: 1e-6}
	if n.BitsPerSecond, err = report.ParseRate(rate); err != nil {
		err = fmt.Errorf("-network %w", err)
	}
	return n, err
}

// scaling prints how the training of r gains by more ranks.
func scaling(w io.Writer, dev *gpu.Device, r nin.Recipe, ranks int, n report.Network, step time.Duration,
	asJSON bool) (err error) {
	compute := report.GivenCompute(step, r.Batch)
	if step == 0 {
		if dev.Adapter().Name == gpu.Guaranteed.Name {
			return cli.Usage(errors.New("there is no adapter to measure steps on; give -step-time"))
		}
		if compute, err = report.MeasureCompute(cli.Interruptible("nothing is kept"), dev, r, r.Batch); err != nil {
			return err
		}
	}
	s, err := report.PlanScaling(dev, r, r.Batch, ranks, n, compute)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w, s)
	}
	return s.Write(w)
}

// compareCosts prints the costs of several recipes. Where the adapter cannot bind what one takes,
// the plan is for an adapter that can, and a line says so.
func compareCosts(w io.Writer, dev *gpu.Device, recipes []nin.Recipe, asJSON bool) error {
	larger := dev.Adapter()
	larger.Limits.MaxBindingBytes, larger.Limits.MaxBufferBytes = 4<<30, 4<<30
	larger.Name = "an adapter that binds 4 GiB"
	var costs []report.Cost
	var notes []string
	for _, r := range recipes {
		c, err := report.PlanCost(dev, r, r.Batch, "")
		if errors.Is(err, gpu.ErrTooLarge) {
			notes = append(notes, fmt.Sprintf("%s is planned for %s: %v", r.Name, larger.Name, err))
			c, err = report.PlanCost(gpu.Dry(larger, dev.Broadcast()), r, r.Batch, "")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		costs = append(costs, c)
	}
	if asJSON {
		return writeJSON(w, costs)
	}
	if err := report.WriteCosts(w, costs); err != nil {
		return err
	}
	if len(notes) > 0 {
		notes = append([]string{""}, notes...)
	}
	for _, note := range notes {
		if _, err := fmt.Fprintln(w, note); err != nil {
			return err
		}
	}
	return nil
}

// planned declares the flag for the adapter that something is planned for.
func planned(fs *flag.FlagSet) *string {
	return fs.String("adapter", "auto",
		"`name` of the adapter: auto, gpu, cpu, part of a name, or webgpu: what every adapter has")
}

// planner is the adapter's device, or one with WebGPU's guaranteed limits.
func planner(adapter string) (*gpu.Device, error) {
	if adapter == "webgpu" {
		return gpu.Dry(gpu.Guaranteed, false), nil
	}
	dev, err := cli.Open(gpu.Options{Adapter: adapter}, false)
	if errors.Is(err, gpu.ErrNoAdapter) && adapter == "auto" {
		return gpu.Dry(gpu.Guaranteed, false), nil
	}
	return dev, err
}

// batchFlags are the flags that replace a recipe's network, and the number and the shape of the
// images in its batch.
type batchFlags struct {
	net, input *string
	batch      *int
}

func newBatchFlags(fs *flag.FlagSet) batchFlags {
	return batchFlags{
		net: netFlag(fs),
		input: fs.String("input", "",
			"shape `N,C,H,W` of a batch, or its rows x columns, such as 32x32 (default: the recipe's)"),
		batch: fs.Int("batch", 0, "images in a batch (default: the recipe's)"),
	}
}

// of returns the recipe called name with the values of the flags.
func (f batchFlags) of(name string) (nin.Recipe, error) {
	r, err := withNet(name, *f.net)
	if err != nil {
		return r, cli.Usage(err)
	}
	batch := *f.batch
	if batch < 0 || batch > 1e6 {
		return r, cli.Usage(fmt.Errorf("-batch is %d; want 1 to 1000000", batch))
	}
	r.Batch, r.In, err = inputShape(*f.input, cmp.Or(batch, r.Batch), r.In)
	if err == nil && batch > 0 && batch != r.Batch {
		err = cli.Usage(fmt.Errorf("-batch is %d and -input is a batch of %d; want one of them", batch, r.Batch))
	}
	return r, err
}

// inputShape reads text, the value of -input, which changes all or rows and columns of n images of
// shape in.
func inputShape(text string, n int, in nn.Shape) (int, nn.Shape, error) {
	if text == "" {
		return n, in, nil
	}
	shape := text
	if rows, columns, found := strings.Cut(text, "x"); found {
		shape = fmt.Sprintf("%d,%d,%s,%s", n, in.C, rows, columns)
	}
	k, err := fmt.Sscanf(shape+" ", "%d,%d,%d,%d ", &n, &in.C, &in.H, &in.W)
	if err != nil || k != 4 || min(n, in.C, in.H, in.W) < 1 || max(n, in.C, in.H, in.W) > 1<<16 {
		return 0, in,
			cli.Usage(fmt.Errorf("-input is %q; want N,C,H,W, such as 1,1,224,224, or rows x columns, such as 224x224",
				text))
	}
	return n, in, nil
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
