package nin_test

import (
	"fmt"
	"image"
	"image/color"
	"os"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nn"
)

// This example prints the chapter's layer summary.
func ExampleChapter() {
	net := nin.Chapter(10, 0.5) // classes, dropout
	in := nn.Shape{C: 1, H: 224, W: 224}
	d, err := nn.Describe(net, in)
	must(err)
	must(d.Summary(os.Stdout, 1))
	fmt.Println(d.Params(), "parameters,", d.MACs(), "multiply-adds")
	// Output:
	// Sequential       output shape: [1,96,54,54]
	// MaxPool2D        output shape: [1,96,26,26]
	// Sequential       output shape: [1,256,26,26]
	// MaxPool2D        output shape: [1,256,12,12]
	// Sequential       output shape: [1,384,12,12]
	// MaxPool2D        output shape: [1,384,5,5]
	// Dropout          output shape: [1,384,5,5]
	// Sequential       output shape: [1,10,5,5]
	// GlobalAvgPool2D  output shape: [1,10,1,1]
	// Flatten          output shape: [1,10]
	// 1992166 parameters, 762297352 multiply-adds
}

// The chapter gives its network in four frameworks, which differ in the padding and in the head.
// TensorFlow names its paddings. JAX pools the last maps with a fixed window of 5x5 and stride 5.
func ExampleBlock() {
	in := nn.Shape{C: 1, H: 224, W: 224}
	body := func(pad2, pad1, none nn.Padding) nn.Sequential {
		return nn.Sequential{
			nin.Block(96, 11, 4, none), nn.MaxPool2D{Kernel: 3, Stride: 2},
			nin.Block(256, 5, 1, pad2), nn.MaxPool2D{Kernel: 3, Stride: 2},
			nin.Block(384, 3, 1, pad1), nn.MaxPool2D{Kernel: 3, Stride: 2},
			nn.Dropout{P: 0.5},
			nin.Block(10, 3, 1, pad1),
		}
	}
	tensorflow := append(body(nn.Same, nn.Same, nn.Valid), nn.GlobalAvgPool2D{}, nn.Flatten{})
	jax := append(body(nn.Pad(2), nn.Pad(1), nn.Pad(0)), nn.AvgPool2D{Kernel: 5, Stride: 5}, nn.Flatten{})
	for _, net := range []nn.Sequential{tensorflow, jax} {
		out, err := nn.OutShape(net, in)
		params, _ := nn.Params(net, in)
		fmt.Println(out.Batch(128), params, err)
	}
	// If the padding is odd, "same" pads one side by one more pixel than the other.
	out, err := nn.OutShape(nn.Conv2D{Out: 8, Kernel: 2, Stride: 2, Pad: nn.Same}, nn.Shape{C: 3, H: 7, W: 8})
	fmt.Println(out, err)
	// Output:
	// [128,10] 1992166 <nil>
	// [128,10] 1992166 <nil>
	// [8,4,4] <nil>
}

// Exercise 6 asks for networks that grow as VGG does. These have the depths of VGG-11, 16 and 19,
// with a tenth of the parameters or less. VGG has 133, 138 and 144 million parameters, most of them
// in its fully connected layers.
func ExampleLikeVGG() {
	in := nn.Shape{C: 3, H: 224, W: 224}
	for _, depth := range []int{11, 16, 19} {
		net := nin.LikeVGG(depth, 64, 1000, 0.5)
		params, _ := nn.Params(net, in)
		macs, _ := nn.MACs(net, in)
		fmt.Printf("NiN-%d: %.1f million parameters, %.1f billion multiply-adds\n", depth, float64(params)/1e6,
			float64(macs)/1e9)
	}
	// Output:
	// NiN-11: 11.1 million parameters, 5.1 billion multiply-adds
	// NiN-16: 11.7 million parameters, 6.0 billion multiply-adds
	// NiN-19: 12.3 million parameters, 6.4 billion multiply-adds
}

// This example classifies an image with the network of a file of weights. The program may have
// decoded the image, or drawn it as here.
func ExamplePredictor() {
	dev, err := gpu.Open(gpu.Options{})
	must(err)
	defer dev.Close()

	// cmd/train wrote this file, with a network smaller than the recipe's: -recipe mini -batch 64
	// -lr 0.1 -steps 2000 -net 'conv 8 5 stride 2; relu; conv 16 3 stride 2; relu; conv 24 3; relu;
	// globalavgpool; flatten; linear 10'
	m, err := nin.ReadModel("testdata/fashion.safetensors", "")
	must(err)
	p, err := nin.NewPredictor(dev, m, 1)
	must(err)
	defer p.Close()

	trousers := image.NewGray(image.Rect(0, 0, 56, 56))
	for y := 4; y < 52; y++ {
		for x := 18; x < 38; x++ {
			if y < 14 || x < 26 || x > 29 { // two legs
				trousers.SetGray(x, y, color.Gray{200})
			}
		}
	}
	best, err := p.Predict(trousers)
	must(err)
	fmt.Printf("%s, of %d classes\n", best[0].Class, len(best))
	// Output:
	// trouser, of 10 classes
}
