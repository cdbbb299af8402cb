package data

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"wgnin/gpu/machine"
)

// folder is the name of the dataset of the user's own pictures.
const folder = "folder"

// everyTest is the period of test images: without folders for training and test, every sixth image
// of a class is a test image, as in CIFAR-10.
const everyTest = 6

// ErrNoFolder reports that LoadOptions.Dir is not set for the set "folder".
var ErrNoFolder = errors.New("the dataset " + folder + " is pictures of your own, and nothing says where they are")

// ErrUnreadable reports pictures of a folder that cannot be read. LoadOptions.SkipBad leaves them
// out.
var ErrUnreadable = errors.New("cannot be read")

// readFolder reads a tree of pictures. It decodes them on all cores and keeps all their pixels in
// memory.
func readFolder(ctx context.Context, opt LoadOptions) (train, test *Images, err error) {
	if opt.Dir == "" {
		return nil, nil, ErrNoFolder
	}
	t, err := readTree(opt)
	if err != nil {
		return nil, nil, err
	}
	trains, tests := t.train, t.test
	switch {
	case t.split:
	case opt.OnlyTest && !opt.HeldOut:
		trains, tests = nil, t.train
	default:
		if trains, tests = splitEvery(t.train); opt.OnlyTest {
			trains = nil
		}
		if len(tests) == 0 {
			return nil, nil, fmt.Errorf("%s has fewer than %d images in every class, so none is left for the test",
				opt.Dir, everyTest)
		}
	}
	f := &folderReader{LoadOptions: opt, listing: t, all: append(trains, tests...)}
	if err := f.read(ctx); err != nil {
		return nil, nil, err
	}
	if !opt.OnlyTest {
		if train, err = f.join(f.all[:len(trains)], "training"); err != nil {
			return nil, nil, err
		}
	}
	if test, err = f.join(f.all[len(trains):], "the test"); err != nil {
		return nil, nil, err
	}
	f.tell(train, test)
	return train, test, nil
}

// splitEvery divides a sorted list into training and test images.
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

// size is the size of a picture in pixels.
type size struct{ w, h int }

// folderReader reads the pictures of a tree.
type folderReader struct {
	LoadOptions
	*listing
	all               []picture // training pictures, then test pictures
	c, h, w           int       // of all images of the set
	smallest, largest size      // by area
}

// read reads all pictures. If one cannot be read, it returns an error, unless SkipBad is set.
func (f *folderReader) read(ctx context.Context) error {
	err := f.each(ctx, "look through "+f.Dir, func(p *picture) error {
		return opened(p.path, func(file *os.File) error {
			h, err := readHeader(file)
			p.h, p.w, p.grey = h.h, h.w, h.grey
			return err
		})
	})
	if err != nil {
		return err
	}
	if err := f.chooseSize(); err != nil {
		return err
	}
	area := f.areaAtOnce(machine.FreeMemory())
	decoding := semaphore.NewWeighted(area)
	err = f.each(ctx, "read "+f.Dir, func(p *picture) error {
		own := min(area, int64(p.h)*int64(p.w))
		if err := decoding.Acquire(ctx, own); err != nil {
			return err
		}
		defer decoding.Release(own)
		return opened(p.path, func(file *os.File) error { return f.decode(p, file) })
	})
	if err != nil {
		return err
	}
	var bad, damaged []string
	for i := range f.all {
		p := &f.all[i]
		name, err := filepath.Rel(f.Dir, p.path)
		if err != nil {
			name = p.path
		}
		if strings.ContainsFunc(name, unicode.IsControl) {
			name = strconv.Quote(name)
		}
		f.c = max(f.c, len(p.seen)/(f.h*f.w))
		if p.err != nil {
			bad = append(bad, fmt.Sprintf("%s: %v", name, p.err))
		} else if p.damaged != "" {
			damaged = append(damaged, fmt.Sprintf("%s: %s", name, p.damaged))
		}
	}
	slices.Sort(bad)
	slices.Sort(damaged)
	if len(damaged) > 0 {
		f.note("%s: %d of %d pictures are damaged but were read: %s", f.Dir, len(damaged), len(f.all),
			someOf(damaged, "; "))
	}
	if len(bad) > 0 && !f.SkipBad {
		return fmt.Errorf("%s: %d of %d pictures %w: %s", f.Dir, len(bad), len(f.all), ErrUnreadable, someOf(bad, "; "))
	}
	if len(bad) > 0 {
		f.note("%s: %d of %d pictures cannot be read and are left out: %s", f.Dir, len(bad), len(f.all),
			someOf(bad, "; "))
	}
	return nil
}

// each calls do on all cores, for every picture without an error. An error of do is stored in the
// picture.
func (f *folderReader) each(ctx context.Context, doing string, do func(*picture) error) error {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range f.all {
		p := &f.all[i]
		if ctx.Err() != nil {
			break
		}
		if p.err == nil {
			g.Go(func() error {
				p.err = do(p)
				return nil
			})
		}
		if f.Progress != nil {
			f.Progress(LoadProgress{doing, int64(i + 1), int64(len(f.all)), "images"})
		}
	}
	_ = g.Wait() // never fails, because pictures keep their errors
	return ctx.Err()
}

