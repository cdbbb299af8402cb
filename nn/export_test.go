package nn

import "time"

// For tests: what is not exported because only tests would call it.
var (
	// UploadChunks is Upload with so many images in a buffer, as when the
	// adapter binds no more.
	UploadChunks = uploadChunks
	// SameSides is the padding of Same on one axis.
	SameSides = sameSides
)

// SetPatience makes Tune wait no longer than d for a compilation, until restore.
func SetPatience(d time.Duration) (restore func()) {
	before := patience
	patience = d
	return func() { patience = before }
}

// SetChunk makes exchanges between ranks take at most n values at a time, until restore.
func SetChunk(n int) (restore func()) {
	before := chunkValues
	chunkValues = n
	return func() { chunkValues = before }
}

// Segments returns, for each group of chunks that a step of several ranks exchanges, the number of
// dispatches that run before it.
func Segments(t *Trainer) (dispatches []int) {
	for _, g := range t.exchange.groups {
		n := 0
		for _, p := range g.plans {
			n += p.Len()
		}
		dispatches = append(dispatches, n)
	}
	return dispatches
}
