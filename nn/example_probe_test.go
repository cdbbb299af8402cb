package nn_test

import (
	"fmt"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/safetensors"
)

// A probe reads a layer's output for one image. The layer is a convolution that detects vertical
// edges. The values on the device have the layout [H,W,Stride], with the channels innermost.
func ExampleProbe() {
	dev, err := gpu.Open(gpu.Options{})
	must(err)
	defer dev.Close()
	net, err := nn.NewNet(dev, nn.Sequential{nn.Conv2D{Out: 1, Kernel: 3}, nn.Flatten{}, nn.Linear{Out: 2}},
		nn.Shape{C: 1, H: 5, W: 6})
	must(err)
	defer net.Close()
	must(net.SetWeights([]safetensors.Tensor{ // with the names of a PyTorch state dict
		{Name: "net.0.weight", Shape: []int{1, 1, 3, 3}, Data: []float32{-1, 0, 1, -2, 0, 2, -1, 0, 1}},
		{Name: "net.0.bias", Shape: []int{1}, Data: []float32{0}},
		{Name: "net.2.weight", Shape: []int{2, 12}, Data: make([]float32, 24)},
		{Name: "net.2.bias", Shape: []int{2}, Data: []float32{0, 0}},
	}))

	probe, err := nn.NewProbe(net)
	must(err)
	defer probe.Close()
	var pixels []uint8 // black on the left and white on the right
	for range 5 {
		pixels = append(pixels, 0, 0, 0, 255, 255, 255)
	}
	must(probe.SetPixels(pixels, 5, 6, 0))
	must(probe.Run(false)) // also possible between the steps of a trainer

	layer := probe.Layers[0]
	y := layer.Output
	values := make([]float32, y.H*y.W*y.Stride)
	must(gpu.Read(y.Data, values))
	fmt.Printf("layer %s (%s): %d map of %dx%d\n", layer.Path, layer, y.C, y.H, y.W)
	for row := range y.H {
		for column := range y.W {
			fmt.Printf("%3.0f", values[(row*y.W+column)*y.Stride])
		}
		fmt.Println()
	}
	// Output:
	// layer 0 (conv 1 3): 1 map of 3x4
	//   0  4  4  0
	//   0  4  4  0
	//   0  4  4  0
}
