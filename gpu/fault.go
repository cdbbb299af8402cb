package gpu

import (
	"errors"
	"strings"
)

// ErrOutOfMemory is wrapped by errors of buffers and plans that the adapter has
// no memory for. A smaller batch may do.
var ErrOutOfMemory = errors.New("out of memory")

// ErrTooLarge is wrapped by errors of sizes beyond the adapter's limits. A smaller
// batch may do.
var ErrTooLarge = errors.New("too large")

// ErrLost is wrapped by all errors of a device after its driver has given it up,
// as when it hangs or is unplugged. What was in its buffers is gone, and only
// another [Open] helps. Where wgpu has no way to report the loss, as in a submit,
// it ends the process with SIGABRT instead.
var ErrLost = errors.New("the device is lost")

// call makes a call of the driver that can fail. wgpu tells of some failures in
// its messages alone (DeviceError in wgpu-core/src/device/mod.rs).
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
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "Not enough memory left"):
		return ErrOutOfMemory
	case strings.Contains(err.Error(), "Parent device is lost"):
		err = ErrLost
	}
	d.lost = errors.Is(err, ErrLost)
	return err
}
