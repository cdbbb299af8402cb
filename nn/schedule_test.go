package nn_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/nn"
)

// TestSchedules compares with rates worked out by hand. Computing one takes a handful of float64
// operations, so 1e-10 is far above their round-off and far below any mistake.
func TestSchedules(t *testing.T) {
	step := nn.Steps{Base: 0.1, Gamma: 0.5, Milestones: []int{10, 20}}
	cosine := nn.Cosine{Base: 0.8, Warmup: 4, Total: 12}
	for _, c := range []struct {
		name string
		s    nn.Schedule
		step int
		want float64
	}{
		{"constant", nn.Constant(0.3), 1, 0.3},
		{"constant", nn.Constant(0.3), 1e6, 0.3},
		{"before the first milestone", step, 1, 0.1},
		{"at the first milestone", step, 10, 0.1},
		{"after it", step, 11, 0.05},
		{"at the second", step, 20, 0.05},
		{"after it", step, 21, 0.025},
		{"long after", step, 1000, 0.025},
		{"no milestones", nn.Steps{Base: 0.1}, 5, 0.1},
		{"warming up", cosine, 1, 0.2},
		{"warm", cosine, 4, 0.8},
		{"the first after", cosine, 5, 0.8},
		{"half way", cosine, 9, 0.4},
		{"three quarters of the way", cosine, 11, 0.8 * 0.1464466094067262}, // (1 + cos(3 pi / 4)) / 2
		{"the last", cosine, 12, 0.8 * 0.0380602337443566},                  // (1 + cos(7 pi / 8)) / 2
		{"after the last", cosine, 13, 0},
		{"long after the last", cosine, 1000, 0},
		{"no warm-up", nn.Cosine{Base: 1, Total: 2}, 1, 1},
		{"no warm-up, half way", nn.Cosine{Base: 1, Total: 2}, 2, 0.5},
		{"nothing but warm-up", nn.Cosine{Base: 1, Warmup: 2, Total: 2}, 2, 1},
		{"no steps", nn.Cosine{Base: 1}, 1, 1},
		{"warming up to a constant", nn.Warmup{Steps: 4, Then: nn.Constant(2)}, 1, 0.5},
		{"warm", nn.Warmup{Steps: 4, Then: nn.Constant(2)}, 4, 2},
		{"long after", nn.Warmup{Steps: 4, Then: step}, 11, 0.05},
		{"no warm-up", nn.Warmup{Then: nn.Constant(2)}, 1, 2},
		// torch.optim.lr_scheduler.OneCycleLR(o, max_lr=0.4, total_steps=10)
		{"one cycle, first", nn.OneCycle{Peak: 0.4, Total: 10}, 1, 0.016},
		{"rising", nn.OneCycle{Peak: 0.4, Total: 10}, 2, 0.208},
		{"peak", nn.OneCycle{Peak: 0.4, Total: 10}, 3, 0.4},
		{"falling", nn.OneCycle{Peak: 0.4, Total: 10}, 4, 0.3801938528},
		{"falling", nn.OneCycle{Peak: 0.4, Total: 10}, 9, 0.01980774719},
		{"last", nn.OneCycle{Peak: 0.4, Total: 10}, 10, 1.6e-6},
		{"after the last", nn.OneCycle{Peak: 0.4, Total: 10}, 99, 1.6e-6},
		// with total_steps=7
		{"before the peak", nn.OneCycle{Peak: 0.4, Total: 7}, 2, 0.3922226509},
		{"after it", nn.OneCycle{Peak: 0.4, Total: 7}, 3, 0.3676177505},
		{"one step", nn.OneCycle{Peak: 0.4, Total: 1}, 1, 1.6e-6},
		// with total_steps=10, pct_start=0.5
		{"a rise of five steps, first", nn.WarmUp(nn.OneCycle{Peak: 0.4, Total: 10}, 5), 1, 0.016},
		{"rising", nn.WarmUp(nn.OneCycle{Peak: 0.4, Total: 10}, 5), 2, 0.07223549801},
		{"peak", nn.WarmUp(nn.OneCycle{Peak: 0.4, Total: 10}, 5), 5, 0.4},
		{"falling", nn.WarmUp(nn.OneCycle{Peak: 0.4, Total: 10}, 5), 6, 0.3618035517},
		{"last", nn.WarmUp(nn.OneCycle{Peak: 0.4, Total: 10}, 5), 10, 1.6e-6},
		{"a rise of one step", nn.WarmUp(nn.OneCycle{Peak: 0.4, Total: 10}, 1), 1, 0.4},
		{"of all steps", nn.WarmUp(nn.OneCycle{Peak: 0.4, Total: 10}, 10), 10, 0.4},
		{"another warm-up of its own", nn.WarmUp(cosine, 8), 4, 0.4},
		{"none of its own", nn.WarmUp(step, 40), 20, 0.025},
	} {
		assert.InDelta(t, c.want, c.s.Rate(c.step), 1e-10, "%s, step %d", c.name, c.step)
	}
	last := cosine.Rate(cosine.Warmup)
	for s := cosine.Warmup + 1; s <= cosine.Total; s++ {
		assert.LessOrEqual(t, cosine.Rate(s), last)
		assert.Positive(t, cosine.Rate(s))
		last = cosine.Rate(s)
	}
}
