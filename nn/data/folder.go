package data

import (
	"context"
	"fmt"
	"image/color"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"wgnin/gpu/machine"
	"wgnin/shaders/input/pillow"
)

// folder is the name of the data set that is the user's own files.
const folder = "folder"

const (
	// maxClasses is what a label of one byte tells apart.
	maxClasses = 256

	// everyTest: without folders for training and test, each sixth image of a class is for the test, which is the
	// split of Fashion-MNIST and CIFAR-10.
	everyTest = 6
)

// picture is a file of a folder.
type picture struct {
	path   string
	label  uint8
	h, w   int
	grey   bool    // in its header
	pixels []uint8 // [C,H,W] as it will be in Images, but C is 1 for an image that is grey
}

// readFolder reads a tree of images. The pixels of all are in memory once decoded; they are decoded on all cores.
func readFolder(ctx context.Context, opt Options) (train, test *Images, err error) {
	if opt.Dir == "" {
		return nil, nil, fmt.Errorf("folder is files of your own, %w", ErrNoFiles)
	}
	trainDir, testDir := filepath.Join(opt.Dir, "train"), filepath.Join(opt.Dir, "test")
	if !isDir(testDir) {
		testDir = filepath.Join(opt.Dir, "val")
	}
	split := isDir(trainDir) && isDir(testDir)
	if !split {
		trainDir = opt.Dir
	}
	classes, err := subfolders(trainDir)
	if err != nil {
		return nil, nil, err
	}
	if len(classes) < 2 || len(classes) > maxClasses {
		return nil, nil, fmt.Errorf("%s has %d folders; want one for each of 2 to %d classes, or train and test (or val) that hold them",
			trainDir, len(classes), maxClasses)
	}
	all, err := list(trainDir, classes, classes)
	if err != nil {
		return nil, nil, err
	}
	var tests []picture
	if split {
		names, err := subfolders(testDir)
		if err != nil {
			return nil, nil, err
		}
		if tests, err = list(testDir, names, classes); err != nil {
			return nil, nil, err
		}
		if len(tests) == 0 {
			return nil, nil, fmt.Errorf("%s has no folder of a class", testDir)
		}
	} else {
		all, tests = splitEvery(all)
		if len(tests) == 0 {
			return nil, nil, fmt.Errorf("%s has fewer than %d images in every class, so that none is for the test", trainDir, everyTest)
		}
	}
	trains := len(all)
	all = append(all, tests...)
	h, w, err := sizes(ctx, all, opt)
	if err != nil {
		return nil, nil, err
	}
	if err := room(all, h, w, opt.Dir); err != nil {
		return nil, nil, err
	}
	decoding := semaphore.NewWeighted(maxArea)
	err = each(ctx, all, "read "+opt.Dir, opt.Progress, func(p *picture) error {
		area := int64(p.h) * int64(p.w)
		if err := decoding.Acquire(ctx, area); err != nil {
			return err
		}
		defer decoding.Release(area)
		return p.read(h, w)
	})
	if err != nil {
		return nil, nil, err
	}
	c := 1
	for i := range all {
		c = max(c, len(all[i].pixels)/(h*w))
	}
	join := func(pictures []picture) *Images {
		// Sorted by class, the first images would all be of the first one.
		rand.New(rand.NewPCG(0, 0)).Shuffle(len(pictures), func(i, j int) { pictures[i], pictures[j] = pictures[j], pictures[i] })
		s := &Images{Name: folder, C: c, H: h, W: w, Classes: classes, Pixels: make([]uint8, 0, len(pictures)*c*h*w)}
		for i := range pictures {
			p := &pictures[i]
			s.Labels = append(s.Labels, p.label)
			for range c*h*w/len(p.pixels) - 1 { // a grey image among coloured ones
				s.Pixels = append(s.Pixels, p.pixels...)
			}
			s.Pixels = append(s.Pixels, p.pixels...)
			p.pixels = nil
		}
		return s
	}
	return join(all[:trains]), join(all[trains:]), nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// subfolders are the names of the folders in dir, or of links to folders, sorted; those that start with a dot are not
// the user's.
func subfolders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && isDir(filepath.Join(dir, e.Name())) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// list gives the images in the named folders of dir, sorted by folder and name.
func list(dir string, names, classes []string) ([]picture, error) {
	var all []picture
	for _, name := range names {
		label := slices.Index(classes, name)
		if label < 0 {
			return nil, fmt.Errorf("%s is no class of the training images, which are %s", filepath.Join(dir, name), strings.Join(classes, ", "))
		}
		entries, err := os.ReadDir(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		before := len(all)
		for _, e := range entries {
			switch strings.ToLower(filepath.Ext(e.Name())) {
			case ".png", ".jpg", ".jpeg":
				if !strings.HasPrefix(e.Name(), ".") {
					all = append(all, picture{path: filepath.Join(dir, name, e.Name()), label: uint8(label)})
				}
			}
		}
		if len(all) == before {
			return nil, fmt.Errorf("%s has no .png, .jpg or .jpeg; want a folder of images for each class", filepath.Join(dir, name))
		}
	}
	return all, nil
}

// splitEvery takes the test images out of a sorted list.
func splitEvery(all []picture) (train, test []picture) {
	n := 0 // images of the class so far
	for i, p := range all {
		if i > 0 && p.label != all[i-1].label {
			n = 0
		}
		if n++; n%everyTest == 0 {
			test = append(test, p)
		} else {
			train = append(train, p)
		}
	}
	return train, test
}

// each hands the pictures to do, on all cores.
func each(ctx context.Context, all []picture, doing string, progress func(Progress), do func(*picture) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range all {
		p := &all[i]
		g.Go(func() error {
			if ctx.Err() != nil { // another one failed
				return ctx.Err()
			}
			if err := do(p); err != nil {
				return fmt.Errorf("%s: %w", p.path, err)
			}
			return nil
		})
		if progress != nil && ctx.Err() == nil {
			progress(Progress{doing, int64(i + 1), int64(len(all)), "images"})
		}
	}
	return g.Wait()
}

// sizes reads the pictures' headers and gives the size that all will have.
func sizes(ctx context.Context, all []picture, opt Options) (h, w int, err error) {
	err = each(ctx, all, "look through "+opt.Dir, opt.Progress, func(p *picture) error {
		return opened(p.path, func(f *os.File) error {
			c, err := header(f)
			p.h, p.w, p.grey = c.Height, c.Width, c.ColorModel == color.GrayModel || c.ColorModel == color.Gray16Model
			return err
		})
	})
	if err != nil {
		return 0, 0, err
	}
	h, w = all[0].h, all[0].w
	odd := slices.IndexFunc(all, func(p picture) bool { return p.h != h || p.w != w })
	switch {
	case odd >= 0 && opt.H == 0:
		return 0, 0, fmt.Errorf("%s is %dx%d and %s %dx%d; give one size for all", all[0].path, w, h, all[odd].path, all[odd].w, all[odd].h)
	case opt.H > 0 && (odd >= 0 || h*w > opt.H*opt.W):
		return opt.H, opt.W, nil
	}
	return h, w, nil
}

// room refuses images that the machine has no memory for, before they are decoded.
func room(all []picture, h, w int, dir string) error {
	c := 1
	if slices.ContainsFunc(all, func(p picture) bool { return !p.grey }) {
		c = 3
	}
	need := 2 * int64(len(all)) * int64(c) * int64(h) * int64(w) // twice while they are put together
	if free := machine.FreeMemory(); free > 0 && need > free {
		return fmt.Errorf("%s has %d images, which take %d bytes to read at %dx%d; %d are free: use fewer or smaller ones", dir, len(all), need, w, h, free)
	}
	return nil
}

// read decodes the picture and resizes it to h rows of w pixels.
func (p *picture) read(h, w int) error {
	return opened(p.path, func(f *os.File) error {
		decoded, err := decode(f)
		if err != nil {
			return err
		}
		size := decoded.Bounds().Size()
		p.pixels = planes(decoded)
		if size.Y != h || size.X != w {
			p.pixels = pillow.Bilinear{C: len(p.pixels) / (size.Y * size.X), InH: size.Y, InW: size.X, OutH: h, OutW: w}.Resize(p.pixels)
		}
		return nil
	})
}
