// Package gpu runs WGSL compute shaders on any Vulkan, Metal or DX12 adapter.
//
// It is the only package that knows WebGPU, which it calls through internal/webgpu.
// Work is recorded, then run: a
// [Kernel] is recorded with its arguments on a [Recorder], the recorder becomes
// a [Plan], and [Device.Run] replays plans in one encoder, one pass and one
// submit, or in as few as a GPU's watchdog allows. All pipelines, bind groups and
// buffers are made when the plan is, or at the latest in its first run.
package gpu
