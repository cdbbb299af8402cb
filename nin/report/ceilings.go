package report

import (
	"errors"
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders/ceiling"
)

// Ceilings are the highest rates measured on an adapter. Reports compare kernels with them. They
// are 0 if the adapter has no timestamps.
type Ceilings struct {
	FMAGFlops float64 `json:"fma_gflop_per_s"` // by multiply-adds in registers
	ReadGBs   float64 `json:"read_gb_per_s"`   // read from one tensor
	CopyGBs   float64 `json:"copy_gb_per_s"`   // read from one tensor and written to another
	BlendGBs  float64 `json:"blend_gb_per_s"`  // read from two tensors and written to a third
}

// String returns the line with the ceilings in a report.
func (c Ceilings) String() string {
	return fmt.Sprintf("ceilings    multiply-add %.1f GFLOP/s; one stream (read) %.1f GB/s, two (copy) %.1f, three (blend) %.1f",
		c.FMAGFlops, c.ReadGBs, c.CopyGBs, c.BlendGBs)
}

// percent returns how near the median of a dispatch comes to the nearer of its two ceilings, in
// percent: the ceiling of the arithmetic, and the ceiling of memory for its number of streams.
func (c Ceilings) percent(t gpu.Timing) float64 {
	memory := []float64{c.ReadGBs, c.ReadGBs, c.CopyGBs, c.BlendGBs}[min(t.Streams, 3)]
	return 100 * ratio(max(ratio(t.Work, c.FMAGFlops), ratio(t.Bytes, memory)), t.Median)
}

// chains lists the numbers of vec4 accumulators with which adapters are fastest.
var chains = []int{2, 3, 4, 8}

// ceilings measures the ceilings of the adapter.
func ceilings(dev *gpu.Device) (c Ceilings, err error) {
	if err := dev.Profile(); errors.Is(err, gpu.ErrNoTimestamps) {
		return c, nil
	}
	dev.StopProfile()
	const values, runs = 8 << 20, 6 // values of each tensor
	var views [3]gpu.View
	for i := range views {
		b, err := dev.NewBuffer("ceiling", values*4)
		if err != nil {
			return c, err
		}
		defer b.Release()
		if err := gpu.Write(b.All(), make([]float32, values)); err != nil {
			return c, err
		}
		views[i] = b.All()
	}
	groups, rounds := 256, 128
	if dev.Adapter().Class != gpu.Software {
		groups, rounds = 8192, 256
	}
	a, b, y := views[0], views[1], views[2]
	r := dev.NewRecorder()
	for _, lanes := range []int{1, 4} {
		m := ceiling.Memory{Values: values, Lanes: lanes}
		read := y.Slice(0, int64(m.Sums())*4)
		m.Read().Record(r, ceiling.ReadArgs[gpu.View]{X: a, Y: read})
		m.Copy().Record(r, ceiling.CopyArgs[gpu.View]{X: a, Y: y})
		m.Blend().Record(r, ceiling.BlendArgs[gpu.View]{A: a, B: b, Y: y})
	}
	for _, n := range chains {
		ceiling.FMA{Groups: groups, Rounds: rounds, Chains: n}.Kernel().Record(r, ceiling.FMAArgs[gpu.View]{X: a, Y: y})
	}
	plan, err := r.Plan()
	if err != nil {
		return c, err
	}
	defer plan.Release()
	timings, err := timed(dev, plan, runs)
	for _, t := range timings {
		gbs := ratio(t.Bytes, t.Min)
		switch t.Kernel {
		case "ceiling/read":
			c.ReadGBs = max(c.ReadGBs, gbs)
		case "ceiling/copy":
			c.CopyGBs = max(c.CopyGBs, gbs)
		case "ceiling/blend":
			c.BlendGBs = max(c.BlendGBs, gbs)
		default:
			c.FMAGFlops = max(c.FMAGFlops, ratio(t.Work, t.Min))
		}
	}
	return c, err
}

// timed runs the plan once to compile it, and then runs times with timestamps.
func timed(dev *gpu.Device, plan *gpu.Plan, runs int) ([]gpu.Timing, error) {
	if err := dev.Run(plan); err != nil {
		return nil, err
	}
	dev.Wait()
	dev.WaitAhead()
	if err := dev.Profile(); err != nil {
		return nil, err
	}
	defer dev.StopProfile()
	for range runs {
		if err := dev.Run(plan); err != nil {
			return nil, err
		}
	}
	return dev.Timings(), nil
}
