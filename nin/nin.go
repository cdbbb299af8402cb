// Package nin has the networks of "Network in Network" (Lin, Chen, Yan, 2013, arXiv:1312.4400), the
// recipes that train them, and the files that hold trained ones.
//
// [Chapter] returns the network of the chapter in Dive into Deep Learning, and [Lin2013] the
// paper's for CIFAR-10. [Mini] is a small version of the chapter's, and [Photos] is for pictures of
// your own. They consist of layers of package nn:
//
//	net := nin.Chapter(10, 0.5) // classes, dropout
//	in := nn.Shape{C: 1, H: 224, W: 224}
//	d, err := nn.Describe(net, in)
//	must(err)
//	must(d.Summary(os.Stdout, 1))
//	fmt.Println(d.Params(), "parameters,", d.MACs(), "multiply-adds")
//
// Here and below, must ends the program if there is an error.
//
// A [Recipe] is a network with the settings of its training. [Recipes] lists those that the
// commands know, and their flags change [Settings]. Package nin/run trains a recipe into a folder.
//
// A [Model] is a network with the contents of its file of weights. [ReadModel] reads such a file,
// or a state dict of PyTorch, and a [Predictor] finds the classes of images:
//
//	m, err := nin.ReadModel("testdata/fashion.safetensors", "")
//	must(err)
//	p, err := nin.NewPredictor(dev, m, 1)
//	must(err)
//	defer p.Close()
//
// The device dev is a [gpu.Device], and the file may be the model.safetensors of a run. The
// predictor takes any [image.Image], such as the drawing trousers of the example:
//
//	best, err := p.Predict(trousers)
//	must(err)
//	fmt.Printf("%s, of %d classes\n", best[0].Class, len(best))
//
// The files nin/example_test.go and nin/example_model_test.go have these lines in whole functions,
// and a network with a layer of its own.
//
// Packages below: neighbours and torchvision have other networks; session puts a network on a
// device with its images; run trains, report measures, study answers the chapter's exercises, and
// netviz shows a network.
package nin

import "wgnin/nn"

// Block returns a convolution followed by two 1x1 convolutions, with a ReLU after each. The 1x1
// convolutions are a small network applied at each pixel.
func Block(out, kernel, stride int, pad nn.Padding) nn.Sequential {
	return WithReLUs(
		nn.Conv2D{Out: out, Kernel: kernel, Stride: stride, Pad: pad},
		nn.Conv2D{Out: out, Kernel: 1},
		nn.Conv2D{Out: out, Kernel: 1},
	)
}

// WithReLUs returns the layers with a ReLU after each.
func WithReLUs(layers ...nn.Layer) (s nn.Sequential) {
	for _, l := range layers {
		s = append(s, l, nn.ReLU{})
	}
	return s
}

// WithoutLastReLU returns the block without its last layer, a ReLU, so that its logits cannot die.
// With an unlucky seed, some logits of the chapter's network die.
func WithoutLastReLU(block nn.Sequential) nn.Sequential { return block[:len(block)-1] }

// Chapter returns the network of the chapter "Network in Network" of Dive into Deep Learning, for
// images of 224x224. It has 1,992,166 parameters with one input channel and ten classes. The last
// block has a channel for each class; the logit is the mean of that channel over the image. As in
// the chapter, a ReLU follows the last convolution too, so logits are never negative.
func Chapter(classes int, dropout float64) nn.Sequential {
	return nn.Sequential{
		Block(96, 11, 4, nn.Pad(0)),
		nn.MaxPool2D{Kernel: 3, Stride: 2},
		Block(256, 5, 1, nn.Pad(2)),
		nn.MaxPool2D{Kernel: 3, Stride: 2},
		Block(384, 3, 1, nn.Pad(1)),
		nn.MaxPool2D{Kernel: 3, Stride: 2},
		nn.Dropout{P: dropout},
		Block(classes, 3, 1, nn.Pad(1)),
		nn.GlobalAvgPool2D{},
		nn.Flatten{},
	}
}

