package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
)

// maxFile is the maximum number of bytes that are read of an image file. An image of maxArea pixels
// needs fewer.
const maxFile = 1 << 30

// pixels decodes the image in a file. It also reads damaged files that Pillow reads, and then
// describes the damage.
func pixels(r io.ReadSeeker, format string) (img image.Image, damaged string, err error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, "", err
	}
	img, _, err = image.Decode(r)
	if err == nil {
		return img, "", nil
	}
	if _, seekErr := r.Seek(0, io.SeekStart); seekErr != nil {
		return nil, "", seekErr
	}
	file, readErr := io.ReadAll(io.LimitReader(r, maxFile))
	if readErr != nil {
		return nil, "", readErr
	}
	var unsupported jpeg.UnsupportedError
	switch {
	case format == "png":
		if file, damaged = mendPNG(file); damaged != "" {
			img, err = png.Decode(bytes.NewReader(file))
		}
	case format == "jpeg" && errors.Is(err, io.ErrUnexpectedEOF):
		damaged = "its end is missing"
		img, err = jpeg.Decode(io.MultiReader(bytes.NewReader(file), bytes.NewReader([]byte{0xff, 0xd9})))
	case format == "jpeg" && errors.As(err, &unsupported):
		if plain, plainErr := plainCMYK(file); plainErr == nil {
			return plain, "", nil
		}
	case format == "jpeg" && progressiveRestarts(file):
		return nil, "",
			fmt.Errorf("a progressive JPEG with restart markers, which is not read (%w): jpegtran or ImageMagick can convert it", err)
	}
	if err != nil {
		return nil, "", unreadable(r, format, err)
	}
	return img, damaged, nil
}

// plainCMYK decodes a JPEG file of four colours without Adobe's marker. Go's decoder requires the
// marker; Pillow reads such files as if they had it.
func plainCMYK(file []byte) (image.Image, error) {
	adobe := []byte{0xff, 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0}
	return jpeg.Decode(io.MultiReader(bytes.NewReader(file[:2]), bytes.NewReader(adobe), bytes.NewReader(file[2:])))
}

// progressiveRestarts reports whether a JPEG file is progressive and has restart markers, which
// Go's decoder counts wrongly in scans of one component.
func progressiveRestarts(file []byte) bool {
	const sof2, dri, sos = 0xc2, 0xdd, 0xda
	progressive, restarts := false, false
	for at := 2; at+6 <= len(file) && file[at] == 0xff &&
		file[at+1] != sos; at += 2 + int(binary.BigEndian.Uint16(file[at+2:])) {
		switch file[at+1] {
		case sof2:
			progressive = true
		case dri:
			restarts = binary.BigEndian.Uint16(file[at+4:]) > 0
		}
	}
	return progressive && restarts
}

// mendPNG repairs the checksums and the end of a PNG file, and describes what was wrong. The pixels
// have their own checksum, from zlib, which the decoder still checks.
func mendPNG(file []byte) (mended []byte, damaged string) {
	const magic, around, end = 8, 12, "IEND"
	at := magic
	for at+around <= len(file) {
		n := int64(binary.BigEndian.Uint32(file[at:]))
		if int64(len(file)-at) < around+n {
			return file, damaged
		}
		body := file[at+4 : at+8+int(n)]
		sum := file[at+8+int(n):][:4]
		if want := crc32.ChecksumIEEE(body); want != binary.BigEndian.Uint32(sum) {
			binary.BigEndian.PutUint32(sum, want)
			damaged = "a checksum is wrong"
		}
		if string(body[:4]) == end {
			return file, damaged
		}
		at += around + int(n)
	}
	last := append([]byte{0, 0, 0, 0}, end...)
	return append(append(file[:min(at, len(file))], last...),
		binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(end)))...), "its end is missing"
}

// unreadable explains why an image cannot be read. format is "" if it is unknown.
func unreadable(r io.ReadSeeker, format string, err error) error {
	start := make([]byte, 12)
	_, seekErr := r.Seek(0, io.SeekStart)
	n, readErr := io.ReadFull(r, start)
	start = start[:n]
	var unsupported jpeg.UnsupportedError
	switch {
	case seekErr == nil && errors.Is(readErr, io.EOF):
		return errors.New("the file is empty")
	case format == "" && len(start) == 12 && string(start[4:8]) == "ftyp":
		return errors.New("a HEIC, AVIF or video file, which is not read: ImageMagick can convert it to PNG")
	case errors.As(err, &unsupported):
		return fmt.Errorf("a JPEG image of a kind that is not read (%w): ImageMagick can convert it to PNG", err)
	}
	if format != "" {
		return fmt.Errorf("a %s image that is cut short, damaged or of a kind that is not read (%w)",
			strings.ToUpper(format), err)
	}
	return errors.New("not a PNG, JPEG or GIF image, nor WebP, BMP or TIFF")
}
