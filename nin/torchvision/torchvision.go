// Package torchvision has networks of torchvision.models. They load the state dicts of that
// library, with names such as features.0.weight or layer1.0.conv1.weight, and give the same logits.
//
// Input [N,3,224,224]. For torchvision's weights, each channel is normalised with ImageNet's mean
// (0.485, 0.456, 0.406) and standard deviation (0.229, 0.224, 0.225). Inputs of another size are pooled to
// the size that the last layers take. Dropout is 0.5 in torchvision.
package torchvision

import (
	"fmt"

	"wgnin/nn"
)

// Layers returns the zero value of each layer of this package.
func Layers() []nn.Layer { return []nn.Layer{BasicBlock{}} }

// AlexNet returns the network of Krizhevsky's "One weird trick for parallelizing convolutional
// neural networks" (2014, arXiv:1404.5997): 61,100,840 parameters with 1,000 classes.
func AlexNet(classes int, dropout float64) nn.Sequential {
	pool := nn.MaxPool2D{Kernel: 3, Stride: 2}
	features := nn.Sequential{
		nn.Conv2D{Out: 64, Kernel: 11, Stride: 4, Pad: nn.Pad(2)}, nn.ReLU{}, pool,
		nn.Conv2D{Out: 192, Kernel: 5, Pad: nn.Pad(2)}, nn.ReLU{}, pool,
		nn.Conv2D{Out: 384, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{},
		nn.Conv2D{Out: 256, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{},
		nn.Conv2D{Out: 256, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{}, pool,
	}
	return classifier(features, 6,
		nn.Dropout{P: dropout}, nn.Linear{Out: 4096}, nn.ReLU{},
		nn.Dropout{P: dropout}, nn.Linear{Out: 4096}, nn.ReLU{}, nn.Linear{Out: classes})
}

// classifier returns features, a pooling to side x side, and the layers that compute the logits.
func classifier(features nn.Sequential, side int, layers ...nn.Layer) nn.Sequential {
	return nn.Sequential{
		nn.Named{Name: "features", Layer: features}, nn.AdaptiveAvgPool2D{H: side}, nn.Flatten{},
		nn.Named{Name: "classifier", Layer: nn.Sequential(layers)},
	}
}

// VGG11 returns torchvision's vgg11: 132,863,336 parameters with 1,000 classes.
func VGG11(classes int, dropout float64) nn.Sequential { return vgg11(classes, dropout) }

// VGG11BN returns vgg11_bn, which normalises over the batch after each convolution: 132,868,840
// parameters with 1,000 classes.
func VGG11BN(classes int, dropout float64) nn.Sequential {
	return vgg11(classes, dropout, nn.BatchNorm2D{})
}

// vgg11 puts the layers norm after each convolution.
func vgg11(classes int, dropout float64, norm ...nn.Layer) nn.Sequential {
	var features nn.Sequential
	for _, stage := range [][]int{{64}, {128}, {256, 256}, {512, 512}, {512, 512}} {
		for _, out := range stage {
			features = append(features, nn.Conv2D{Out: out, Kernel: 3, Pad: nn.Pad(1)})
			features = append(append(features, norm...), nn.ReLU{})
		}
		features = append(features, nn.MaxPool2D{Kernel: 2})
	}
	return classifier(features, 7,
		nn.Linear{Out: 4096}, nn.ReLU{}, nn.Dropout{P: dropout},
		nn.Linear{Out: 4096}, nn.ReLU{}, nn.Dropout{P: dropout}, nn.Linear{Out: classes})
}

// ResNet18 returns resnet18: 11,689,512 parameters with 1,000 classes. It has no dropout.
func ResNet18(classes int) nn.Sequential {
	s := nn.Sequential{
		nn.Named{Name: "conv1", Layer: nn.Conv2D{Out: 64, Kernel: 7, Stride: 2, Pad: nn.Pad(3), NoBias: true}},
		nn.Named{Name: "bn1", Layer: nn.BatchNorm2D{}}, nn.ReLU{}, nn.MaxPool2D{Kernel: 3, Stride: 2, Pad: nn.Pad(1)},
	}
	for i, out := range []int{64, 128, 256, 512} {
		first := BasicBlock{Out: out}
		if i > 0 {
			first.Stride = 2
		}
		s = append(s, nn.Named{Name: nn.Name(fmt.Sprintf("layer%d", i+1)),
			Layer: nn.Sequential{first, BasicBlock{Out: out}}})
	}
	return append(s, nn.GlobalAvgPool2D{}, nn.Flatten{}, nn.Named{Name: "fc", Layer: nn.Linear{Out: classes}})
}

// BasicBlock is two 3x3 convolutions to Out channels, each followed by batch normalisation. Stride
// is that of the first. The block adds its input to the result. If their shapes differ, a 1x1
// convolution of the same stride and a normalisation give the input the shape of the result. A ReLU
// follows the first normalisation, and another the sum. Convolutions have no bias. Shapes: x
// [N,C,H,W]; y [N,Out,H/Stride,W/Stride], rounded up. Weights: conv1, bn1, conv2, bn2,
// downsample.0, downsample.1.
type BasicBlock struct {
	Out    int
	Stride int `text:"stride"` // 0 is 1
}

// Build records the block.
func (b BasicBlock) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	relu := nn.ReLU{}
	first := nn.Conv2D{Out: b.Out, Kernel: 3, Stride: b.Stride, Pad: nn.Pad(1), NoBias: true}
	second := nn.Conv2D{Out: b.Out, Kernel: 3, Pad: nn.Pad(1), NoBias: true}
	y := g.Child("conv1", first, x)
	y = relu.Build(g, g.Child("bn1", nn.BatchNorm2D{}, y))
	y = g.Child("bn2", nn.BatchNorm2D{}, g.Child("conv2", second, y))
	if b.Stride > 1 || x.C != b.Out {
		conv := nn.Conv2D{Out: b.Out, Kernel: 1, Stride: b.Stride, NoBias: true}
		x = g.Child("downsample", nn.Sequential{conv, nn.BatchNorm2D{}}, x)
	}
	return relu.Build(g, g.Add(y, x))
}

func (b BasicBlock) String() string { return nn.Text(b) }
