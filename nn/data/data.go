// Package data reads labelled images into host memory: Fashion-MNIST, MNIST and CIFAR-10, if their
// files are on the machine, and folders of pictures. It needs no GPU, no network and no cgo.
// Package [wgnin/nn/data/download] fetches files that the machine does not have.
//
// These lines are from nn/data/example_test.go. Here ctx is a context, and must ends the program if
// there is an error:
//
//	train, test, err := data.Load(ctx, "fashion-mnist", data.LoadOptions{Fetch: download.Files})
//	must(err)
//	mine, tests, err := data.Load(ctx, "folder", data.LoadOptions{Dir: "pictures", H: 64, W: 64})
//	must(err)
//	one, err := data.ReadImage("photo.jpg", 3) // in colour
//	must(err)
//
// Images stay 8-bit; the device resizes and scales them when it gathers a batch.
package data

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// MaxClasses is the largest number of classes, here and on the device.
const MaxClasses = 1 << 16

// Images is a set of labelled 8-bit images.
type Images struct {
	Name    string   // name of the dataset, one of Names
	C, H, W int      // channels (1 is grey; 3 is red, green, blue), rows, columns
	Pixels  []uint8  // [N,C,H,W], planar as in the files; 0 is black; nil in a Blank set
	Labels  []uint8  // [N], indices into Classes; in a Wide set [N,2], the lower byte first
	Wide    bool     // the labels have two bytes, because one is above 255
	Classes []string // names; len(Classes) is the number of classes
}

// Len returns N, the number of images.
func (s *Images) Len() int { return len(s.Labels) / s.labelBytes() }

func (s *Images) labelBytes() int {
	if s.Wide {
		return 2
	}
	return 1
}

// Label returns the label of image i.
func (s *Images) Label(i int) int {
	if s.Wide {
		return int(binary.LittleEndian.Uint16(s.Labels[2*i:]))
	}
	return int(s.Labels[i])
}

// SetLabels sets the labels of the set. Each must be from 0 to MaxClasses-1.
func (s *Images) SetLabels(labels ...int) {
	s.Wide = slices.ContainsFunc(labels, func(l int) bool { return l > 255 })
	s.Labels = make([]uint8, 0, len(labels)*s.labelBytes())
	for _, l := range labels {
		if s.Wide {
			s.Labels = binary.LittleEndian.AppendUint16(s.Labels, uint16(l))
		} else {
			s.Labels = append(s.Labels, uint8(l))
		}
	}
}

// First returns the first n images, which share memory with s. If n <= 0 or n > s.Len(), it returns
// all images.
func (s *Images) First(n int) *Images {
	if n <= 0 || n > s.Len() {
		n = s.Len()
	}
	first := *s
	if s.Pixels != nil {
		first.Pixels = s.Pixels[:n*s.C*s.H*s.W]
	}
	first.Labels = s.Labels[:n*s.labelBytes()]
	return &first
}

// LoadOptions are the options of [Load]. With the zero value, Load looks for the files on the
// machine.
type LoadOptions struct {
	// Dir is the folder that holds the files. If it is set, Load looks nowhere else and fetches
	// nothing.
	Dir string

	// Fetch, if it is not nil, fetches the files of a set that is not on the machine. Use
	// download.Files.
	Fetch Fetch

	// H and W are the rows and columns of the network's input. Only the set "folder" and
	// [FindWhitening] use them.
	H, W int

	// C is the number of channels of the images of the set "folder", to which [ReadImage] converts
	// them. If C is 0, the images have one channel if all pictures are grey, and otherwise three.
	C int

	// OnlyTest makes Load return no training images of the set "folder". If the folder has no
	// split, all of its images are test images, unless HeldOut is set.
	OnlyTest bool

	// HeldOut, with OnlyTest, limits the images of a folder that has no split to those that Load
	// holds out for the test when it also returns training images: every sixth of a class.
	HeldOut bool

	// SkipBad leaves out pictures of the set "folder" that cannot be read. Without it they are an
	// error.
	SkipBad bool

	// Note, if it is not nil, is called with lines that say what the set "folder" contains, which
	// of its files are not used, and which are damaged.
	Note func(line string)

	// Progress, if it is not nil, is called after every few kilobytes that are fetched, and for
	// every image of a folder, on Load's own goroutine.
	Progress func(LoadProgress)
}

