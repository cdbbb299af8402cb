package data

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/jpeg" // for image.Decode
	_ "image/png"  // for image.Decode
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"wgnin/shaders/input"
)

// folder is the name of the data set that is the user's own files.
const folder = "folder"

const (
	// maxClasses is what a label of one byte tells apart.
	maxClasses = 256

	// maxArea limits the pixels of one image, because the decoders take the memory that a header asks for.
	maxArea = 1 << 27

	// everyTest: without folders for training and test, each sixth image of a class is for the test, which is the
	// split of Fashion-MNIST and CIFAR-10.
	everyTest = 6
)

// picture is a file of a folder.
type picture struct {
	path   string
	label  uint8
	h, w   int
	pixels []uint8 // [C,H,W] as it will be in Images, but C is 1 for an image that is grey
}

// readFolder reads a tree of images. The pixels of all are in memory once decoded; they are decoded on all cores.
func readFolder(ctx context.Context, opt Options) (train, test *Images, err error) {
	if opt.Dir == "" {
		return nil, nil, errors.New("the data set folder is files of your own: give their folder with -data")
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
	err = each(ctx, all, "read "+opt.Dir, opt.Progress, func(p *picture) error { return p.read(h, w) })
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
			var err error
			p.h, p.w, err = size(f)
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

// read decodes the picture and resizes it to h rows of w pixels.
func (p *picture) read(h, w int) error {
	return opened(p.path, func(f *os.File) error {
		decoded, _, err := image.Decode(f)
		if err != nil {
			return unreadable(err)
		}
		p.pixels = planes(decoded)
		c := input.Config{C: len(p.pixels) / (p.h * p.w), InH: p.h, InW: p.w, OutH: h, OutW: w}
		if p.h != h || p.w != w {
			p.pixels = c.Resize(p.pixels)
		}
		return nil
	})
}

func opened(path string, read func(*os.File) error) error {
	f, err := os.Open(path)
	if err != nil {
		return errors.Unwrap(err) // without the path, which the caller adds
	}
	defer f.Close()
	return read(f)
}

// size reads an image's header.
func size(f *os.File) (h, w int, err error) {
	c, _, err := image.DecodeConfig(f)
	if err != nil {
		return 0, 0, unreadable(err)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxArea/c.Height {
		return 0, 0, fmt.Errorf("%dx%d pixels; want 1 to %d", c.Width, c.Height, maxArea)
	}
	return c.Height, c.Width, nil
}

func unreadable(err error) error {
	return fmt.Errorf("not a PNG, JPEG or GIF image, or cut short or damaged (%w)", err)
}

// planes gives an image's pixels as [C,H,W], C being 1 if red, green and blue are everywhere the same, else 3. Like
// torchvision's ImageFolder it takes the colours as they are, whatever their alpha; of 16 bits it takes the upper 8.
func planes(img image.Image) []uint8 {
	b := img.Bounds()
	n := b.Dx() * b.Dy()
	var rgba []uint8
	if o, ok := img.(interface{ Opaque() bool }); ok && o.Opaque() {
		dst := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
		draw.Draw(dst, dst.Rect, img, b.Min, draw.Src) // fast, but would multiply the colours by alpha
		rgba = dst.Pix
	} else {
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				c, ok := img.At(x, y).(color.NRGBA64)
				if !ok {
					c8 := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
					rgba = append(rgba, c8.R, c8.G, c8.B, c8.A)
					continue
				}
				rgba = append(rgba, uint8(c.R>>8), uint8(c.G>>8), uint8(c.B>>8), uint8(c.A>>8))
			}
		}
	}
	p := make([]uint8, 3*n)
	grey := true
	for i := range n {
		r, g, b := rgba[4*i], rgba[4*i+1], rgba[4*i+2]
		p[i], p[n+i], p[2*n+i] = r, g, b
		grey = grey && r == g && r == b
	}
	if grey {
		return slices.Clone(p[:n])
	}
	return p
}
