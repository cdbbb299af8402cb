// Package neighbours has the networks of the chapters that stand around "Network in Network" in
// Dive into Deep Learning: LeNet, AlexNet, VGG, GoogLeNet, ResNet and DenseNet, as the book's
// PyTorch edition writes them. Their weights have the names that the state dicts of the book's
// classes have, and their convolutions have biases, as LazyConv2d has. All end in a logit for
// each class.
//
// The blocks that are classes in the book ([Inception], [Residual], [DenseBlock]) are layers here,
// and their Build reads like the class's forward. [Layers] makes them known to [nn.Parse].
package neighbours

import (
	"fmt"
	"strconv"

	"wgnin/nn"
)

// Layers returns the zero value of each layer of this package.
func Layers() []nn.Layer { return []nn.Layer{Inception{}, Residual{}, DenseBlock{}} }

// conv returns a convolution that keeps the size of an image. The kernel must be odd.
func conv(out, kernel int) nn.Conv2D {
	return nn.Conv2D{Out: out, Kernel: kernel, Pad: nn.Pad(kernel / 2)}
}

// relu records a ReLU inside a block's Build.
func relu(g *nn.Graph, x *nn.Tensor) *nn.Tensor { return nn.ReLU{}.Build(g, x) }

// GoogLeNet, ResNet and DenseNet begin with first, and pool with halve. Each halves the image.
var (
	first = nn.Conv2D{Out: 64, Kernel: 7, Stride: 2, Pad: nn.Pad(3)}
	halve = nn.MaxPool2D{Kernel: 3, Stride: 2, Pad: nn.Pad(1)}
)

// LeNet returns LeNet-5 (LeCun et al., "Gradient-based learning applied to document recognition",
// 1998), with the book's softmax in place of Gaussian connections. Input [N,1,28,28]: 61,706
// parameters with ten classes.
func LeNet(classes int) nn.Sequential {
	return nn.Sequential{
		conv(6, 5), nn.Sigmoid{}, nn.AvgPool2D{Kernel: 2},
		nn.Conv2D{Out: 16, Kernel: 5}, nn.Sigmoid{}, nn.AvgPool2D{Kernel: 2},
		nn.Flatten{},
		nn.Linear{Out: 120}, nn.Sigmoid{}, nn.Linear{Out: 84}, nn.Sigmoid{}, nn.Linear{Out: classes},
	}
}

// AlexNet returns the network of Krizhevsky, Sutskever and Hinton ("ImageNet classification with
// deep convolutional neural networks", 2012) for one graphics card and without local response
// normalisation. Input [N,1,224,224]: 46,764,746 parameters with ten classes. The book's dropout is
// 0.5.
func AlexNet(classes int, dropout float64) nn.Sequential {
	pool := nn.MaxPool2D{Kernel: 3, Stride: 2}
	return append(nn.Sequential{
		nn.Conv2D{Out: 96, Kernel: 11, Stride: 4, Pad: nn.Pad(1)}, nn.ReLU{}, pool,
		conv(256, 5), nn.ReLU{}, pool,
		conv(384, 3), nn.ReLU{}, conv(384, 3), nn.ReLU{}, conv(256, 3), nn.ReLU{}, pool,
	}, head(classes, dropout)...)
}

// head returns the three fully connected layers at the end of AlexNet and VGG.
func head(classes int, dropout float64) nn.Sequential {
	return nn.Sequential{
		nn.Flatten{},
		nn.Linear{Out: 4096}, nn.ReLU{}, nn.Dropout{P: dropout},
		nn.Linear{Out: 4096}, nn.ReLU{}, nn.Dropout{P: dropout},
		nn.Linear{Out: classes},
	}
}

// Stage is a part of a network: Blocks equal blocks with Out output channels.
type Stage struct{ Blocks, Out int }

// VGG11 returns VGG's network A (Simonyan and Zisserman, 2014, arXiv:1409.1556): five stages of 3x3
// convolutions with width to 8 times width channels. The width is 64 in the paper; the book trains
// 16, for speed. Input [N,1,224,224]: 128,806,154 parameters with width 64 and ten classes,
// 43,093,322 with width 16. The book's dropout is 0.5.
func VGG11(width, classes int, dropout float64) nn.Sequential {
	return VGG([]Stage{{1, width}, {1, 2 * width}, {2, 4 * width}, {2, 8 * width}, {2, 8 * width}}, classes, dropout)
}

