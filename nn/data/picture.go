package data

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/gif"  // for image.Decode
	_ "image/jpeg" // for image.Decode
	_ "image/png"  // for image.Decode
	"io"
	"os"
	"slices"
)

// maxArea limits the pixels of images that are decoded at a time, because the decoders take the memory that a header
// asks for: up to eight bytes a pixel.
const maxArea = 1 << 26

// ReadImage reads a PNG, JPEG or GIF file, of an animation the first frame, as a set of one image of its own size, with
// label 0 and no classes, in c channels. It is how every image file becomes a network's input: colours become grey as
// Pillow's convert("L") makes them, and grey is every colour. Like torchvision it takes the colours as they are, whatever
// their alpha; of 16 bits it takes the upper 8. Nothing is cut off.
func ReadImage(path string, c int) (*Images, error) {
	s := &Images{C: c, Labels: []uint8{0}}
	err := opened(path, func(f *os.File) error {
		img, err := decode(f)
		if err != nil {
			return err
		}
		s.W, s.H = img.Bounds().Dx(), img.Bounds().Dy()
		s.Pixels, err = channels(planes(img), s.W*s.H, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("data: %s: %w", path, err)
	}
	return s, nil
}

func opened(path string, read func(*os.File) error) error {
	f, err := os.Open(path)
	if err != nil {
		return errors.Unwrap(err) // without the path, which the caller adds
	}
	defer f.Close()
	return read(f)
}

// decode decodes an image whose header promises no more than maxArea pixels.
func decode(r io.ReadSeeker) (image.Image, error) {
	if _, err := header(r); err != nil {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	img, _, err := image.Decode(r)
	if err != nil {
		return nil, unreadable(err)
	}
	if img.Bounds().Empty() { // the frame of a GIF has a size of its own
		return nil, errors.New("has no pixels")
	}
	return img, nil
}

// header reads an image's header.
func header(r io.Reader) (image.Config, error) {
	c, _, err := image.DecodeConfig(r)
	if err != nil {
		return c, unreadable(err)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxArea/c.Height {
		return c, fmt.Errorf("%dx%d pixels; want 1 to %d", c.Width, c.Height, maxArea)
	}
	return c, nil
}

func unreadable(err error) error {
	return fmt.Errorf("not a PNG, JPEG or GIF image, or cut short or damaged (%w)", err)
}

// planes gives an image's pixels as [C,H,W], C being 1 if red, green and blue are everywhere the same, else 3. Like
// torchvision's ImageFolder it takes the colours as they are, whatever their alpha; of 16 bits it takes the upper 8.
func planes(img image.Image) []uint8 {
	b := img.Bounds()
	n := b.Dx() * b.Dy()
	o, ok := img.(interface{ Opaque() bool })
	opaque := ok && o.Opaque()
	rgba := image.NewRGBA(image.Rect(0, 0, b.Dx(), 1)) // a row
	p := make([]uint8, 3*n)
	grey := true
	for y := range b.Dy() {
		if opaque {
			draw.Draw(rgba, rgba.Rect, img, image.Pt(b.Min.X, b.Min.Y+y), draw.Src) // fast, but would multiply the colours by alpha
		} else {
			straight(rgba.Pix, img, b.Min.X, b.Min.Y+y)
		}
		for x := range b.Dx() {
			i, r, g, b := y*b.Dx()+x, rgba.Pix[4*x], rgba.Pix[4*x+1], rgba.Pix[4*x+2]
			p[i], p[n+i], p[2*n+i] = r, g, b
			grey = grey && r == g && r == b
		}
	}
	if grey {
		return slices.Clone(p[:n])
	}
	return p
}

// straight puts the colours of a row of img, from x on, into rgba, not multiplied by alpha.
func straight(rgba []uint8, img image.Image, x, y int) {
	for ; len(rgba) > 0; x, rgba = x+1, rgba[4:] {
		if c, ok := img.At(x, y).(color.NRGBA64); ok {
			rgba[0], rgba[1], rgba[2] = uint8(c.R>>8), uint8(c.G>>8), uint8(c.B>>8)
			continue
		}
		c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
		rgba[0], rgba[1], rgba[2] = c.R, c.G, c.B
	}
}

// channels turns the planes of n pixels, 1 or 3, into c.
func channels(planes []uint8, n, c int) ([]uint8, error) {
	switch {
	case len(planes) == c*n:
		return planes, nil
	case c == 1:
		grey := make([]uint8, n)
		for i := range grey { // Pillow's L24, in Convert.c
			grey[i] = uint8((19595*uint32(planes[i]) + 38470*uint32(planes[n+i]) + 7471*uint32(planes[2*n+i]) + 1<<15) >> 16)
		}
		return grey, nil
	case c == 3:
		return append(append(append([]uint8{}, planes...), planes...), planes...), nil
	}
	return nil, fmt.Errorf("it has colours or is grey; the network takes %d channels", c)
}
