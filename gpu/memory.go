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

// smallRead is the largest read-back that needs no free memory. When buffers have taken all
// of it, the weights must still reach the host. The driver does not compile meanwhile, so
// there is room in driverBytes.
const smallRead = 16 << 20

// smallBuffer is the largest buffer that is not checked against the memory.
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
	return fmt.Errorf("%d bytes besides %d in other buffers%s; %s had %d free at the start: %w", bytes, open, more,
		d.adapter.Name, limit, ErrOutOfMemory)
}

// others returns how much of a software adapter's memory buffers cannot have: the driver's,
// and that of Go, which may keep as much garbage as live memory. On a dry device only buffers
// count.
func (d *Device) others() int64 {
	if d.dry {
		return 0
	}
	m := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
		{Name: "/gc/heap/live:bytes"},
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