// LoadProgress is the progress of a long operation.
type LoadProgress struct {
	Doing       string // description of the operation, such as "download train-images-idx3-ubyte.gz"
	Done, Total int64
	Unit        string // of Done and Total
}

// ErrIsFolder reports that LoadOptions.Dir holds folders of pictures instead of the dataset's
// files.
var ErrIsFolder = errors.New("it holds folders of pictures, which the dataset " + folder + " reads")

// ErrNoFiles reports a dataset that was not found and cannot be fetched. LoadOptions.Dir can say
// where it is.
var ErrNoFiles = errors.New("not on this machine and cannot be downloaded")

// Names lists the datasets that Load knows.
func Names() []string {
	var names []string
	for i := range sets {
		names = append(names, sets[i].name)
	}
	return append(names, folder)
}

// Blank returns a training and a test set with the number and the size of the dataset's images, all
// black and of the first class. They have no Pixels, so plans can be made for more images than the
// machine has memory for. Errors: an unknown name, or that of the set "folder".
func Blank(name string) (train, test *Images, err error) {
	s, err := find(name)
	if err != nil {
		return nil, nil, err
	}
	blank := func(n int) *Images {
		return &Images{Name: s.name, C: s.c, H: s.h, W: s.w, Labels: make([]uint8, n), Classes: slices.Clone(s.classes)}
	}
	return blank(s.train), blank(s.test), nil
}

// find returns the dataset of that name.
func find(name string) (*set, error) {
	i := slices.IndexFunc(sets, func(s set) bool { return s.name == name })
	if i < 0 {
		return nil, fmt.Errorf("data: there is no dataset %q: use one of %s", name, strings.Join(Names(), ", "))
	}
	return &sets[i], nil
}

// WhiteOnBlack reports whether the images of a dataset show bright objects on a black background.
func WhiteOnBlack(name string) bool {
	s, err := find(name)
	return err == nil && s.black
}

// Classes returns the names of a dataset's classes, or nil for an unknown dataset.
func Classes(name string) []string {
	s, err := find(name)
	if err != nil {
		return nil
	}
	return slices.Clone(s.classes)
}

// Load reads a dataset's training and test images.
//
// Shapes [N,C,H,W]: fashion-mnist and mnist [60000,1,28,28] and [10000,1,28,28], cifar10
// [50000,3,32,32] and [10000,3,32,32]; all have ten classes. Pixels are 0 to 255, as in the files;
// PyTorch's ToTensor divides by 255.
//
// Load uses the first of these places that has all files: only opt.Dir, if it is set;
// $NIN_DATA/NAME; $NIN_DATA itself (the files of mnist and fashion-mnist have the same names, so a
// folder with several sets needs the sub-folders); /usr/share/datasets/NAME; nin/NAME in the user's
// cache folder. If none has them, opt.Fetch downloads the files that the cache lacks and checks
// their SHA-256. Files that were found must only be well-formed; they may have any number of
// images.
//
// The files of fashion-mnist and mnist are {train,t10k}-{images-idx3,labels-idx1}-ubyte, plain or
// gzip (.gz). Those of cifar10 are data_batch_{1..5}.bin and test_batch.bin, in the folder or in
// its sub-folder cifar-10-batches-bin, or cifar-10-binary.tar.gz.
//
// The set "folder" consists of the pictures in opt.Dir. This folder has a sub-folder for each
// class, DIR/CLASS/FILE, or such trees in DIR/train (or training) and DIR/test (or testing, val,
// valid, validation). Without such a split, every sixth image of a class, sorted by path, is a test
// image. The folder of a class may contain sub-folders. Pictures are .bmp, .gif, .jfif, .jpeg,
// .jpg, .png, .tif, .tiff and .webp files, which [ReadImage] reads. Load reports other files with
// opt.Note. Hidden files, __MACOSX and @eaDir are ignored. Classes are sorted by name. The images
// are in a random order, which is always the same. Images of different sizes, or larger than opt.H
// rows of opt.W pixels, are resized to that size, with the same bits as the device would produce.
//
// Errors are one line that names the file and says what would be right: an unknown name; files that
// are missing, damaged, cut short or from different sets; no network.
func Load(ctx context.Context, name string, opt LoadOptions) (train, test *Images, err error) {
	load := readFolder
	if name != folder {
		s, err := find(name)
		if err != nil {
			return nil, nil, err
		}
		load = s.load
	}
	train, test, err = load(ctx, opt)
	if err != nil {
		return nil, nil, fmt.Errorf("data: %w", err)
	}
	return train, test, nil
}

