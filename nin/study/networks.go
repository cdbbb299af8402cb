package study

import (
	"wgnin/nin"
	"wgnin/nn"
)

// Studies are the exercises that experiments answer, with variants of [nin.Mini]. [report.PlanCost]
// answers exercise 4.
var Studies = []Study{
	{
		Exercise: 1, Title: "How many 1x1 convolutions in a block?",
		Question: "Why are there two 1x1 convolutional layers in a NiN block? Increase their number to three; reduce it to one. What changes?",
		Networks: []Network{
			{"two 1x1", "the network as it is", nin.Mini},
			{"one 1x1", "a convolution and one 1x1 convolution in each block", pointwise(1)},
			{"three 1x1", "a convolution and three 1x1 convolutions in each block", pointwise(3)},
		},
	},
	{
		Exercise: 2, Title: "3x3 convolutions instead of 1x1",
		Question: "What changes if you replace the 1x1 convolutions by 3x3 convolutions?",
		Networks: []Network{
			{"1x1", "the network as it is", nin.Mini},
			{"3x3", "padding 1; both 1x1 convolutions of each block, the last one too",
				func(classes int, dropout float64) nn.Sequential {
					block := func(out, kernel int) nn.Sequential {
						same := nn.Conv2D{Out: out, Kernel: 3, Pad: nn.Pad(1)}
						return nin.WithReLUs(nn.Conv2D{Out: out, Kernel: kernel, Pad: nn.Pad(kernel / 2)}, same, same)
					}
					return nin.MiniOf(block, dropout, nin.WithoutLastReLU(block(classes, 3)), nn.GlobalAvgPool2D{},
						nn.Flatten{})
				}},
		},
	},
	{
		Exercise: 3, Title: "A fully connected layer instead of global average pooling",
		Question: "What happens if you replace the global average pooling by a fully connected layer (speed, accuracy, number of parameters)?",
		Networks: []Network{
			{"global average", "the network as it is: the mean of each class's map", nin.Mini},
			{"fully connected", "one fully connected layer on the maps of the last block",
				func(classes int, dropout float64) nn.Sequential {
					return nin.MiniOf(nin.MiniBlock, dropout, nin.Block(classes, 3, 1, nn.Pad(1)), nn.Flatten{},
						nn.Linear{Out: classes})
				}},
			{"like VGG",
				"two fully connected layers of 256 with dropout, and one of the classes, instead of the last block and the pooling",
				func(classes int, dropout float64) nn.Sequential {
					return nin.MiniOf(nin.MiniBlock, dropout, nn.Flatten{},
						nn.Linear{Out: 256}, nn.ReLU{}, nn.Dropout{P: dropout},
						nn.Linear{Out: 256}, nn.ReLU{}, nn.Dropout{P: dropout}, nn.Linear{Out: classes})
				}},
		},
	},
	{
		Exercise: 5, Title: "From 96 channels to ten at once, or gradually",
		Question: "What may go wrong when the maps are reduced to ten channels in one step?",
		Networks: []Network{
			{"one step",
				"the network as it is: 96 to 10 channels in the 3x3 convolution of the last block, then 10, 10",
				nin.Mini},
			{"gradual", "96 to 48 channels in the 3x3 convolution, then 24, 10", head(48, 24)},
			{"last", "96 channels in the 3x3 convolution, then 96, 10, as in the paper's networks", head(96, 96)},
		},
	},
	{
		Exercise: 6, Title: "A family of networks that grows like VGG",
		Question: "Use the ideas of VGG-11, VGG-16 and VGG-19 to design a family of NiN-like networks.",
		Rate:     0.004, // NiN-19 died at 0.05 and at 0.01, which is VGG's
		Networks: []Network{
			{"NiN-11",
				"stages of 1, 1, 2, 2, 2 convolutions, the first 3x3, the others 1x1, of 16, 32, 64, 128, 128 channels, and a block for the classes", family(11)},
			{"NiN-16", "stages of 2, 2, 3, 3, 3", family(16)},
			{"NiN-19", "stages of 2, 2, 4, 4, 4", family(19)},
			{"mini", "the small network of the other studies, 12 layers", nin.Mini},
		},
	},
}

// pointwise returns Mini with n 1x1 convolutions in each block.
func pointwise(n int) func(int, float64) nn.Sequential {
	block := func(out, kernel int) nn.Sequential {
		layers := []nn.Layer{nn.Conv2D{Out: out, Kernel: kernel, Pad: nn.Pad(kernel / 2)}}
		for range n {
			layers = append(layers, nn.Conv2D{Out: out, Kernel: 1})
		}
		return nin.WithReLUs(layers...)
	}
	return func(classes int, dropout float64) nn.Sequential {
		return nin.MiniOf(block, dropout, nin.WithoutLastReLU(block(classes, 3)), nn.GlobalAvgPool2D{}, nn.Flatten{})
	}
}

// head returns Mini with other numbers of channels in its last block.
func head(first, second int) func(int, float64) nn.Sequential {
	return func(classes int, dropout float64) nn.Sequential {
		block := nin.WithReLUs(nn.Conv2D{Out: first, Kernel: 3, Pad: nn.Pad(1)}, nn.Conv2D{Out: second, Kernel: 1},
			nn.Conv2D{Out: classes, Kernel: 1})
		return nin.MiniOf(nin.MiniBlock, dropout, nin.WithoutLastReLU(block), nn.GlobalAvgPool2D{}, nn.Flatten{})
	}
}

func family(depth int) func(int, float64) nn.Sequential {
	return func(classes int, dropout float64) nn.Sequential { return nin.LikeVGG(depth, 16, classes, dropout) }
}
