// Package gpu runs WGSL compute shaders on any Vulkan, Metal or Direct3D 12 adapter, and in a
// browser. It is the only package that knows WebGPU, which it calls through internal/webgpu.
//
// # From a device to a result
//
// This program multiplies numbers on the device. Save it as main.go in a new folder of this module,
// and run it with go run; nn/README.md shows how a module of your own finds this one. The file
// gpu/example_test.go has it as a test.
//
//	package main
//
//	import (
//		"fmt"
//		"log"
//
//		"wgnin/gpu"
//	)
//
//	// scaleArgs are the arguments of a kernel, with their access and types in WGSL.
//	type scaleArgs struct {
//		X gpu.View `wgsl:"read array<f32>"`
//		Y gpu.View `wgsl:"write array<f32>"`
//	}
//
//	// scale computes y = factor * x for n values. Each of the 64 lanes of a workgroup takes one value.
//	func scale(n int, factor float64) gpu.Kernel[scaleArgs] {
//		return gpu.Kernel[scaleArgs]{
//			Name: "scale", Groups: (n + 63) / 64, Lanes: 64,
//			Source: fmt.Sprintf(`fn run(group : u32, lane : u32) {
//	  let i = group * 64u + lane;
//	  if (i < %du) { y[i] = %e * x[i]; }
//	}`, n, factor),
//		}
//	}
//
//	// The example defines a kernel, records it twice with a temporary between, and runs the plan.
//	func main() {
//		dev, err := gpu.Open(gpu.Options{}) // the best available adapter
//		must(err)
//		defer dev.Close()
//		x := []float32{1, 2, 3, 4, 5}
//		n := len(x)
//		size := int64(4 * n) // in bytes: n float32
//		in, err := dev.NewBuffer("in", size)
//		must(err)
//		defer in.Release()
//		out, err := dev.NewBuffer("out", size)
//		must(err)
//		defer out.Release()
//		must(gpu.Write(in.All(), x))
//
//		r := dev.NewRecorder()
//		half := r.Temp("half", size) // the plan decides where it lies
//		scale(n, 0.5).Record(r, scaleArgs{X: in.All(), Y: half})
//		scale(n, 3).Record(r, scaleArgs{X: half, Y: out.All()})
//		plan, err := r.Plan() // compiles and binds; after that, a run makes nothing
//		must(err)
//		defer plan.Release()
//		must(dev.Run(plan)) // submits, and does not wait
//
//		y := make([]float32, n)
//		must(gpu.Read(out.All(), y)) // waits
//		fmt.Println(y)
//	}
//
//	func must(err error) {
//		if err != nil {
//			log.Fatal(err)
//		}
//	}
//
// A [Device] allocates memory. A [Buffer] is untyped, and its size is in bytes, an int64. A [View]
// is a part of a buffer, and what kernels take as arguments. Buffer.All is the view of the whole
// buffer.
//
// A [Kernel] is WGSL with the shapes as constants. Its source defines the function run, which the
// device calls for each of the Lanes lanes of each of Groups workgroups. The argument struct is the
// bind-group layout, so no binding is written in WGSL: field X is the variable x there.
//
// Work is recorded, then run. A [Recorder] takes kernels with their arguments and gives out
// temporaries. Its [Recorder.Plan] compiles everything, places the temporaries and binds the
// buffers. A [Plan] may run any number of times. After its first run it creates no object.
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