// VGG returns a [VGGBlock] for each stage, followed by three fully connected layers.
func VGG(arch []Stage, classes int, dropout float64) (s nn.Sequential) {
	for _, stage := range arch {
		s = append(s, VGGBlock(stage.Blocks, stage.Out))
	}
	return append(s, head(classes, dropout)...)
}

// VGGBlock returns convs 3x3 convolutions, each with a ReLU, and a pooling that halves the image.
func VGGBlock(convs, out int) (s nn.Sequential) {
	for range convs {
		s = append(s, conv(out, 3), nn.ReLU{})
	}
	return append(s, nn.MaxPool2D{Kernel: 2})
}

// GoogLeNet returns the network of Szegedy et al. ("Going deeper with convolutions", 2014,
// arXiv:1409.4842) without its intermediate losses. The book trains it at 96x96. Input [N,1,H,W]:
// 5,977,530 parameters with ten classes.
func GoogLeNet(classes int) nn.Sequential {
	return nn.Sequential{
		nn.Sequential{first, nn.ReLU{}, halve},
		nn.Sequential{conv(64, 1), nn.ReLU{}, conv(192, 3), nn.ReLU{}, halve},
		nn.Sequential{
			Inception{64, 96, 128, 16, 32, 32},
			Inception{128, 128, 192, 32, 96, 64}, halve,
		},
		nn.Sequential{
			Inception{192, 96, 208, 16, 48, 64},
			Inception{160, 112, 224, 24, 64, 64},
			Inception{128, 128, 256, 24, 64, 64},
			Inception{112, 144, 288, 32, 64, 64},
			Inception{256, 160, 320, 32, 128, 128}, halve,
		},
		nn.Sequential{
			Inception{256, 160, 320, 32, 128, 128},
			Inception{384, 192, 384, 48, 128, 128},
			nn.GlobalAvgPool2D{}, nn.Flatten{},
		},
		nn.Linear{Out: classes},
	}
}

// Inception is four branches side by side, with a ReLU after each convolution: a 1x1 convolution
// to C1 channels; a 1x1 one to C2A and a 3x3 one to C2B; a 1x1 one to C3A and a 5x5 one to C3B; a
// 3x3 max pooling and a 1x1 convolution to C4. Shapes: x [N,C,H,W]; y [N,C1+C2B+C3B+C4,H,W].
// Weights: b1_1, b2_1, b2_2, b3_1, b3_2, b4_2.
type Inception struct{ C1, C2A, C2B, C3A, C3B, C4 int }

// Build records the block.
func (b Inception) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	b1 := relu(g, g.Child("b1_1", conv(b.C1, 1), x))
	b2 := relu(g, g.Child("b2_1", conv(b.C2A, 1), x))
	b2 = relu(g, g.Child("b2_2", conv(b.C2B, 3), b2))
	b3 := relu(g, g.Child("b3_1", conv(b.C3A, 1), x))
	b3 = relu(g, g.Child("b3_2", conv(b.C3B, 5), b3))
	b4 := g.Child("b4_1", nn.MaxPool2D{Kernel: 3, Stride: 1, Pad: nn.Pad(1)}, x)
	b4 = relu(g, g.Child("b4_2", conv(b.C4, 1), b4))
	return g.Concat(b1, b2, b3, b4)
}

func (b Inception) String() string { return nn.Text(b) }

// ResNet18 returns the ResNet of 18 layers (He et al., "Deep residual learning for image
// recognition", 2015, arXiv:1512.03385). The book trains it at 96x96. Input [N,1,H,W]: 11,178,378
// parameters with ten classes.
func ResNet18(classes int) nn.Sequential {
	return ResNet([]Stage{{2, 64}, {2, 128}, {2, 256}, {2, 512}}, classes)
}

// ResNet returns stages of [Residual] blocks. Each stage but the first halves the image.
func ResNet(arch []Stage, classes int) nn.Sequential {
	s := nn.Sequential{stem()}
	for i, stage := range arch {
		var blocks nn.Sequential
		for k := range stage.Blocks {
			b := Residual{Out: stage.Out}
			if k == 0 && i > 0 {
				b.Stride, b.Conv1x1 = 2, true
			}
			blocks = append(blocks, b)
		}
		s = append(s, nn.Named{Name: nn.Name(fmt.Sprintf("b%d", i+2)), Layer: blocks})
	}
	return append(s, last(nn.GlobalAvgPool2D{}, nn.Flatten{}, nn.Linear{Out: classes}))
}

