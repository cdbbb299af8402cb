package gpu

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// fits refuses what goes beyond Limits.MaxBytes. A software adapter has the
// machine's memory and hands out more than there is: the process is killed when
// it is used. GPUs say so themselves.
func (d *Device) fits(bytes int64) error {
	if _, open := d.Usage(); d.adapter.Limits.MaxBytes > 0 && open+bytes > d.adapter.Limits.MaxBytes {
		return fmt.Errorf("%d bytes besides %d in other buffers; %s had %d free at the start: %w", bytes, open, d.adapter.Name, d.adapter.Limits.MaxBytes, ErrOutOfMemory)
	}
	return nil
}

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
