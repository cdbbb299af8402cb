// Package nin is Network in Network (Lin, Chen, Yan, 2013, arXiv:1312.4400):
// the network of the Dive into Deep Learning chapter, the paper's network for
// CIFAR-10, a small one, and the recipes to train them.
package nin

import "wgnin/nn"

// Block is a convolution followed by two 1x1 convolutions, which are a small
// network applied at each pixel, with a ReLU after each.
func Block(out, kernel, stride int, pad nn.Padding) nn.Sequential {
	return nn.Sequential{
		nn.Conv2D{Out: out, Kernel: kernel, Stride: stride, Pad: pad}, nn.ReLU{},
		nn.Conv2D{Out: out, Kernel: 1}, nn.ReLU{},
		nn.Conv2D{Out: out, Kernel: 1}, nn.ReLU{},
	}
}

// Chapter is the network of the chapter "Network in Network" of Dive into Deep
// Learning, for images of 224x224: 1,992,166 parameters with one input channel
// and ten classes. The last block has a channel for each class, whose mean over
// the image is the logit. As in the chapter, a ReLU follows the last
// convolution too, so that logits are not negative.
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

// Lin2013 is the paper's network for CIFAR-10, images of 32x32, as the authors'
// cuda-convnet configuration has it: max pooling in ceil mode, dropout after
// each pooling.
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

// Mini is the chapter's network made small, for images of 28x28 and two CPU
// cores. It has no ReLU after the last convolution: without one a logit cannot
// die, as some do in the chapter's network when the seed is unlucky.
func Mini(classes int, dropout float64) nn.Sequential {
	head := Block(classes, 3, 1, nn.Pad(1))
	return nn.Sequential{
		Block(32, 5, 1, nn.Pad(2)),
		nn.MaxPool2D{Kernel: 3, Stride: 2},
		Block(64, 3, 1, nn.Pad(1)),
		nn.MaxPool2D{Kernel: 3, Stride: 2},
		Block(96, 3, 1, nn.Pad(1)),
		nn.MaxPool2D{Kernel: 3, Stride: 2},
		nn.Dropout{P: dropout},
		head[:len(head)-1],
		nn.GlobalAvgPool2D{},
		nn.Flatten{},
	}
}
