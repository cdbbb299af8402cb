package run

import (
	"fmt"
	"math"

	"wgnin/nn/data"
)

// stuck detects a network that learns nothing, and reports it once.
type stuck struct {
	classes int
	guess   float64 // loss of guessing as often as the classes are
	patient bool    // without momentum it takes longer
	told    bool

	last float64 // loss
	same int     // steps in a row that have it

	sum    float64 // of losses, in this chunk
	steps  int     // in this chunk
	chunks int     // in a row whose mean is that of guessing
}

const (
	// deadSteps is how many whole batches must have the same loss for a network to be
	// called dead.
	deadSteps = 20

	// A healthy run may begin near the loss of guessing, and come back to it for a moment.
	// With momentum the small network leaves it within 150 steps of 128 images, whatever
	// the seed. Without it the chapter's takes about an epoch of 469.
	chunkSteps    = 50
	stuckChunks   = 6
	patientChunks = 20
)

// newStuck watches a training on images. It should be patient if the optimizer remembers no
// past gradients.
func newStuck(classes int, images *data.Images, patient bool) stuck {
	return stuck{classes: classes, guess: entropy(images), patient: patient}
}

// entropy returns the entropy of the labels, -sum p ln p over their frequencies p. If all
// classes are equally frequent, it is the logarithm of their number.
func entropy(images *data.Images) (h float64) {
	count := make([]int, len(images.Classes))
	for i := range images.Len() {
		count[images.Label(i)]++
	}
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(images.Len())
			h -= p * math.Log(p)
		}
	}
	return h
}

// step takes the loss of a whole batch, and returns what is wrong, or "".
func (s *stuck) step(loss float64) string {
	text := s.dead(loss)
	if text == "" {
		text = s.guesses(loss)
	}
	if s.told || text == "" {
		return ""
	}
	s.told = true
	return text
}

// dead looks for losses that are equal to the last bit, and are that of equal logits,
// ln(classes): different batches give that only if the images make no difference, as when
// the last ReLU lets nothing through.
func (s *stuck) dead(loss float64) string {
	if loss != s.last {
		s.last, s.same = loss, 0
	}
	s.same++
	if s.same < deadSteps || math.Abs(loss-math.Log(float64(s.classes))) > 1e-4 { // the sum of a batch is rounded
		return ""
	}
	return fmt.Sprintf("the network is dead: the loss of the last %d steps is ln %d to the last bit, so the logits are equal whatever the image and "+
		"nothing can be learned from them", deadSteps, s.classes)
}

// guesses looks for losses that stay at that of guessing, within one percent. Guessing by the
// frequencies of the classes has the lowest such loss, and equal logits have the highest.
func (s *stuck) guesses(loss float64) string {
	s.sum += loss
	if s.steps++; s.steps < chunkSteps {
		return ""
	}
	mean, need := s.sum/chunkSteps, stuckChunks
	if s.patient {
		need = patientChunks
	}
	s.sum, s.steps = 0, 0
	if mean < 0.99*s.guess || mean > 1.01*math.Log(float64(s.classes)) {
		s.chunks = 0
		return ""
	}
	if s.chunks++; s.chunks < need {
		return ""
	}
	return fmt.Sprintf("the network has learned nothing in the last %d steps: their loss is %.4f, and guessing has %.4f", need*chunkSteps, mean, s.guess)
}
