package gpu

import (
	"errors"

	"wgnin/gpu/internal/webgpu"
)

// ErrOutOfMemory reports that the adapter lacks memory for a buffer or a plan. A smaller batch may
// fit.
var ErrOutOfMemory = webgpu.ErrOutOfMemory

// ErrTooLarge reports a size beyond the adapter's [Limits]. A smaller batch may fit.
var ErrTooLarge = errors.New("too large")

// ErrLost reports that the driver has given the device up, as when the GPU hangs or is unplugged.
// All later errors of the device wrap ErrLost. The contents of its buffers are gone, and the
// program has to [Open] a device again. Where wgpu cannot report the loss, as in a submit, it ends
// the process with SIGABRT instead.
var ErrLost = webgpu.ErrLost

// call makes a driver call that can fail. Options.Fault may make it fail.
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
