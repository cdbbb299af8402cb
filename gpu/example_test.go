package gpu_test

import (
	"fmt"
	"log"

	"wgnin/gpu"
)

// scaleArgs are the arguments of a kernel, with their access and types in WGSL.
type scaleArgs struct {
	X gpu.View `wgsl:"read array<f32>"`
	Y gpu.View `wgsl:"write array<f32>"`
}

// scale computes y = factor * x for n values. Each of the 64 lanes of a workgroup takes one value.
func scale(n int, factor float64) gpu.Kernel[scaleArgs] {
	return gpu.Kernel[scaleArgs]{
		Name: "scale", Groups: (n + 63) / 64, Lanes: 64,
		Source: fmt.Sprintf(`fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i < %du) { y[i] = %e * x[i]; }
}`, n, factor),
	}
}

// The example defines a kernel, records it twice with a temporary between, and runs the plan.
func Example() {
	dev, err := gpu.Open(gpu.Options{}) // the best available adapter
	must(err)
	defer dev.Close()
	x := []float32{1, 2, 3, 4, 5}
	n := len(x)
	size := int64(4 * n) // in bytes: n float32
	in, err := dev.NewBuffer("in", size)
	must(err)
	defer in.Release()
	out, err := dev.NewBuffer("out", size)
	must(err)
	defer out.Release()
	must(gpu.Write(in.All(), x))

	r := dev.NewRecorder()
	half := r.Temp("half", size) // the plan decides where it lies
	scale(n, 0.5).Record(r, scaleArgs{X: in.All(), Y: half})
	scale(n, 3).Record(r, scaleArgs{X: half, Y: out.All()})
	plan, err := r.Plan() // compiles and binds; after that, a run makes nothing
	must(err)
	defer plan.Release()
	must(dev.Run(plan)) // submits, and does not wait

	y := make([]float32, n)
	must(gpu.Read(out.All(), y)) // waits
	fmt.Println(y)
	// Output:
	// [1.5 3 4.5 6 7.5]
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
