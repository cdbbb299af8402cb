// Package data reads the labelled image sets that the networks train on into host memory: Fashion-MNIST, MNIST and
// CIFAR-10, whose files it finds on the machine, and folders of pictures. It needs no GPU, no network and no
// cgo; [wgnin/nn/data/download] brings files that the machine lacks.
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

// MaxClasses is how many classes the labels can tell apart, here and on the device.
const MaxClasses = 1 << 16

// Images is a set of labelled 8-bit images.
type Images struct {
	Name    string   // the dataset's, as Names gives it
	C, H, W int      // channels (1 is grey, 3 is red, green, blue), rows, columns
	Pixels  []uint8  // [N,C,H,W], planar as in the files; 0 is black; nil of a Blank set
	Labels  []uint8  // [N], indices into Classes; of a Wide set [N,2], the lower byte first
	Wide    bool     // the labels have two bytes, because one is above 255
	Classes []string // names; len(Classes) is the number of classes
}

// Len is N, the number of images.
func (s *Images) Len() int { return len(s.Labels) / s.labelBytes() }

func (s *Images) labelBytes() int {
	if s.Wide {
		return 2
	}
	return 1
}

// Label is that of image i.
func (s *Images) Label(i int) int {
	if s.Wide {
		return int(binary.LittleEndian.Uint16(s.Labels[2*i:]))
	}
	return int(s.Labels[i])
}

// SetLabels makes labels, 0 to MaxClasses-1, those of the set.
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

// First gives the first n images, in memory shared with s. If n <= 0 or n > s.Len(), it gives all.
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

// LoadOptions say where Load looks. The zero value is good.
type LoadOptions struct {
	// Dir is the folder that holds the files. If set, Load looks nowhere else and fetches nothing.
	Dir string

	// Fetch, if set, brings the files of a set that is nowhere on the machine: download.Files.
	Fetch Fetch

	// H and W are the rows and columns that the network takes. The set "folder" looks at them, and [FindWhitening].
	H, W int

	// C is how many channels the images of the set "folder" get, as [ReadImage] makes them. If 0, they are grey if all
	// pictures are.
	C int

	// OnlyTest makes Load give no training images of the set "folder". If the folder has no split, all are for the test.
	OnlyTest bool

	// SkipBad leaves out pictures of the set "folder" that cannot be read, instead of refusing the folder.
	SkipBad bool

	// Note, if set, is told in lines what the set "folder" holds, what of it is not used, and what is damaged.
	Note func(line string)

	// Progress, if set, is told how far Load is: every few kilobytes that are fetched, for every image of a folder. It is
	// called from Load's own goroutine.
	Progress func(LoadProgress)
}

// LoadProgress is how far something is that takes long.
type LoadProgress struct {
	Doing       string // what, such as "download train-images-idx3-ubyte.gz"
	Done, Total int64
	Unit        string // of Done and Total
}

// ErrIsFolder reports a folder that has no files of the dataset, but folders of pictures.
var ErrIsFolder = errors.New("it holds folders of pictures, which the dataset " + folder + " reads")

// ErrNoFiles reports a dataset that is found nowhere; LoadOptions.Dir can say where it is.
var ErrNoFiles = errors.New("not on this machine and cannot be downloaded")

// Names lists the datasets that Load knows.
func Names() []string {
	var names []string
	for i := range sets {
		names = append(names, sets[i].name)
	}
	return append(names, folder)
}

// Blank gives sets of as many images, of the same size, as the dataset's publisher has, all black and of the first
// class: what Load would give is as large. They have no Pixels, for plans of more than the machine has memory for.
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

// find gives the dataset of that name.
func find(name string) (*set, error) {
	i := slices.IndexFunc(sets, func(s set) bool { return s.name == name })
	if i < 0 {
		return nil, fmt.Errorf("data: there is no dataset %q: use one of %s", name, strings.Join(Names(), ", "))
	}
	return &sets[i], nil
}

// WhiteOnBlack reports whether the images of a dataset show bright things on a black background.
func WhiteOnBlack(name string) bool {
	s, err := find(name)
	return err == nil && s.black
}

// Classes gives the names of a dataset's classes, nil if it is not known.
func Classes(name string) []string {
	s, err := find(name)
	if err != nil {
		return nil
	}
	return slices.Clone(s.classes)
}

// Load reads a dataset's training and test images.
//
// Shapes [N,C,H,W]: fashion-mnist and mnist [60000,1,28,28] and [10000,1,28,28], cifar10 [50000,3,32,32] and
// [10000,3,32,32]; all have ten classes. Pixels are as in the files, 0..255: PyTorch's ToTensor would divide by 255.
//
// The first of these places that has all the files is taken: opt.Dir, and then only that; $NIN_DATA/NAME; $NIN_DATA
// itself (the files of mnist and fashion-mnist have the same names, so a folder that holds several sets needs the
// sub-folders); /usr/share/datasets/NAME; nin/NAME in the user's cache folder. If none has them, opt.Fetch brings those
// that the cache lacks into it, checked by SHA-256. Files found in a place need only be well-formed, with any number of
// images.
//
// The files are, for fashion-mnist and mnist, {train,t10k}-{images-idx3,labels-idx1}-ubyte, plain or gzip (.gz); for
// cifar10 data_batch_{1..5}.bin and test_batch.bin, in the folder or its cifar-10-batches-bin, or
// cifar-10-binary.tar.gz.
//
// The set "folder" is the pictures in opt.Dir, which has a folder for each class, DIR/CLASS/FILE, or such trees in
// DIR/train (or training) and in DIR/test (or testing, val, valid, validation). Without those, each sixth image of a
// class, by path, is for the test. The folders of a class may hold folders. Pictures are .bmp, .gif, .jfif, .jpeg, .jpg,
// .png, .tif, .tiff and .webp, read as [ReadImage] has it; opt.Note is told of other files. Hidden ones, and __MACOSX and
// @eaDir, are passed over. Classes are sorted by name; the images are in one random order that is always the same. If all
// images are grey, they have one channel. Images of differing sizes, or larger than opt.H rows of opt.W pixels, are
// resized to these, as the device would do it later, to the same bits.
//
// Errors are one line that names the file and what would be right: an unknown name, files missing, damaged, cut short
// or not of one set, no network.
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
		// Only missing files send the search on: passing over a damaged one would train on other data than was meant.
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

// locate gives the path of the first of the files that exists, names being ways to say the same under dir.
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

// images joins pixels and labels after the checks that all formats share.
func (s *set) images(pixels, labels []uint8) (*Images, error) {
	if len(labels) == 0 {
		return nil, errors.New("holds no images")
	}
	for i, label := range labels {
		if int(label) >= len(s.classes) {
			return nil, fmt.Errorf("label %d of image %d is not one of %s's classes, 0 to %d", label, i, s.name, len(s.classes)-1)
		}
	}
	return &Images{Name: s.name, C: s.c, H: s.h, W: s.w, Pixels: pixels, Labels: labels, Classes: slices.Clone(s.classes)}, nil
}
