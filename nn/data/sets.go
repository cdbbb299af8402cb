package data

import "context"

// set describes a dataset.
type set struct {
	name    string
	c, h, w int
	black   bool // the background is black
	train   int  // number of the publisher's training images
	test    int  // number of the publisher's test images
	classes []string
	debian  string                                                  // the Debian package that has the files
	read    func(s *set, dir string) (train, test *Images, _ error) // returns an fs.ErrNotExist if a file is missing
	files   []File                                                  // to download
	mirrors []string                                                // prefixes of the files' addresses, best first
}

// File is a dataset's file as its publisher distributes it.
type File struct {
	Name   string
	Size   int64
	SHA256 string // in hexadecimal
}

// Fetch downloads those of the files that dir lacks into dir, from the first of the mirrors that
// has them. Mirrors are prefixes of the files' addresses, best first. A file gets its name in dir
// only when it is complete and its checksum is right.
type Fetch func(ctx context.Context, dir string, mirrors []string, files []File, progress func(LoadProgress)) error

var sets = []set{
	{
		// Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv:1708.07747;
		// https://github.com/zalandoresearch/fashion-mnist
		name: "fashion-mnist", c: 1, h: 28, w: 28, black: true, train: 60000, test: 10000,
		classes: []string{"t-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
			"ankle boot"},
		debian: "dataset-fashion-mnist",
		read:   readIDX,
		// Sizes and SHA-256: tensorflow_datasets/url_checksums/fashion_mnist.txt; Keras has the
		// same in keras/src/datasets/fashion_mnist.py. Debian's files differ only in the gzip
		// header, from which Debian removes name and time.
		files: []File{
			{"train-images-idx3-ubyte.gz", 26421880,
				"3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
			{"train-labels-idx1-ubyte.gz", 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
			{"t10k-images-idx3-ubyte.gz", 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
			{"t10k-labels-idx1-ubyte.gz", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
		},
		mirrors: []string{
			"https://storage.googleapis.com/tensorflow/tf-keras-datasets/", // Keras's
			"https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
			"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", // torchvision's
		},
	},
	{
		// LeCun, Cortes, Burges: The MNIST database of handwritten digits,
		// http://yann.lecun.com/exdb/mnist/
		name: "mnist", c: 1, h: 28, w: 28, black: true, train: 60000, test: 10000,
		classes: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
		read:    readIDX,
		// Sizes and SHA-256: tensorflow_datasets/url_checksums/mnist.txt
		files: []File{
			{"train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
			{"train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
			{"t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
			{"t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
		},
		mirrors: []string{
			"https://storage.googleapis.com/cvdf-datasets/mnist/", // TensorFlow Datasets'
			"https://ossci-datasets.s3.amazonaws.com/mnist/",      // torchvision's
		},
	},
	{
		// Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009;
		// https://www.cs.toronto.edu/~kriz/cifar.html
		name: "cifar10", c: 3, h: 32, w: 32, train: 50000, test: 10000,
		classes: []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
		read:    readCIFAR,
		// Size and SHA-256: tensorflow_datasets/url_checksums/cifar10.txt (the publisher gives
		// MD5 c32a1d4ab5d03f1284b67883e8d87530)
		files: []File{
			{"cifar-10-binary.tar.gz", 170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
		},
		mirrors: []string{
			"https://www.cs.toronto.edu/~kriz/",
			"https://cave.cs.toronto.edu/kriz/",
			"https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/", // Swift for TensorFlow's
		},
	},
}