// stem returns the first part of ResNet and DenseNet.
func stem() nn.Sequential {
	return nn.Sequential{first, nn.BatchNorm2D{}, nn.ReLU{}, halve}
}

// last names the last part of ResNet and DenseNet.
func last(layers ...nn.Layer) nn.Named { return nn.Named{Name: "last", Layer: nn.Sequential(layers)} }

// Residual is two 3x3 convolutions to Out channels, each followed by batch normalisation. Stride is
// that of the first. The block adds its input to the result: unchanged or, with Conv1x1, after a
// 1x1 convolution of the same stride. A ReLU follows the first normalisation, and another the sum.
// Shapes: x [N,C,H,W]; y [N,Out,H/Stride,W/Stride], rounded up. Weights: conv1, bn1, conv2, bn2,
// and conv3 with Conv1x1.
type Residual struct {
	Out     int
	Stride  int  `text:"stride"`  // 0 is 1
	Conv1x1 bool `text:"conv1x1"` // use_1x1conv in the book
}

// Build records the block.
func (r Residual) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	y := g.Child("conv1", nn.Conv2D{Out: r.Out, Kernel: 3, Stride: r.Stride, Pad: nn.Pad(1)}, x)
	y = relu(g, g.Child("bn1", nn.BatchNorm2D{}, y))
	y = g.Child("conv2", conv(r.Out, 3), y)
	y = g.Child("bn2", nn.BatchNorm2D{}, y)
	if r.Conv1x1 {
		x = g.Child("conv3", nn.Conv2D{Out: r.Out, Kernel: 1, Stride: r.Stride}, x)
	}
	return relu(g, g.Add(y, x))
}

func (r Residual) String() string { return nn.Text(r) }

// DenseNet returns the book's small network of four dense blocks (Huang et al., "Densely connected
// convolutional networks", 2016, arXiv:1608.06993). Each block has four convolutions, and each
// convolution adds 32 channels; the stem has 64. Between blocks, a [TransitionBlock] halves the
// channels and the image. The book trains it at 96x96. Input [N,1,H,W]: 758,226 parameters with ten
// classes.
func DenseNet(classes int) nn.Sequential {
	const growth, convs, blocks = 32, 4, 4
	s, channels := nn.Sequential{stem()}, 64
	for i := range blocks {
		if i > 0 {
			channels /= 2
			s = append(s, nn.Named{Name: nn.Name(fmt.Sprintf("tran_blk%d", i)), Layer: TransitionBlock(channels)})
		}
		s = append(s, nn.Named{Name: nn.Name(fmt.Sprintf("dense_blk%d", i+1)), Layer: DenseBlock{convs, growth}})
		channels += convs * growth
	}
	return append(s, last(nn.BatchNorm2D{}, nn.ReLU{}, nn.GlobalAvgPool2D{}, nn.Flatten{}, nn.Linear{Out: classes}))
}

// DenseBlock has Convs convolutions, each after a normalisation and a ReLU. A convolution takes the
// block's input and the outputs of all convolutions before it, and adds Growth channels. Shapes: x
// [N,C,H,W]; y [N,C+Convs*Growth,H,W]. Weights: net.I.0 (the normalisation) and net.I.2.
type DenseBlock struct{ Convs, Growth int }

// Build records the block.
func (d DenseBlock) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor { return g.Child("net", dense(d), x) }

func (d DenseBlock) String() string { return nn.Text(d) }

// dense is the part of a DenseBlock that is named net.
type dense DenseBlock

func (d dense) Build(g *nn.Graph, x *nn.Tensor) *nn.Tensor {
	for i := range d.Convs {
		y := g.Child(strconv.Itoa(i), nn.Sequential{nn.BatchNorm2D{}, nn.ReLU{}, conv(d.Growth, 3)}, x)
		x = g.Concat(x, y)
	}
	return x
}

// TransitionBlock returns a normalisation, a ReLU, a 1x1 convolution to out channels, and a pooling
// that halves the image.
func TransitionBlock(out int) nn.Sequential {
	return nn.Sequential{nn.BatchNorm2D{}, nn.ReLU{}, conv(out, 1), nn.AvgPool2D{Kernel: 2}}
}
