package session

import (
	"context"
	"slices"
	"time"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/data"
)

// Pretend is rank 0 of so many ranks, of which the others do not exist: each sends what this one
// does, without delay. It is for planning a step of one of them, and for measuring it without a network.
type Pretend int

func (p Pretend) Rank() int { return 0 }
func (p Pretend) Size() int { return int(p) }

func (p Pretend) Broadcast([]byte, int) error { return nil }
func (p Pretend) Abort(error)                 {}

func (p Pretend) AllToAll(send, recv []byte) error {
	return p.AllGather(send[:len(send)/int(p)], recv)
}

func (p Pretend) AllGather(send, recv []byte) error {
	for i := range int(p) {
		copy(recv[i*len(send):], send)
	}
	return nil
}

// StepSeconds measures training steps of n random images on dev, which is one of ranks ranks, and
// returns the median. It contains what an exchange takes on the device and between device and host,
// but not on the network. The first step, which compiles, is not counted.
func StepSeconds(ctx context.Context, dev *gpu.Device, layers nn.Layer, in nn.Shape, n, ranks, steps int) (float64, error) {
	s, err := New(dev, layers, in, nn.Across(Pretend(ranks)))
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if err := s.Net.Init(nn.He, 0); err != nil {
		return 0, err
	}
	if err := s.Load(Noise(in, n*ranks, s.Net.Out.Len()), nil); err != nil {
		return 0, err
	}
	if err := s.Train(nn.TrainConfig{Hyper: nn.Hyper{Batch: n * ranks, Epochs: steps + 1, Momentum: 0.9}}); err != nil {
		return 0, err
	}
	var seconds []float64
	start := time.Now()
	for step, err := range s.Trainer.Steps(ctx) { // each is an epoch, so nothing is in flight after it
		if err != nil {
			return 0, err
		}
		if step.Step == 1 {
			dev.WaitAhead()
		} else {
			seconds = append(seconds, time.Since(start).Seconds())
		}
		start = time.Now()
	}
	slices.Sort(seconds)
	return (seconds[(len(seconds)-1)/2] + seconds[len(seconds)/2]) / 2, nil
}

// Noise are n images that look like nothing.
func Noise(in nn.Shape, n, classes int) *data.Images {
	s := &data.Images{Name: "noise", C: in.C, H: in.H, W: in.W, Pixels: make([]uint8, n*in.Len()), Labels: make([]uint8, n), Classes: make([]string, classes)}
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
