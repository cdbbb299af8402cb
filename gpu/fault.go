package gpu

import (
	"errors"

	"wgnin/gpu/internal/webgpu"
)

// ErrOutOfMemory is wrapped by errors of buffers and plans that the adapter has
// no memory for. A smaller batch may do.
var ErrOutOfMemory = webgpu.ErrOutOfMemory

// ErrTooLarge is wrapped by errors of sizes beyond the adapter's limits. A smaller
// batch may do.
var ErrTooLarge = errors.New("too large")

// ErrLost is wrapped by all errors of a device after its driver has given it up,
// as when it hangs or is unplugged. What was in its buffers is gone, and only
// another [Open] helps. Where wgpu has no way to report the loss, as in a submit,
// it ends the process with SIGABRT instead.
var ErrLost = webgpu.ErrLost

// call makes a call of the driver that can fail.
func (d *Device) call(name string, f func() error) error {
	if d.lost {
		return ErrLost
	}
	var err error
	if d.fault != nil {
		err = d.fault(name)
	}
	if err == nil {
		err = f()
	}
	d.lost = errors.Is(err, ErrLost)
	return err
}
