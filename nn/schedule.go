package nn

import "math"

// Schedule is a learning rate that depends on the step, which counts from 1.
type Schedule interface {
	Rate(step int) float64
}

// Constant is the same rate at every step.
type Constant float64

// Rate is c.
func (c Constant) Rate(int) float64 { return float64(c) }

// Steps multiplies Base by Gamma after each of the steps in Milestones, as
// torch.optim.lr_scheduler.MultiStepLR does after epochs.
type Steps struct {
	Base, Gamma float64
	Milestones  []int
}

// Rate is Base * Gamma^k after k milestones.
func (s Steps) Rate(step int) float64 {
	rate := s.Base
	for _, m := range s.Milestones {
		if step > m {
			rate *= s.Gamma
		}
	}
	return rate
}

// Cosine rises in a line to Base over Warmup steps, then falls to zero at step
// Total as half a cosine (Loshchilov and Hutter, SGDR, 2017).
type Cosine struct {
	Base          float64
	Warmup, Total int
}

// Rate is the rate of the step.
func (c Cosine) Rate(step int) float64 {
	if step <= c.Warmup {
		return c.Base * float64(step) / float64(c.Warmup)
	}
	done := min(1, float64(step-1-c.Warmup)/float64(max(1, c.Total-c.Warmup)))
	return c.Base * (1 + math.Cos(math.Pi*done)) / 2
}
