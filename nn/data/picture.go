package data

import (
	"fmt"
	"image"
	_ "image/gif" // for image.Decode
	"io"
	"os"
)

// ReadImage reads a PNG, JPEG or GIF file (of an animation the first frame) as a set of one image of its own size, with
// label 0 and no classes, in c channels: colours become grey as Pillow's convert("L") makes them, and grey is every
// colour. Like torchvision it takes the colours as they are, whatever their alpha; of 16 bits it takes the upper 8.
func ReadImage(path string, c int) (*Images, error) {
	var s *Images
	err := opened(path, func(f *os.File) error {
		h, w, err := size(f)
		if err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		decoded, _, err := image.Decode(f)
		if err != nil {
			return unreadable(err)
		}
		s = &Images{C: c, H: h, W: w, Labels: []uint8{0}}
		s.Pixels, err = channels(planes(decoded), h*w, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("data: %s: %w", path, err)
	}
	return s, nil
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
