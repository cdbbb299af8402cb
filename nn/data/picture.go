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

	_ "golang.org/x/image/bmp"  // for image.Decode
	_ "golang.org/x/image/tiff" // for image.Decode
	_ "golang.org/x/image/webp" // for image.Decode

	"wgnin/shaders/input/pillow"
)

// maxArea limits the pixels of images that are decoded at a time, because the decoders take the
// memory that a header asks for: up to eight bytes a pixel.
const maxArea = 1 << 26

// ReadImage reads a PNG, JPEG, GIF, WebP, BMP or TIFF file, of an animation the first frame, as a
// set of one image of its own size, with label 0 and no classes, in c channels. It is how every
// image file becomes a network's input, also those of the set "folder":
//
//   - Colours become grey as Pillow's convert("L") makes them, and grey is every colour.
//   - What is transparent is seen on white. (torchvision drops alpha, which makes every black
//     drawing on a transparent ground the same black picture.)
//   - The picture is turned as its EXIF orientation says. (torchvision leaves it as it lies in the
//     file.)
//   - Of 16 bits the upper 8 count. (Pillow cuts grey of 16 bits off at 255.)
//   - Nothing is cut off.
//
// An opaque, upright picture of 8 bits has torchvision's pixels if its format loses nothing.
// Those of a JPEG differ by a few levels, as decoders do. If the file has fewer pixels of
// colour than of light (4:2:0 or 4:2:2, as most have), they differ by up to 80 levels where
// colour changes sharply: libjpeg smoothes the colour, and Go's decoder repeats it. The same
// holds for WebP that is not lossless.
//
// A file whose pixels are all there is read even if its end or a checksum is wrong.
func ReadImage(path string, c int) (s *Images, err error) {
	err = opened(path, func(f *os.File) error {
		d, err := decode(f)
		if err == nil {
			s, err = d.set(c)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("data: %s: %w", path, err)
	}
	return s, nil
}

// FromImage makes a set of one image, of its own size, with label 0 and no classes, in c
// channels, as [ReadImage] makes it of a file: to the same bytes as the file that img was decoded
// from, if that has no EXIF orientation. An [image.Image] carries none, so a picture that EXIF
// would turn must be turned before.
//
// Errors: an image of no pixels or of more than 2^26; a number of channels other than 1 and 3.
func FromImage(img image.Image, c int) (*Images, error) {
	d, err := seen(img)
	if err != nil {
		return nil, fmt.Errorf("data: image: %w", err)
	}
	s, err := d.set(c)
	if err != nil {
		return nil, fmt.Errorf("data: image: %w", err)
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

// decoded is an image as it is seen.
type decoded struct {
	h, w    int
	planes  []uint8 // [C,h,w]; C is 1 if red, green and blue are everywhere the same, else 3
	damaged string  // what is wrong with the file, if it can be read all the same
}

// decode decodes an image whose header promises no more than maxArea pixels.
func decode(r io.ReadSeeker) (decoded, error) {
	h, err := readHeader(r)
	if err != nil {
		return decoded{}, err
	}
	img, damaged, err := pixels(r, h.format)
	if err != nil {
		return decoded{}, err
	}
	d, err := seen(img) // the frame of a GIF has a size of its own
	if err != nil {
		return decoded{}, err
	}
	d.damaged = damaged
	d.turn(h.orientation)
	return d, nil
}

// seen is an image as it is seen if nothing says that it must be turned.
func seen(img image.Image) (decoded, error) {
	if img == nil {
		return decoded{}, errors.New("it is nil")
	}
	b := img.Bounds()
	if b.Empty() || b.Dx() > maxArea/b.Dy() {
		return decoded{}, fmt.Errorf("%dx%d pixels; want 1 to %d", b.Dx(), b.Dy(), maxArea)
	}
	return decoded{h: b.Dy(), w: b.Dx(), planes: planes(img)}, nil
}

// set is the picture as a set of one, in c channels.
func (d *decoded) set(c int) (*Images, error) {
	pixels, err := channels(d.planes, d.w*d.h, c)
	if err != nil {
		return nil, err
	}
	return &Images{C: c, H: d.h, W: d.w, Pixels: pixels, Labels: []uint8{0}}, nil
}

// header is what an image says of itself.
type header struct {
	format      string // as [image.Decode] calls it
	h, w        int    // as it is seen
	grey        bool
	orientation int // EXIF's, 1 to 8
}

// readHeader reads an image's header.
func readHeader(r io.ReadSeeker) (header, error) {
	c, format, err := image.DecodeConfig(r)
	if err != nil {
		return header{}, unreadable(r, format, err)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxArea/c.Height {
		return header{}, fmt.Errorf("%dx%d pixels; want 1 to %d: make it smaller", c.Width, c.Height, maxArea)
	}
	h := header{format, c.Height, c.Width, c.ColorModel == color.GrayModel || c.ColorModel == color.Gray16Model,
		orientation(r, format)}
	if h.orientation >= 5 {
		h.h, h.w = h.w, h.h
	}
	return h, nil
}

// turn makes the picture upright.
func (d *decoded) turn(orientation int) {
	if orientation == 1 {
		return
	}
	h, w := d.h, d.w
	if orientation >= 5 {
		h, w = w, h
	}
	// Exif 2.3, tag 274. The rows of the file are seen from the bottom up or, as columns, from
	// right to left; and its columns from right to left or, as rows, from the bottom up.
	backRows := slices.Contains([]int{3, 4, 6, 7}, orientation)
	backColumns := slices.Contains([]int{2, 3, 7, 8}, orientation)
	n := h * w
	to := make([]uint8, len(d.planes))
	for row := range d.h {
		for column := range d.w {
			y, x := row, column
			if backRows {
				y = d.h - 1 - row
			}
			if backColumns {
				x = d.w - 1 - column
			}
			if orientation >= 5 {
				y, x = x, y
			}
			for c := 0; c < len(to); c += n {
				to[c+y*w+x] = d.planes[c+row*d.w+column]
			}
		}
	}
	d.h, d.w, d.planes = h, w, to
}

// resize gives the picture h rows of w pixels, as the device would do it later, to the same bits.
func (d *decoded) resize(h, w int) {
	if d.h != h || d.w != w {
		d.planes = pillow.Bilinear{C: len(d.planes) / (d.h * d.w), InH: d.h, InW: d.w, OutH: h,
			OutW: w}.Resize(d.planes)
		d.h, d.w = h, w
	}
}

// planes gives an image's pixels on white, as [C,H,W], C being 1 if red, green and blue are
// everywhere the same, else 3.
func planes(img image.Image) []uint8 {
	b := img.Bounds()
	n := b.Dx() * b.Dy()
	o, ok := img.(interface{ Opaque() bool })
	opaque := ok && o.Opaque()
	rgba := image.NewRGBA(image.Rect(0, 0, b.Dx(), 1)) // a row
	p := make([]uint8, 3*n)
	grey := true
	for y := range b.Dy() {
		op := draw.Src
		if !opaque {
			draw.Draw(rgba, rgba.Rect, image.White, image.Point{}, draw.Src)
			op = draw.Over
		}
		draw.Draw(rgba, rgba.Rect, img, image.Pt(b.Min.X, b.Min.Y+y), op)
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

// channels turns the planes of n pixels, 1 or 3, into c.
func channels(planes []uint8, n, c int) ([]uint8, error) {
	switch {
	case len(planes) == c*n:
		return planes, nil
	case c == 1:
		grey := make([]uint8, n)
		for i := range grey { // Pillow's L24, in Convert.c
			grey[i] = uint8((19595*uint32(planes[i]) + 38470*uint32(planes[n+i]) + 7471*uint32(planes[2*n+i]) +
				1<<15) >> 16)
		}
		return grey, nil
	case c == 3:
		return append(append(append([]uint8{}, planes...), planes...), planes...), nil
	}
	return nil, fmt.Errorf("it has colours or is grey; the network takes %d channels", c)
}
