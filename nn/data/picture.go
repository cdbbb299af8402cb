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

// maxArea limits the number of pixels that are decoded at the same time, because the decoders
// allocate the memory that a header asks for: up to eight bytes a pixel.
const maxArea = 1 << 26

// ReadImage reads a PNG, JPEG, GIF, WebP, BMP or TIFF file. Of an animation, it reads the first
// frame. It returns a set of one image of the file's size, with label 0 and no classes, in c
// channels, 1 or 3. Every image file becomes a network's input in this way, including those of the
// set "folder":
//
//   - Colours become grey as Pillow's convert("L") makes them, and grey is every colour.
//   - What is transparent is seen on white. (torchvision drops alpha, which makes every black
//     drawing on a transparent ground the same black picture.)
//   - The picture is turned as its EXIF orientation says. (torchvision leaves it as it lies in the
//     file.)
//   - Of 16 bits the upper 8 count. (Pillow cuts grey of 16 bits off at 255.)
//   - Nothing is cut off.
//
// An opaque, upright picture of 8 bits in a lossless format has the same pixels as in torchvision.
// Those of a JPEG differ by a few levels, as decoders do. If its colour has a lower resolution
// (4:2:0 or 4:2:2, as in most files), they differ by up to 80 levels at sharp changes of colour,
// because libjpeg interpolates the colour and Go's decoder repeats it. The same holds for lossy
// WebP.
//
// A file that contains all pixels is read even if its end is missing or a checksum is wrong. Errors
// name the file.
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

// FromImage returns a set of one image, with img's size, label 0 and no classes, in c channels. The
// bytes are the same as those that [ReadImage] returns for the file from which img was decoded, if
// that has no EXIF orientation. An [image.Image] has no orientation, so the caller must turn it
// upright.
//
// Errors: an image without pixels or with more than 2^26; a number of channels other than 1 and 3.
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

// decoded is an image as it is displayed.
type decoded struct {
	h, w    int
	planes  []uint8 // [C,h,w]; C is 1 if red, green and blue are equal in all pixels, else 3
	damaged string  // describes the damage of a file that could be read
}

// decode decodes an image. It returns an error if the header announces more than maxArea pixels.
func decode(r io.ReadSeeker) (decoded, error) {
	h, err := readHeader(r)
	if err != nil {
		return decoded{}, err
	}
	img, damaged, err := pixels(r, h.format)
	if err != nil {
		return decoded{}, err
	}
	d, err := seen(img) // checks the size again, because the frame of a GIF has its own
	if err != nil {
		return decoded{}, err
	}
	d.damaged = damaged
	d.turn(h.orientation)
	return d, nil
}

// seen converts an image that is upright.
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

// set returns the picture as a set of one image in c channels.
func (d *decoded) set(c int) (*Images, error) {
	pixels, err := channels(d.planes, d.w*d.h, c)
	if err != nil {
		return nil, err
	}
	return &Images{C: c, H: d.h, W: d.w, Pixels: pixels, Labels: []uint8{0}}, nil
}

// header is the header of an image file.
type header struct {
	format      string // the name that [image.Decode] returns
	h, w        int    // as displayed
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

// turn turns the picture upright.
func (d *decoded) turn(orientation int) {
	if orientation == 1 {
		return
	}
	h, w := d.h, d.w
	if orientation >= 5 {
		h, w = w, h
	}
	// See Exif 2.3, tag 274. The file's rows are displayed from bottom to top or, as columns, from
	// right to left. Its columns are displayed from right to left or, as rows, from bottom to top.
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

// resize resizes the picture to h rows of w pixels, with the same bits as the device's resizing.
func (d *decoded) resize(h, w int) {
	if d.h != h || d.w != w {
		d.planes = pillow.Bilinear{C: len(d.planes) / (d.h * d.w), InH: d.h, InW: d.w, OutH: h,
			OutW: w}.Resize(d.planes)
		d.h, d.w = h, w
	}
}

// planes returns an image's pixels on a white background as [C,H,W]. C is 1 if red, green and blue
// are equal in all pixels, else 3.
func planes(img image.Image) []uint8 {
	b := img.Bounds()
	n := b.Dx() * b.Dy()
	o, ok := img.(interface{ Opaque() bool })
	opaque := ok && o.Opaque()
	rgba := image.NewRGBA(image.Rect(0, 0, b.Dx(), 1)) // one row
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

// channels converts n pixels in 1 or 3 planes to c channels.
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
	return nil, fmt.Errorf("an image has 1 or 3 channels; the network takes %d channels", c)
}
