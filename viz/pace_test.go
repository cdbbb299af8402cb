package viz

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// play lets pictures be drawn for a minute, whenever it is time for one, each of
// which takes that long.
func play(took time.Duration, busy bool) Pace {
	var p Pace
	begin := time.Unix(0, 0)
	for now := begin; now.Sub(begin) < time.Minute; now = now.Add(time.Millisecond) {
		if p.Due(now, busy) {
			now = now.Add(took)
			p.drew(now.Add(-took), now)
		}
	}
	return p
}

func TestDrawingLeavesNineTenths(t *testing.T) {
	for _, took := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 500 * time.Millisecond} {
		p := play(took, true)
		assert.LessOrEqual(t, p.spent.Seconds(), 0.1*60+took.Seconds(), "pictures of %v", took)
		assert.LessOrEqual(t, p.frames, 30*60+1, "pictures of %v", took)
	}
	assert.InDelta(t, 30*60, play(time.Millisecond, true).frames, 60, "cheap pictures come at 30 a second")
	assert.InDelta(t, 5*60, play(20*time.Millisecond, true).frames, 10, "dear ones take their tenth")
	assert.InDelta(t, 30*60, play(20*time.Millisecond, false).frames, 60, "nothing waits")
}
