package gpu

import (
	"fmt"
	"runtime/debug"
	"runtime/metrics"
)

// driverBytes is the memory that a software driver needs besides the buffers. It was measured with
// the kernels of the chapter's network on llvmpipe (Mesa 25.0, LLVM 15): 150 MB for the driver with
// one compiler at work, 40 MB for the pages of its libraries, and 20 MB for blocks of buffers that
// are not full.
const driverBytes = 200 << 20

// smallRead is the largest read-back that needs no free memory. The weights must reach the host
// even after buffers have taken all memory. The driver compiles nothing then, so the room of
// driverBytes suffices.
const smallRead = 16 << 20

// smallBuffer is the size of the largest buffer that is allocated without a check for free memory.
const smallBuffer = 64 << 10

// fits returns an error if a buffer of that many bytes would exceed Limits.MaxBytes. A software
// adapter uses the machine's memory and promises more than there is; the process is killed when it
// uses the memory. The drivers of GPUs report exhausted memory themselves.
func (d *Device) fits(bytes int64) error {
	_, open := d.Usage()
	limit := d.adapter.Limits.MaxBytes
	if limit == 0 || bytes <= smallBuffer && !d.dry || open+bytes <= limit-d.others() {
		return nil
	}
	if !d.dry {
		debug.FreeOSMemory() // garbage was counted too
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

// others returns the bytes of a software adapter's memory that are not available to buffers. The
// driver needs them, and Go, which may keep as much garbage as live memory. A dry device counts
// only buffers.
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

// compilers returns how many devices may compile ahead on so many cores. Each needs memory for a
// compiler. Usage does not count that memory, so plenty must be free.
func (d *Device) compilers(cores int) int {
	n := min(cores, 8) - 1
	if limit := d.adapter.Limits.MaxBytes; limit > 0 {
		_, open := d.Usage()
		n = min(n, int(max(0, limit-open-d.others())/(4*driverBytes)))
	}
	return n
}
