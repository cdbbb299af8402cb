package viz_test

import (
	"fmt"
	"log"

	"wgnin/gpu"
	"wgnin/viz"
)

// A picture of numbers that lie on the device, whatever computed them: here one layer of two
// maps of 4x4. For a network of package nn, wgnin/nin/netviz makes the [viz.Source].
func Example() {
	dev, err := gpu.Open(gpu.Options{})
	must(err)
	defer dev.Close()
	buffer, err := dev.NewBuffer("maps", 3*16*4)
	must(err)
	defer buffer.Release()
	values := make([]float32, 3*16) // an image, and two maps [C,H,W]
	for i := range values {
		values[i] = float32(i%16) / 16
	}
	must(gpu.Write(buffer.All(), values))

	tensor := func(maps, first int) viz.Tensor {
		return viz.Tensor{Data: buffer.All(), Offset: first * 16, Shape: [4]int{maps, 1, 4, 4},
			Stride: [4]int{16, 0, 4, 1}}
	}
	scene, err := viz.NewScene(dev, viz.Source{
		Title: "ramps", CAM: -1, Input: tensor(1, 0),
		Layers:  []viz.Layer{{Name: "0", Kind: "two maps", Activation: tensor(2, 1)}},
		Forward: func(gradients bool) error { return nil }, // the numbers are there
	})
	must(err)
	defer scene.Close()
	scene.Key(viz.KeyZoom) // one map alone, as the key in the window does
	picture, err := scene.Image(480, 320, 1)
	must(err)
	fmt.Println(picture.Bounds().Size())
	// Output:
	// (480,320)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
