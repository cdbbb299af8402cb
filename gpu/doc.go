// Package gpu runs WGSL compute shaders on any Vulkan, Metal or Direct3D 12 adapter, and in a
// browser. It is the only package that knows WebGPU, which it calls through internal/webgpu.
//
// # From a device to a result
//
// A program opens one [Device] and allocates buffers on it. A [Buffer] is untyped memory; a [View]
// is a part of one, and what kernels take as arguments:
//
//	dev, err := gpu.Open(gpu.Options{})        // the best adapter
//	x, err := dev.NewBuffer("x", 4*n)          // n float32
//	err = gpu.Write(x.All(), []float32{...})   // host to device
//
// A [Kernel] is WGSL with the shapes baked in as constants. Its source defines a function run,
// which the device calls in each invocation with the number of its workgroup and of its lane. The
// argument struct is the bind-group layout, so no binding is written in WGSL:
//
//	type squareArgs struct {
//		X gpu.View `wgsl:"read array<f32>"`
//		Y gpu.View `wgsl:"write array<f32>"`
//	}
//
//	square := gpu.Kernel[squareArgs]{
//		Name: "square", Groups: (n + 63) / 64, Lanes: 64,
//		Source: fmt.Sprintf(`fn run(group : u32, lane : u32) {
//			let i = group * 64u + lane;
//			if (i < %du) { y[i] = x[i] * x[i]; }
//		}`, n),
//	}
//
// Work is recorded, then run. A [Recorder] takes kernels with their arguments and gives out
// temporaries; its [Recorder.Plan] compiles everything, places the temporaries and binds the
// buffers. A [Plan] may run any number of times. After its first run it creates no object:
//
//	r := dev.NewRecorder()
//	half := r.Temp("half", 4*n) // placed by the plan
//	square.Record(r, squareArgs{X: x.All(), Y: half})
//	...
//	plan, err := r.Plan()
//	err = dev.Run(plan)         // submits, and does not wait
//	err = gpu.Read(y.All(), result)
//
// Printed, a plan is one dispatch a line: layer, kernel, shape, workgroups, and which buffers it
// reads and writes.
//
// # Waiting
//
// [Device.Run] and [Write] only queue work, in the order of the calls. [Read] and [Device.Wait]
// wait for it. A loop that needs a number from each run, such as a loss, takes it some runs later
// from a [Readback], so that the queue never runs empty.
//
// # Errors and memory
//
// A recorder keeps its first error until Plan returns it, so recording needs no error checks.
// Errors of sizes wrap [ErrTooLarge] or [ErrOutOfMemory]; a smaller batch may then do. After a
// device is lost all its errors wrap [ErrLost]. Buffers, plans and readbacks are released
// explicitly, and [Device.Close] reports buffers that were not.
//
// A [Dry] device checks and counts in the same way, and runs nothing.
package gpu
