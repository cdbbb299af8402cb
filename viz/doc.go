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
// nin/netviz makes the source.
//
//	scene, err := viz.NewScene(dev, viz.Source{
//		Title: "mine", CAM: -1, Input: input,
//		Layers:  []viz.Layer{{Name: "0", Kind: "conv 8 5", Activation: maps}},
//		Forward: func(gradients bool) error { return dev.Run(plan) },
//	})
//	picture, err := scene.Image(1280, 800, 1) // width, height, pixels per point
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
