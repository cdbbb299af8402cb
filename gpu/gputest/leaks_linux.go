package gputest

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
)

// held counts what the process and the device hold.
type held struct {
	resident    int64 // bytes
	buffers     int
	bufferBytes int64
	goroutines  int
}

func holds(t testing.TB, dev *gpu.Device) held {
	dev.Wait()
	dev.WaitAhead()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	var size, pages int64
	_, err = fmt.Sscan(string(text), &size, &pages)
	require.NoError(t, err)
	h := held{resident: pages * int64(os.Getpagesize()), goroutines: runtime.NumGoroutine()}
	h.buffers, h.bufferBytes = dev.Usage()
	return h
}

// NothingGrows fails t if the rounds leave more open buffers, goroutines or resident memory than
// before. The first tenth of the rounds does not count, so that it can fill caches. Resident memory
// may grow by most bytes, for what the allocators keep.
func NothingGrows(t testing.TB, dev *gpu.Device, name string, rounds int, most int64, round func(i int)) {
	var before held
	for i := range rounds {
		if i == rounds/10 {
			before = holds(t, dev)
		}
		round(i)
	}
	after := holds(t, dev)
	t.Logf("%s: %d rounds, %+d kB resident", name, rounds, (after.resident-before.resident)>>10)
	assert.LessOrEqual(t, after.resident-before.resident, most, name)
	assert.Equal(t, before.buffers, after.buffers, name)
	assert.Equal(t, before.bufferBytes, after.bufferBytes, name)
	assert.LessOrEqual(t, after.goroutines, before.goroutines, name)
}
