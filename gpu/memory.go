package gpu

import (
	"fmt"
	"runtime/debug"
	"runtime/metrics"
)

// driverBytes is what a software driver takes besides the buffers, measured with the
// kernels of the chapter's network on llvmpipe (Mesa 25.0, LLVM 15): 150 MB for the driver
// with one compiler at work, 40 MB for the pages of its libraries, and 20 MB for blocks of
// buffers that are not full.
const driverBytes = 200 << 20

// smallRead is the most bytes that are always read: buffers may have taken all the memory
// that was for them, and then there must be a way for weights to the host. The driver
// does not compile meanwhile, so there is room for it in driverBytes.
const smallRead = 16 << 20

// smallBuffer is the most bytes that make no difference.
const smallBuffer = 64 << 10

// fits refuses what goes beyond Limits.MaxBytes. A software adapter has the
// machine's memory and hands out more than there is: the process is killed when
// it is used. GPUs say so themselves.
func (d *Device) fits(bytes int64) error {
	_, open := d.Usage()
	limit := d.adapter.Limits.MaxBytes
	if limit == 0 || bytes <= smallBuffer && !d.dry || open+bytes <= limit-d.others() {
		return nil
	}
	if !d.dry {
		debug.FreeOSMemory() // what was garbage counted
	}
	others := d.others()
	if open+bytes <= limit-others {
		return nil
	}
	more := ""
	if others > 0 {
		more = fmt.Sprintf(", and %d for the program and the driver", others)
	}
	return fmt.Errorf("%d bytes besides %d in other buffers%s; %s had %d free at the start: %w", bytes, open, more, d.adapter.Name, limit, ErrOutOfMemory)
}

// others is the memory that is not for buffers, although a software adapter has it: the
// driver's, and that of Go, which keeps up to as much garbage as there is live memory.
// Buffers alone count on a dry device.
func (d *Device) others() int64 {
	if d.dry {
		return 0
	}
	m := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/gc/heap/live:bytes"},
	}
	metrics.Read(m)
	now, live := int64(m[0].Value.Uint64()-m[1].Value.Uint64()), int64(m[2].Value.Uint64())
	return driverBytes + max(now, min(2*live, debug.SetMemoryLimit(-1)))
}

// compilers is how many devices may compile ahead, with so many cores. Each takes a
// compiler's memory, which is not counted, so there must be plenty.
func (d *Device) compilers(cores int) int {
	n := min(cores, 8) - 1
	if limit := d.adapter.Limits.MaxBytes; limit > 0 {
		_, open := d.Usage()
		n = min(n, int(max(0, limit-open-d.others())/(4*driverBytes)))
	}
	return n
}
