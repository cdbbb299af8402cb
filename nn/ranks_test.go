package nn_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/data"
)

// onRanks calls f on n ranks at the same time, each with its own device, and returns their errors.
func onRanks(t *testing.T, devices []*gpu.Device, n int, f func(dev *gpu.Device, r nn.Ranks) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i, r := range nn.Loopback(n) {
		all.Go(func() {
			if errs[i] = f(devices[i], r); errs[i] != nil {
				r.Abort(errs[i])
			}
		})
	}
	all.Wait()
	return errs
}

// open opens n devices on the adapter of the tests.
func open(t *testing.T, n int) (devices []*gpu.Device) {
	for range n {
		dev, err := gpu.Open(gpu.Options{Adapter: os.Getenv("NIN_ADAPTER"), Portable: os.Getenv("NIN_PORTABLE") == "1"})
		if err != nil && os.Getenv("REQUIRE_GPU") != "1" {
			t.Skip(err)
		}
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, dev.Close()) })
		devices = append(devices, dev)
	}
	return devices
}

// ranked is a network that uses everything that ranks exchange, and depends on the place of images
// in a batch.
var ranked = nn.Sequential{
	nn.Conv2D{Out: 4, Kernel: 3, Pad: nn.Pad(1)}, nn.BatchNorm2D{}, nn.ReLU{}, nn.Dropout{P: 0.4},
	nn.MaxPool2D{Kernel: 2}, nn.Flatten{}, nn.Linear{Out: 10},
}

// outcome is the result of a run, to the bit.
type outcome struct {
	hash   string
	losses []float64
	test   nn.Evaluation
}

// trainOn trains on a rank, from the state that begin sets on rank 0. It stops soon after step to;
// 0 means never.
func trainOn(dev *gpu.Device, r nn.Ranks, set *data.Images, cfg nn.TrainConfig, to int,
	begin func(*nn.Net, *nn.Trainer) error) (o outcome, net *nn.Net, tr *nn.Trainer, err error) {
	if net, err = nn.NewNet(dev, ranked, nn.Shape{C: set.C, H: set.H, W: set.W}, nn.Across(r)); err != nil {
		return o, nil, nil, err
	}
	images, err := nn.Upload(dev, set)
	if err != nil {
		return o, net, nil, err
	}
	defer images.Close()
	if tr, err = nn.NewTrainer(net, images, cfg); err != nil {
		return o, net, nil, err
	}
	if r == nil || r.Rank() == 0 {
		if err := begin(net, tr); err != nil {
			return o, net, tr, err
		}
	}
	if err := tr.Share(); err != nil {
		return o, net, tr, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for s, err := range tr.Steps(ctx) {
		if errors.Is(err, context.Canceled) {
			break
		}
		if err != nil {
			return o, net, tr, err
		}
		o.losses = append(o.losses, s.Loss)
		if s.Step == to && (r == nil || r.Rank() == 0) {
			cancel()
		}
	}
	eval, err := nn.NewEvaluator(net, images, 4)
	if err != nil {
		return o, net, tr, err
	}
	defer eval.Close()
	if err := eval.SetShards(cfg.Shards); err != nil {
		return o, net, tr, err
	}
	if o.test, err = eval.Run(context.Background()); err != nil {
		return o, net, tr, err
	}
	o.hash, err = net.Hash()
	return o, net, tr, err
}

// TestRanksHaveTheSameBits checks that a run of four shards has the same bits on one, two and four
// ranks: weights, running state, the loss of each step and an evaluation. The batch and the last
// batch are not multiples of four. It also stops a run and resumes it on another number of ranks.
func TestRanksHaveTheSameBits(t *testing.T) {
	devices := open(t, 4)
	set := crops(t, 19, 1, 7, 6)
	for name, h := range map[string]nn.Hyper{
		"momentum": {Rate: 0.05, WeightDecay: 1e-3, Momentum: 0.9},
		"shares":   {Rate: 0.05},
		"adamw":    {Rate: 0.002, WeightDecay: 0.1, Optimizer: nn.AdamW, ClipNorm: 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "adamw" {
				defer nn.SetChunk(64)() // many chunks
			}
			h.Batch, h.Epochs, h.Shuffle, h.Seed, h.Shards = 9, 2, true, 1, 4
			cfg := nn.TrainConfig{Hyper: h, Augment: nn.Augment{Mirror: true}}
			if name == "shares" {
				cfg.Shares = []int{1, 3, 2, 1}
			}
			initial := func(net *nn.Net, _ *nn.Trainer) error { return net.Init(nn.He, 5) }
			train := func(n, to int, begin func(*nn.Net, *nn.Trainer) error,
				end func(*nn.Net, *nn.Trainer) error) outcome {
				outcomes := make([]outcome, n)
				for i, err := range onRanks(t, devices, n, func(dev *gpu.Device, r nn.Ranks) error {
					if n == 1 {
						r = nil
					}
					o, net, tr, err := trainOn(dev, r, set, cfg, to, begin)
					defer net.Close()
					defer tr.Close()
					at := 0
					if r != nil {
						at = r.Rank()
					}
					outcomes[at] = o
					if err == nil && at == 0 && end != nil {
						err = end(net, tr)
					}
					return err
				}) {
					require.NoError(t, err, "rank %d", i)
					require.Equal(t, outcomes[0], outcomes[i])
				}
				return outcomes[0]
			}
			want := train(1, 0, initial, nil)
			require.Len(t, want.losses, 6)
			assert.Equal(t, want, train(2, 0, initial, nil), "2 ranks")
			assert.Equal(t, want, train(4, 0, initial, nil), "4 ranks")

			var resume func(*nn.Net, *nn.Trainer) error
			first := train(4, 2, initial, func(net *nn.Net, tr *nn.Trainer) error {
				weights, err := net.Weights()
				if err != nil {
					return err
				}
				steps, optimizer, err := tr.State()
				resume = func(net *nn.Net, tr *nn.Trainer) error {
					return errors.Join(net.SetWeights(weights), tr.SetState(steps, optimizer))
				}
				return err
			})
			second := train(2, 0, resume, nil)
			assert.Equal(t, want.losses, append(first.losses, second.losses...))
			assert.Equal(t, want.hash, second.hash)
			assert.Less(t, len(first.losses), 6)
		})
	}
}

