// Package viz draws what a network computes: feature maps, kernels, gradients, class activation
// maps, class scores and loss curves. Its kernels read the device buffers that hold these numbers
// and write pixels into a buffer on the same device. Only the few numbers that are shown as text
// come to the host. The package works on buffers and plain numbers, and knows nothing of networks.
//
// # From a source to a picture
//
// A [Source] describes what there is: tensors on the device, the names of the classes, and
// functions that run the network, choose a sample or save a picture. If one of these is nil, the
// program cannot do that, and the scene offers no key for it. For a network of package nn, package
// nin/netviz makes the source. This one shows an image and two maps of 4x4 values that lie in a
// buffer of dev, a [gpu.Device]. In these lines of viz/example_test.go, must ends the program if
// there is an error:
//
//	buffer, err := dev.NewBuffer("maps", 3*16*4)
//	must(err)
//	defer buffer.Release()
//	values := make([]float32, 3*16) // an image, and two maps [C,H,W]
//	for i := range values {
//		values[i] = float32(i%16) / 16
//	}
//	must(gpu.Write(buffer.All(), values))
//
//	tensor := func(maps, first int) viz.Tensor {
//		return viz.Tensor{Data: buffer.All(), Offset: first * 16, Shape: [4]int{maps, 1, 4, 4},
//			Stride: [4]int{16, 0, 4, 1}}
//	}
//	scene, err := viz.NewScene(dev, viz.Source{
//		Title: "ramps", CAM: -1, Input: tensor(1, 0),
//		Layers:  []viz.Layer{{Name: "0", Kind: "two maps", Activation: tensor(2, 1)}},
//		Forward: func(gradients bool) error { return nil }, // the numbers are there
//	})
//	must(err)
//	defer scene.Close()
//	scene.Key(viz.KeyZoom) // one map alone, as the key in the window does
//	picture, err := scene.Image(480, 320, 1)
//	must(err)
//
// The arguments of Scene.Image are the width and the height in pixels, and the pixels per point.
// The picture is an [image.RGBA], which image/png writes to a file.
//
// A [Film] makes a GIF of such pictures. A window calls [Scene.Draw], which returns a view of the
// pixels on the device, and passes the user's input to [Scene.Key], [Scene.MouseMove] and
// [Scene.MouseButton]. Package viz/window implements such a window.
//
// # While a network trains
//
// The program reports each step ([Scene.Step]) and each test ([Scene.Tested]) to the scene, and
// asks [Scene.Advance] whether training may continue. Drawing writes nothing that training reads.
// With Source.History, the scene keeps earlier maps on the device, in bounded memory, and the user
// can go back to them.
//
// Use a scene from one goroutine at a time, like its device.
package viz
