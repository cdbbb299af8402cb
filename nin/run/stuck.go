package run

import (
	"fmt"
	"math"

	"wgnin/nn"
	"wgnin/nn/data"
)

// stuck detects a network that learns nothing, and reports it once.
type stuck struct {
	classes int
	losses  losses
	patient bool // without momentum it takes longer
	told    bool

	last float64 // loss
	same int     // steps in a row that have it

	sum    float64 // of losses, in this chunk
	steps  int     // in this chunk
	chunks int     // in a row whose mean is that of guessing
}

const (
	// deadSteps is the number of whole batches with the same loss after which a network is called
	// dead.
	deadSteps = 20

	// A healthy run may begin near the loss of guessing, and come back to it for a moment.
	// With momentum the small network leaves it within 150 steps of 128 images, whatever
	// the seed. Without it the chapter's takes about an epoch of 469.
	chunkSteps    = 50
	stuckChunks   = 6
	patientChunks = 20
)

// newStuck returns a stuck that watches training on images, of a network with the given number of
// logits. patient should be true if the optimizer keeps no past gradients.
func newStuck(classes int, images *data.Images, loss nn.CrossEntropy, patient bool) stuck {
	return stuck{classes: classes, losses: lossesOf(classes, images, loss), patient: patient}
}

// losses are losses over all images of a training set.
type losses struct {
	equal float64 // of equal logits; ln(classes) unless weights and smoothing come together
	guess float64 // the least of logits that do not depend on the image
	least float64 // the least of any logits; 0 without smoothing
}

// lossesOf computes the losses for images whose label y has the target t[y,c] of
// nn.CrossEntropy, which adds up to mass[y]. The best guess is the mean of the targets over the
// images. Without weights and smoothing, its loss is the entropy of the labels.
func lossesOf(classes int, images *data.Images, loss nn.CrossEntropy) losses {
	count := make([]float64, max(classes, len(images.Classes)))
	for i := range images.Len() {
		count[images.Label(i)]++
	}
	weight := func(c int) float64 {
		if len(loss.ClassWeights) == 0 {
			return 1
		}
		return loss.ClassWeights[c]
	}
	each, rest := loss.LabelSmoothing/float64(classes), 1-loss.LabelSmoothing
	var sum, smooth, other float64 // of the labels' weights; of the target that is not the label's, and its v ln v
	for c, n := range count {
		sum += weight(c) * n
		smooth += each * weight(c)
		other += timesLog(each * weight(c))
	}
	var l losses
	total := 0.0 // of the masses
	for y, n := range count {
		own, mass := (each+rest)*weight(y), smooth+rest*weight(y)
		total += n * mass / sum
		l.guess -= timesLog((n*rest + float64(images.Len())*each) * weight(y) / sum)
		l.least -= n / sum * (other - timesLog(each*weight(y)) + timesLog(own) - timesLog(mass))
	}
	l.guess += timesLog(total)
	l.equal = total * math.Log(float64(classes))
	return l
}

// timesLog returns v ln v, which is 0 at 0.
func timesLog(v float64) float64 {
	if v == 0 {
		return 0
	}
	return v * math.Log(v)
}

// step takes the loss of a whole batch. It returns a warning, at most once, or an empty text.
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

// dead looks for losses that are equal to the last bit, and equal to the loss of equal logits,
// ln(classes). Different batches have such losses only if the images make no difference, for
// example because the last ReLU lets nothing through. With class weights, the sum of each batch is
// rounded differently, and guesses finds such a network.
func (s *stuck) dead(loss float64) string {
	if loss != s.last {
		s.last, s.same = loss, 0
	}
	s.same++
	if s.same < deadSteps || math.Abs(loss-s.losses.equal) > 1e-4 { // the sum of a batch is rounded
		return ""
	}
	return fmt.Sprintf("the network is dead: the loss of the last %d steps is ln %d to the last bit, so the logits are equal whatever the image and "+
		"nothing can be learned from them", deadSteps, s.classes)
}

// guesses looks for losses that stay at that of guessing, within one percent of what can be
// learned. Guessing by the frequencies of the classes has the lowest such loss, and equal logits
// have the highest.
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
	l := s.losses
	if mean < l.guess-0.01*(l.guess-l.least) || mean > 1.01*l.equal {
		s.chunks = 0
		return ""
	}
	if s.chunks++; s.chunks < need {
		return ""
	}
	return fmt.Sprintf("the network has learned nothing in the last %d steps: their loss is %.4f, and guessing has %.4f", need*chunkSteps, mean, l.guess)
}
