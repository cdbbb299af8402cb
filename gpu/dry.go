package gpu

import "errors"

// Guaranteed is an adapter that has what every WebGPU adapter has
// (https://www.w3.org/TR/webgpu/#limits), and nothing more.
var Guaranteed = Adapter{
	Name: "any WebGPU adapter", Driver: "guaranteed limits", Backend: "webgpu", Class: Virtual,
	Limits: Limits{
		MaxBufferBytes: 256 << 20, MaxBindingBytes: 128 << 20, MaxUniformBytes: 64 << 10,
		MaxGroupsPerDim: 65535, MaxGroupSize: 256, MaxSharedBytes: 16 << 10,
		OffsetAlign: 256, MaxStorageBuffers: 8,
	},
}

// Dry is a device on a that counts memory and checks sizes as an open one does,
// but holds nothing and runs nothing: what is built on it tells what it would
// take. Broadcast is the open one's [Device.Broadcast].
func Dry(a Adapter, broadcast bool) *Device {
	return &Device{adapter: a, broadcast: broadcast, dry: true}
}

var errDry = errors.New("gpu: a dry device runs nothing")