// chooseSize sets the size of the set's images. It returns an error if the pictures differ in size
// and H is not set, or if the machine does not have enough memory.
func (f *folderReader) chooseSize() error {
	f.c = max(f.C, 1)
	odd := false // the sizes differ
	var first *picture
	for i := range f.all {
		p := &f.all[i]
		if p.err != nil {
			continue
		}
		is := size{p.w, p.h}
		if first == nil {
			first, f.smallest, f.largest = p, is, is
		}
		if is.w*is.h < f.smallest.w*f.smallest.h {
			f.smallest = is
		}
		if is.w*is.h > f.largest.w*f.largest.h {
			f.largest = is
		}
		if !odd && (p.h != first.h || p.w != first.w) {
			if odd = true; f.H == 0 {
				return fmt.Errorf("%s is %dx%d and %s is %dx%d; give one size for all", first.path, first.w, first.h,
					p.path, p.w, p.h)
			}
		}
	}
	if first == nil { // the pictures' errors say why
		f.h, f.w = 1, 1
		return nil
	}
	f.h, f.w = first.h, first.w
	if f.H > 0 && (odd || f.h*f.w > f.H*f.W) {
		f.h, f.w = f.H, f.W
	}
	return f.room()
}

// room returns an error if the machine does not have enough memory for the images. It is called
// before they are decoded.
func (f *folderReader) room() error {
	c := f.C
	if c == 0 {
		c = 1
		if slices.ContainsFunc(f.all, func(p picture) bool { return p.err == nil && !p.grey }) {
			c = 3
		}
	}
	need := f.need(c)
	if free := machine.FreeMemory(); free > 0 && need > free {
		return fmt.Errorf("%s has %d images, which take %d bytes to read at %dx%d; %d are free: use fewer or smaller ones", f.Dir, len(f.all), need, f.w, f.h, free)
	}
	return nil
}

// need returns the bytes that all images take with c channels, doubled because they are copied when
// the set is made.
func (f *folderReader) need(c int) int64 {
	return 2 * int64(len(f.all)) * int64(c) * int64(f.h) * int64(f.w)
}

// areaAtOnce returns the number of pixels that may be decoded at the same time: as many as fit the
// free memory, but at least those of the largest picture, which is then decoded alone.
func (f *folderReader) areaAtOnce(free int64) int64 {
	const each = 12 // bytes a pixel: for a JPEG with its coefficients or an image of 16 bits, and for the planes
	if free <= 0 {
		return maxArea
	}
	return min(maxArea, max(int64(f.largest.w)*int64(f.largest.h), (free-f.need(3))/each, 1))
}

// decode reads the picture's pixels.
func (f *folderReader) decode(p *picture, file *os.File) error {
	d, err := decode(file)
	if err != nil {
		return err
	}
	if f.C > 0 {
		if d.planes, err = channels(d.planes, d.h*d.w, f.C); err != nil {
			return err
		}
	}
	d.resize(f.h, f.w)
	p.seen, p.damaged = d.planes, d.damaged
	return nil
}

// join makes a set of the pictures that could be read. what names the set in errors.
func (f *folderReader) join(pictures []picture, what string) (*Images, error) {
	classes := make([]bool, len(f.classes)) // whether a class has a picture that could be read
	missing := make([]bool, len(f.classes)) // whether a class has a picture at all
	for _, p := range pictures {
		missing[p.label] = true
	}
	pictures = slices.DeleteFunc(pictures, func(p picture) bool { return p.err != nil })
	for _, p := range pictures {
		classes[p.label] = true
	}
	for label, name := range f.classes {
		if missing[label] && !classes[label] {
			return nil, fmt.Errorf("%s: no picture of the class %q for %s can be read", f.Dir, name, what)
		}
	}
	// In the sorted order, the first images would all be of one class.
	rand.New(rand.NewPCG(0, 0)).Shuffle(len(pictures), func(i, j int) {
		pictures[i], pictures[j] = pictures[j], pictures[i]
	})
	s := &Images{Name: folder, C: f.c, H: f.h, W: f.w, Classes: f.classes,
		Pixels: make([]uint8, 0, len(pictures)*f.c*f.h*f.w)}
	labels := make([]int, len(pictures))
	for i := range pictures {
		p := &pictures[i]
		labels[i] = p.label
		for range f.c * f.h * f.w / len(p.seen) { // repeats a grey image among coloured ones
			s.Pixels = append(s.Pixels, p.seen...)
		}
		p.seen = nil
	}
	s.SetLabels(labels...)
	return s, nil
}

func (f *folderReader) note(format string, args ...any) {
	if f.Note != nil {
		f.Note(fmt.Sprintf(format, args...))
	}
}

// tell reports what was read with Note.
func (f *folderReader) tell(train, test *Images) {
	if line := f.unusedLine(); line != "" {
		f.note("%s: not used: %s", f.Dir, line)
	}
	sizes := fmt.Sprintf("%dx%d", f.smallest.w, f.smallest.h)
	if f.largest != f.smallest {
		sizes += fmt.Sprintf(" to %dx%d", f.largest.w, f.largest.h)
	}
	if net := (size{f.W, f.H}); f.H > 0 && (f.smallest != net || f.largest != net) {
		sizes += fmt.Sprintf(", resized to %dx%d (width x height)", f.W, f.H)
	}
	how := ""
	switch {
	case f.OnlyTest && f.split:
		how = "test pictures"
	case f.OnlyTest && f.HeldOut:
		how = "test pictures (every sixth of a class)"
	case f.OnlyTest:
		how = "pictures (all, because the folder has no split)"
	case f.split:
		how = "to test on"
	default:
		how = "to test on (every sixth of a class)"
	}
	if train != nil {
		how = fmt.Sprintf("pictures to train on and %d %s", test.Len(), how)
		f.note("%s: %d classes, %d %s, of %s", f.Dir, len(f.classes), train.Len(), how, sizes)
		return
	}
	f.note("%s: %d classes, %d %s, of %s", f.Dir, len(f.classes), test.Len(), how, sizes)
}
