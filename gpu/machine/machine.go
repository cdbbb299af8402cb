// Package machine says what the computer has, apart from its adapters.
package machine

import (
	"os"
	"strconv"
	"strings"
)

// FreeMemory is the memory that the machine can give, in bytes; 0 where it does
// not say.
func FreeMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "MemAvailable:")
	kB, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	n, err := strconv.ParseInt(kB, 10, 64)
	if err != nil {
		return 0
	}
	return n * 1024
}
