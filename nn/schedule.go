package nn

import "math"

// Schedule is a learning rate that depends on the step. Steps count from 1.
type Schedule interface {
	Rate(step int) float64
}

// Warmer is a Schedule with its own warm-up, whose length WithWarmup sets.
type Warmer interface {
	Schedule
	WithWarmup(steps int) Schedule
}

// WarmUp returns s with a warm-up of the given number of steps. A [Warmer] uses its own warm-up;
// otherwise it is that of [Warmup].
func WarmUp(s Schedule, steps int) Schedule {
	if w, ok := s.(Warmer); ok {
		return w.WithWarmup(steps)
	}
	return Warmup{Steps: steps, Then: s}
}

// Constant is the same rate at every step.
type Constant float64

// Rate returns c.
func (c Constant) Rate(int) float64 { return float64(c) }

// Steps multiplies Base by Gamma after each of the steps in Milestones.
// torch.optim.lr_scheduler.MultiStepLR does so after epochs.
type Steps struct {
	Base, Gamma float64
	Milestones  []int
}

// Rate returns Base * Gamma^k after k milestones.
func (s Steps) Rate(step int) float64 {
	rate := s.Base
	for _, m := range s.Milestones {
		if step > m {
			rate *= s.Gamma
		}
	}
	return rate
}

// Cosine rises linearly to Base over Warmup steps, and then falls along half a cosine, which
// reaches zero one step after Total (Loshchilov and Hutter, SGDR, 2017).
type Cosine struct {
	Base          float64
	Warmup, Total int
}

// Rate returns the rate of the step.
func (c Cosine) Rate(step int) float64 {
	if step <= c.Warmup {
		return c.Base * float64(step) / float64(c.Warmup)
	}
	done := min(1, float64(step-1-c.Warmup)/float64(max(1, c.Total-c.Warmup)))
	return c.Base * (1 + math.Cos(math.Pi*done)) / 2
}

// WithWarmup returns c with another Warmup.
func (c Cosine) WithWarmup(steps int) Schedule {
	c.Warmup = steps
	return c
}

// Warmup multiplies the rate of Then by a factor that rises linearly from zero to 1 over Steps
// steps.
type Warmup struct {
	Steps int
	Then  Schedule
}

// Rate returns the rate of Then, scaled down during the warm-up.
func (w Warmup) Rate(step int) float64 {
	return w.Then.Rate(step) * min(1, float64(step)/float64(max(1, w.Steps)))
}

// OneCycle rises along half a cosine from Peak/25 to Peak at step Warmup (0 means 0.3 of Total),
// and falls along another to Peak/250000 at step Total, as torch.optim.lr_scheduler.OneCycleLR does
// with its defaults and a pct_start of Warmup/Total (Smith and Topin, "Super-Convergence", 2017,
// arXiv:1708.07120). The momentum stays constant; PyTorch's moves between 0.95 and 0.85.
type OneCycle struct {
	Peak          float64
	Warmup, Total int
}

// WithWarmup returns o with another Warmup.
func (o OneCycle) WithWarmup(steps int) Schedule {
	o.Warmup = steps
	return o
}

// Rate returns the rate of the step.
func (o OneCycle) Rate(step int) float64 {
	const start, rise, end = 1.0 / 25, 0.3, 1.0 / 25 / 1e4
	top := rise*float64(o.Total) - 1 // PyTorch counts from 0
	if o.Warmup > 0 {
		top = float64(o.Warmup - 1)
	}
	last := float64(o.Total - 1)
	at := min(float64(step-1), last)
	between := func(from, to, share float64) float64 { return to + (from-to)*(1+math.Cos(math.Pi*share))/2 }
	switch {
	case at == top: // also after a rise of one step
		return o.Peak
	case at < top:
		return o.Peak * between(start, 1, at/top)
	}
	return o.Peak * between(1, end, (at-top)/(last-top))
}