func (s *set) load(ctx context.Context, opt LoadOptions) (train, test *Images, err error) {
	if opt.Dir != "" {
		train, test, err = s.read(s, opt.Dir)
		if errors.Is(err, fs.ErrNotExist) && looksLikeFolder(opt.Dir) {
			err = fmt.Errorf("%w; %w", err, ErrIsFolder)
		}
		return train, test, err
	}
	var places []string
	if env := os.Getenv("NIN_DATA"); env != "" {
		places = append(places, filepath.Join(env, s.name), env)
	}
	places = append(places, filepath.Join("/usr/share/datasets", s.name))
	cache, cacheErr := os.UserCacheDir()
	if cacheErr == nil {
		cache = filepath.Join(cache, "nin", s.name)
		places = append(places, cache)
	}
	for _, dir := range places {
		// Continue the search only if files are missing. If a damaged file were skipped, training
		// would use other data than the user meant.
		if train, test, err = s.read(s, dir); !errors.Is(err, fs.ErrNotExist) {
			return train, test, err
		}
	}
	switch {
	case cacheErr != nil:
		err = cacheErr
	case opt.Fetch == nil:
		err = errors.New("LoadOptions.Fetch is nil")
	default:
		err = opt.Fetch(ctx, cache, s.mirrors, s.files, opt.Progress)
	}
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if err != nil {
		hint := ""
		if s.debian != "" {
			hint = "; the Debian package " + s.debian + " has it"
		}
		return nil, nil, fmt.Errorf("%s is %w%s (%w)", s.name, ErrNoFiles, hint, err)
	}
	return s.read(s, cache)
}

// locate returns the path of the first of the named files that exists in dir. The names are
// alternatives for the same file.
func locate(dir string, names ...string) (string, error) {
	for _, name := range names {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		switch {
		case err == nil && info.Mode().IsRegular():
			return path, nil
		case err == nil:
			return "", fmt.Errorf("%s: not a regular file", path)
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
	}
	return "", fmt.Errorf("%s has no %s: %w", dir, strings.Join(names, " or "), fs.ErrNotExist)
}

// images makes a set of pixels and labels, after the checks that all formats share.
func (s *set) images(pixels, labels []uint8) (*Images, error) {
	if len(labels) == 0 {
		return nil, errors.New("holds no images")
	}
	for i, label := range labels {
		if int(label) >= len(s.classes) {
			return nil, fmt.Errorf("label %d of image %d is not one of %s's classes, 0 to %d", label, i, s.name,
				len(s.classes)-1)
		}
	}
	return &Images{Name: s.name, C: s.c, H: s.h, W: s.w, Pixels: pixels, Labels: labels,
		Classes: slices.Clone(s.classes)}, nil
}
