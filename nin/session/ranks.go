package session

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nn"
	"wgnin/nn/data"
)

// Pretend returns rank 0 of n ranks, without the others. Its exchanges take no time, and each
// missing rank seems to send what this one sends. It serves to plan a training step of one rank,
// and to measure the step without a network.
func Pretend(n int) nn.Ranks { return pretend(n) }

type pretend int

func (p pretend) Rank() int { return 0 }
func (p pretend) Size() int { return int(p) }

func (p pretend) Broadcast([]byte, int) error { return nil }
func (p pretend) Abort(error)                 {}

func (p pretend) AllToAll(send, recv []byte) error {
	return p.AllGather(send[:len(send)/int(p)], recv)
}

func (p pretend) AllGather(send, recv []byte) error {
	for i := range int(p) {
		copy(recv[i*len(send):], send)
	}
	return nil
}

// StepSeconds measures training steps of n random images on dev as one of ranks ranks (see
// [Pretend]), and returns the median in seconds. layers is the network, and in the shape [C,H,W] of
// its input. The time includes the work of an exchange on the device and between device and host,
// but not the network between the ranks. The same number of steps runs first without being counted,
// because the first one compiles.
func StepSeconds(ctx context.Context, dev *gpu.Device, layers nn.Layer, in nn.Shape, n, ranks,
	steps int) (float64, error) {
	s, err := New(dev, layers, in, nn.Across(Pretend(ranks)))
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if err := s.Net.Init(nn.He, 0); err != nil {
		return 0, err
	}
	if err := s.Load(Noise(in, n*ranks*steps, s.Net.Out.Len()), nil); err != nil {
		return 0, err
	}
	if err := s.Train(nn.TrainConfig{Hyper: nn.Hyper{Batch: n * ranks, Epochs: 2, Momentum: 0.9}}); err != nil {
		return 0, err
	}
	var seconds []float64
	start := time.Now()
	for step, err := range s.Trainer.Steps(ctx) {
		if err != nil {
			return 0, err
		}
		if step.Step == steps { // the end of an epoch, with nothing in flight
			dev.WaitAhead()
		} else if step.Step > steps {
			seconds = append(seconds, time.Since(start).Seconds())
		}
		start = time.Now()
	}
	return Median(seconds), nil
}

// Median returns the median of x, or 0 if x is empty.
func Median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// balance measures the speed of all ranks at the same time, and returns the number of shares of a
// batch for each rank. The result is the same on all ranks.
func balance(ctx context.Context, dev *gpu.Device, ranks nn.Ranks, layers nn.Layer, in nn.Shape, h nn.Hyper,
	images int) ([]int, error) {
	h.Batch = min(h.Batch, images)
	if ranks == nil {
		return nil, nin.SettingError{Setting: "Balance",
			Problem: "divides a batch between ranks, but there is only one; want several"}
	}
	n, shares := ranks.Size(), 0
	for _, most := range []int{8, 7, 6, 5, 4, 3, 2} { // a rank
		if shares == 0 && h.Batch%(most*n) == 0 {
			shares = most * n
		}
	}
	if _, err := nn.Share(ranks, func() ([]byte, error) {
		switch {
		case h.Shards > n:
			return nil, nn.RangeError{Setting: "Shards", Value: h.Shards,
				Want: fmt.Sprintf("0 or the number of ranks, %d, to balance them", n)}
		case shares == 0:
			return nil, nn.RangeError{Setting: "Batch", Value: h.Batch,
				Want: fmt.Sprintf("a multiple of %d, to balance %d ranks", 2*n, n)}
		}
		return nil, nil
	}); err != nil {
		return nil, err
	}
	const steps, failed = 5, -1
	seconds, err := StepSeconds(ctx, dev, layers, in, h.Batch/shares, n, steps)
	if err != nil {
		seconds = failed
	}
	all := make([]float32, n)
	if lost := ranks.AllGather(gpu.Bytes([]float32{float32(seconds)}), gpu.Bytes(all)); err != nil || lost != nil {
		return nil, cmp.Or(err, lost)
	}
	if slices.Contains(all, failed) {
		return nil, nn.ErrElsewhere
	}
	return Apportion(shares, all), nil
}

// Apportion divides n shares between ranks so that the slowest rank finishes as early as possible,
// and returns the number of shares for each rank, at least one. seconds has the time that each rank
// takes for one share.
func Apportion(n int, seconds []float32) []int {
	shares := make([]int, len(seconds))
	for given := range n {
		next := given
		if given >= len(shares) {
			next = 0
			for i := range shares {
				if float32(shares[i]+1)*seconds[i] < float32(shares[next]+1)*seconds[next] {
					next = i
				}
			}
		}
		shares[next]++
	}
	return shares
}

// Noise returns n random images [C,H,W] of shape in, the same in each call. Their labels count from
// 0 to classes-1 again and again.
func Noise(in nn.Shape, n, classes int) *data.Images {
	s := &data.Images{Name: "noise", C: in.C, H: in.H, W: in.W, Pixels: make([]uint8, n*in.Len()),
		Labels: make([]uint8, n), Classes: make([]string, classes)}
	v := uint32(1)
	for i := range s.Pixels {
		v = v*1664525 + 1013904223
		s.Pixels[i] = uint8(v >> 24)
	}
	for i := range s.Labels {
		s.Labels[i] = uint8(i % classes)
	}
	return s
}
