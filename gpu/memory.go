package gpu

import "fmt"

// fits refuses what goes beyond Limits.MaxBytes. A software adapter has the
// machine's memory and hands out more than there is: the process is killed when
// it is used. GPUs say so themselves.
func (d *Device) fits(bytes int64) error {
	if _, open := d.Usage(); d.adapter.Limits.MaxBytes > 0 && open+bytes > d.adapter.Limits.MaxBytes {
		return fmt.Errorf("%d bytes besides %d in other buffers; %s had %d free at the start: %w", bytes, open, d.adapter.Name, d.adapter.Limits.MaxBytes, ErrOutOfMemory)
	}
	return nil
}