// TestExchangeOverlapsWithTheBackwardPass checks that the gradients of the last layers are
// exchanged while those of earlier layers are computed. A step runs in segments, which together
// contain all of its dispatches, and each value is sent once in each direction.
func TestExchangeOverlapsWithTheBackwardPass(t *testing.T) {
	defer nn.SetChunk(1024)()
	devices := open(t, 2)
	set := crops(t, 8, 1, 7, 6)
	layers := nn.Sequential{
		nn.Conv2D{Out: 16, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{}, nn.Conv2D{Out: 16, Kernel: 3, Pad: nn.Pad(1)},
		nn.ReLU{},
		nn.Conv2D{Out: 16, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{}, nn.GlobalAvgPool2D{}, nn.Flatten{},
		nn.Linear{Out: 10},
	}
	for _, err := range onRanks(t, devices, 2, func(dev *gpu.Device, r nn.Ranks) error {
		net, err := nn.NewNet(dev, layers, nn.Shape{C: set.C, H: set.H, W: set.W}, nn.Across(r))
		if err != nil {
			return err
		}
		defer net.Close()
		images, err := nn.Upload(dev, set)
		if err != nil {
			return err
		}
		defer images.Close()
		tr, err := nn.NewTrainer(net, images, nn.TrainConfig{Hyper: nn.Hyper{Batch: 8, Epochs: 1, Shards: 4}})
		if err != nil {
			return err
		}
		defer tr.Close()
		segments, chunks := nn.Segments(tr), tr.Chunks()
		all, total, work, ahead := 0, int64(0), 0.0, 0.0
		for _, n := range segments {
			all += n
		}
		for i := range chunks {
			total += chunks[i].Bytes // each of two ranks sends half of it, twice
			work += chunks[i].Work
			if chunks[i].Group < 2 { // the device starts these before the first exchange
				ahead += chunks[i].Work
			}
			begins := i == 0 || chunks[i].Group > chunks[i-1].Group
			assert.True(t, begins || chunks[i].Work == 0, "chunk %d of %v is ready later than its group", i, chunks)
		}
		assert.Greater(t, len(chunks), 4)
		assert.Len(t, segments, chunks[len(chunks)-1].Group+1)
		assert.InDelta(t, 1, work, 1e-9, "all of the arithmetic")
		assert.Less(t, ahead, 0.9, "%v", chunks)
		assert.Equal(t, strings.Count(tr.String(), "\n")-2, all, "but for the sum of ranks and the update")
		bytes, _ := tr.Exchanged()
		assert.Equal(t, total, bytes)
		assert.GreaterOrEqual(t, bytes, net.GradientBytes(), "(R-1)/R of it, twice")
		assert.Less(t, bytes, net.GradientBytes()+int64(len(chunks)*2*64*4+64), "and some padding")
		return nil
	}) {
		require.NoError(t, err)
	}
}

// TestRanksRefuse checks that invalid settings are refused on all ranks, and that a failure of one
// rank is an error on all.
func TestRanksRefuse(t *testing.T) {
	devices := open(t, 4)
	set := crops(t, 12, 1, 7, 6)
	cfg := nn.TrainConfig{Hyper: nn.Hyper{Batch: 8, Epochs: 1, Rate: 0.1, Shards: 2}}
	initial := func(net *nn.Net, _ *nn.Trainer) error { return net.Init(nn.He, 5) }
	train := func(n int, cfg nn.TrainConfig, set func(rank int) *data.Images) []error {
		return onRanks(t, devices, n, func(dev *gpu.Device, r nn.Ranks) error {
			_, net, tr, err := trainOn(dev, r, set(r.Rank()), cfg, 0, initial)
			net.Close()
			tr.Close()
			return err
		})
	}
	same := func(int) *data.Images { return set }
	for _, err := range train(4, cfg, same) {
		assertOneLine(t, err, "Shards is 2; want at least the number of ranks, 4")
	}
	for _, err := range train(3, cfg, same) {
		assertOneLine(t, err, "there are 3 ranks; want a power of two")
	}
	cfg.Shards = 0
	for _, shares := range [][]int{{1}, {0, 8}, {4, 5}} {
		cfg.Shares = shares
		for _, err := range train(2, cfg, same) {
			assertOneLine(t, err, "Shares is ")
		}
	}
	cfg.Shares = nil
	cfg.Rate, cfg.Shards, cfg.Epochs = 3e38, 0, 5
	for i, err := range train(2, cfg, same) {
		require.ErrorIs(t, err, nn.ErrDiverged, "rank %d", i)
		assertOneLine(t, err, "step ", "not finite")
	}
	errs := onRanks(t, devices, 2, func(_ *gpu.Device, r nn.Ranks) error {
		return nn.Agree(r, "images", []byte{7, byte(r.Rank())})
	})
	for _, err := range errs {
		assertOneLine(t, err, "rank 1 has other images than rank 0; want the same on all ranks")
	}
	for _, want := range []error{nil, os.ErrNotExist} {
		errs = onRanks(t, devices, 2, func(_ *gpu.Device, r nn.Ranks) error {
			got, err := nn.Share(r, func() ([]byte, error) {
				assert.Zero(t, r.Rank())
				return []byte("abc"), want
			})
			if err == nil {
				assert.Equal(t, "abc", string(got))
			}
			return err
		})
		require.ErrorIs(t, errs[0], want)
		if want != nil {
			require.ErrorIs(t, errs[1], nn.ErrElsewhere)
		}
	}
	// If a rank is gone, the others do not wait for it.
	errs = onRanks(t, devices, 4, func(_ *gpu.Device, r nn.Ranks) error {
		if r.Rank() == 2 {
			return os.ErrClosed
		}
		return r.Broadcast(make([]byte, 3), 0)
	})
	for _, err := range errs {
		require.ErrorIs(t, err, os.ErrClosed)
	}
}

// TestRanksStopAnEvaluation checks that if one rank stops an evaluation, or fails in it, the
// evaluation ends on all ranks.
func TestRanksStopAnEvaluation(t *testing.T) {
	devices := open(t, 2)
	set := crops(t, 12, 1, 7, 6)
	for _, broken := range []bool{false, true} {
		errs := onRanks(t, devices, 2, func(dev *gpu.Device, r nn.Ranks) error {
			net, err := nn.NewNet(dev, ranked, nn.Shape{C: set.C, H: set.H, W: set.W}, nn.Across(r))
			if err != nil {
				return err
			}
			defer net.Close()
			images, err := nn.Upload(dev, set)
			if err != nil {
				return err
			}
			defer images.Close()
			eval, err := nn.NewEvaluator(net, images, 2)
			if err != nil {
				return err
			}
			defer eval.Close()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if r.Rank() == 1 && !broken {
				cancel()
			}
			if r.Rank() == 0 || !broken { // otherwise it has no weights
				if err := net.Init(nn.He, 1); err != nil {
					return err
				}
			}
			_, err = eval.Run(ctx)
			return err
		})
		if broken {
			require.ErrorIs(t, errs[0], nn.ErrElsewhere)
			assertOneLine(t, errs[0], "rank 1")
			require.ErrorContains(t, errs[1], "the weights were never set")
		} else {
			require.ErrorIs(t, errs[0], context.Canceled)
			require.ErrorIs(t, errs[1], context.Canceled)
		}
	}
}