// Lin2013 returns the paper's network for CIFAR-10, images of 32x32, as in the authors'
// cuda-convnet configuration: max pooling in ceil mode, each followed by dropout.
func Lin2013(classes int, dropout float64) nn.Sequential {
	return nn.Sequential{
		nn.Sequential{
			nn.Conv2D{Out: 192, Kernel: 5, Pad: nn.Pad(2)}, nn.ReLU{},
			nn.Conv2D{Out: 160, Kernel: 1}, nn.ReLU{},
			nn.Conv2D{Out: 96, Kernel: 1}, nn.ReLU{},
		},
		nn.MaxPool2D{Kernel: 3, Stride: 2, Ceil: true},
		nn.Dropout{P: dropout},
		Block(192, 5, 1, nn.Pad(2)),
		nn.MaxPool2D{Kernel: 3, Stride: 2, Ceil: true},
		nn.Dropout{P: dropout},
		nn.Sequential{
			nn.Conv2D{Out: 192, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{},
			nn.Conv2D{Out: 192, Kernel: 1}, nn.ReLU{},
			nn.Conv2D{Out: classes, Kernel: 1}, nn.ReLU{},
		},
		nn.GlobalAvgPool2D{},
		nn.Flatten{},
	}
}

// Mini returns a small version of the chapter's network, for images of 28x28 and two CPU cores. It
// has no ReLU after the last convolution.
func Mini(classes int, dropout float64) nn.Sequential {
	return MiniOf(MiniBlock, dropout, WithoutLastReLU(Block(classes, 3, 1, nn.Pad(1))), nn.GlobalAvgPool2D{},
		nn.Flatten{})
}

// MiniBlock returns a block of Mini. It keeps the size of the image if kernel is odd.
func MiniBlock(out, kernel int) nn.Sequential { return Block(out, kernel, 1, nn.Pad(kernel/2)) }

// MiniOf returns Mini with other blocks and another head.
func MiniOf(block func(out, kernel int) nn.Sequential, dropout float64, head ...nn.Layer) nn.Sequential {
	return append(nn.Sequential{
		block(32, 5),
		nn.MaxPool2D{Kernel: 3, Stride: 2},
		block(64, 3),
		nn.MaxPool2D{Kernel: 3, Stride: 2},
		block(96, 3),
		nn.MaxPool2D{Kernel: 3, Stride: 2},
		nn.Dropout{P: dropout},
	}, head...)
}

// Photos returns a network for pictures of your own, which learns from a few hundred of them. It
// has five convolutions, each followed by batch normalisation, ReLU and a max pooling that halves
// the image, and one Linear on the mean of each channel. The last convolution sees the whole of an
// image of 64x64. Channels double where the image halves, so each convolution after the first costs
// the same. It takes images of any size.
func Photos(classes int, dropout float64) nn.Sequential {
	var s nn.Sequential
	for _, out := range []int{16, 32, 64, 128, 256} {
		s = append(s, nn.Conv2D{Out: out, Kernel: 3, Pad: nn.Pad(1)}, nn.BatchNorm2D{}, nn.ReLU{},
			nn.MaxPool2D{Kernel: 2, Ceil: true})
	}
	return append(s, nn.GlobalAvgPool2D{}, nn.Flatten{}, nn.Dropout{P: dropout}, nn.Linear{Out: classes})
}

// stages has the number of convolutions between VGG's poolings, by the number of its layers
// (Simonyan and Zisserman, 2014, arXiv:1409.1556, table 1: A, D, E).
var stages = map[int][5]int{11: {1, 1, 2, 2, 2}, 16: {2, 2, 3, 3, 3}, 19: {2, 2, 4, 4, 4}}

// LikeVGG returns NiN-11, NiN-16 or NiN-19, of exercise 6: a network with VGG's number of layers
// that grows as VGG does. Each of the five stages is one block, a 3x3 convolution and then 1x1
// ones; it has as many convolutions as VGG's stage. Channels double from stage to stage, from width
// to 8 times width, and images halve between stages. In place of VGG's three fully connected layers
// is a block with a channel for each class, and the mean of each channel. VGG's width is 64, for
// images of 224x224. Any other depth returns nil.
func LikeVGG(depth, width, classes int, dropout float64) nn.Sequential {
	var s nn.Sequential
	for i, n := range stages[depth] {
		if n == 0 {
			return nil
		}
		if i > 0 {
			s = append(s, nn.MaxPool2D{Kernel: 2, Ceil: true})
		}
		out := width << min(i, 3)
		layers := []nn.Layer{nn.Conv2D{Out: out, Kernel: 3, Pad: nn.Pad(1)}}
		for range n - 1 {
			layers = append(layers, nn.Conv2D{Out: out, Kernel: 1})
		}
		s = append(s, WithReLUs(layers...))
	}
	return append(s, nn.Dropout{P: dropout}, WithoutLastReLU(Block(classes, 3, 1, nn.Pad(1))), nn.GlobalAvgPool2D{},
		nn.Flatten{})
}
