package gpu

import "errors"

// Guaranteed is an adapter with the limits that every WebGPU adapter guarantees
// (https://www.w3.org/TR/webgpu/#limits), and no more.
var Guaranteed = Adapter{
	Name: "any WebGPU adapter", Driver: "guaranteed limits", Backend: "webgpu", Class: Virtual,
	Limits: Limits{
		MaxBufferBytes: 256 << 20, MaxBindingBytes: 128 << 20, MaxUniformBytes: 64 << 10,
		MaxGroupsPerDim: 65535, MaxGroupSize: 256, MaxSharedBytes: 16 << 10,
		OffsetAlign: 256, MaxStorageBuffers: 8,
	},
}

// Dry returns a device on the adapter a that counts memory and checks sizes as an open one does,
// but allocates nothing and runs nothing. A plan, a network or a trainer built on it thus reports
// the memory that it would need. broadcast is what [Device.Broadcast] of the open device would
// report.
func Dry(a Adapter, broadcast bool) *Device {
	return &Device{adapter: a, broadcast: broadcast, dry: true}
}

var errDry = errors.New("gpu: a dry device runs nothing")
