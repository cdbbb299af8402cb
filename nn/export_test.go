package nn

import "time"

// Exports for tests: only tests would call these.
var (
	// UploadChunks is Upload with perChunk images in each buffer, as on an adapter that binds no
	// more.
	UploadChunks = uploadChunks
	// SameSides returns the padding of Same along one axis.
	SameSides = sameSides
)

// SetPatience limits the time that Tune allows for a compilation to d, until restore is called.
func SetPatience(d time.Duration) (restore func()) {
	before := patience
	patience = d
	return func() { patience = before }
}

// SetChunk limits the chunks of exchanges between ranks to n values, until restore is called.
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
