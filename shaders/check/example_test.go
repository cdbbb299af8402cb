package check_test

import (
	"fmt"
	"log"
	"strings"
	"testing"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/shaders/check"
)

func TestMain(m *testing.M) { gputest.Examples(m) }

// doubleArgs are the arguments of a kernel and of its twin: X [n] and Y [n]. F is a view on the
// device, and a slice on the host.
type doubleArgs[F any] struct {
	X F `wgsl:"read array<f32>"`
	Y F `wgsl:"write array<f32>"`
}

// This example compares a kernel with its twin, and then a broken version of the kernel, which does
// not write the last element.
func Example() {
	dev, err := gpu.Open(gpu.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()

	const n = 67 // a prime, so not a multiple of the lanes
	double := gpu.Kernel[doubleArgs[gpu.View]]{
		Name: "double", Groups: (n + 31) / 32, Lanes: 32,
		Source: fmt.Sprintf(`fn run(group : u32, lane : u32) {
  let i = group * 32u + lane;
  if (i < %du) { y[i] = 2.0 * x[i]; }
}`, n),
	}
	twin := func(a doubleArgs[[]float64]) {
		for i, x := range a.X {
			a.Y[i] = 2 * x
		}
	}
	args := doubleArgs[[]float64]{X: check.NewRand(1).Floats(n), Y: make([]float64, n)}
	c := check.Of(double, args, twin, check.Bound[doubleArgs[[]float64]]{Terms: 1})

	result, err := c.Run(dev)
	fmt.Println("within its bound:", result.Worst <= 1, err)
	broken := c.Patched(func(wgsl string) string { return strings.Replace(wgsl, "67u", "66u", 1) })
	_, err = broken.Run(dev)
	fmt.Println("broken:", err)
	// Output:
	// within its bound: true <nil>
	// broken: output Y[66] was not written
}
