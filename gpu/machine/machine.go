// Package machine reports what the computer has apart from its adapters: free memory, the limits of
// a container, and GPUs that no driver serves.
package machine

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// host is a machine. The paths of its files begin at root.
type host struct{ root string }

var here = host{"/"}

// FreeMemory returns the memory that the process can still allocate, in bytes, within the limit of
// its container. It returns 0 if the machine does not report it.
func FreeMemory() int64 { return here.free() }

// Contain limits the process to the resources of its container. Go's heap is limited to a
// third of the memory that is left, because the device needs most of it. Mesa's software
// driver gets as many threads as Go uses, because it does not know of a quota of processor
// time, and Go does. Contain leaves GOMEMLIMIT and LP_NUM_THREADS alone if the user has set
// them.
func Contain() {
	if limit := here.heapLimit(); limit > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
	if cores := runtime.GOMAXPROCS(0); cores < runtime.NumCPU() && os.Getenv("LP_NUM_THREADS") == "" {
		_ = os.Setenv("LP_NUM_THREADS", strconv.Itoa(cores)) // otherwise the driver is slower
	}
}

// leastHeap is enough for the images of a small dataset.
const leastHeap = 64 << 20

// heapLimit returns the limit for Go's heap in bytes, or 0 if there is no limit.
func (h host) heapLimit() int64 {
	free := h.groupFree()
	if free == math.MaxInt64 {
		return 0
	}
	return max(free/3, leastHeap)
}

func (h host) free() int64 {
	free := h.groupFree()
	if kB, ok := h.value("proc/meminfo", "MemAvailable:"); ok {
		free = min(free, kB*1024)
	}
	if free == math.MaxInt64 {
		return 0
	}
	return max(free, 1)
}

// value returns the number that follows a key in a file whose lines are keys and numbers.
func (h host) value(path, key string) (int64, bool) {
	for line := range strings.Lines(h.read(path)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == key {
			n, err := strconv.ParseInt(words[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// read returns the text of a file, or "" if it cannot be read.
func (h host) read(path string) string {
	text, err := os.ReadFile(filepath.Join(h.root, path))
	if err != nil {
		return ""
	}
	return string(text)
}
