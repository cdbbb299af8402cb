package data

import (
	"bytes"
	"io"

	"github.com/bep/imagemeta"
	"golang.org/x/image/riff"
)

// orientation returns the EXIF orientation of an image, 1 to 8. It returns 1, which is upright, if
// the file has none or an invalid one.
func orientation(r io.ReadSeeker, format string) int {
	formats := map[string]imagemeta.ImageFormat{"jpeg": imagemeta.JPEG, "png": imagemeta.PNG, "tiff": imagemeta.TIFF}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return 1
	}
	if format == "webp" {
		r, format = exifOfWebP(r), "tiff"
	}
	f, ok := formats[format]
	if !ok {
		return 1
	}
	found := 1
	// Damaged EXIF does not make a picture unreadable.
	_ = imagemeta.Decode(imagemeta.Options{
		R: r, ImageFormat: f, Sources: imagemeta.EXIF,
		ShouldHandleTag: func(tag imagemeta.TagInfo) bool {
			return tag.Tag == "Orientation" && tag.Namespace == "IFD0"
		},
		HandleTag: func(tag imagemeta.TagInfo) error {
			if o, ok := tag.Value.(uint16); ok && o >= 1 && o <= 8 {
				found = int(o)
			}
			return imagemeta.ErrStopWalking
		},
	})
	return found
}

// exifOfWebP returns the EXIF data of a WebP file, which have the form of a TIFF file. The library
// misses them after a chunk with an odd number of bytes.
func exifOfWebP(file io.Reader) io.ReadSeeker {
	const most = 1 << 16 // bytes of EXIF, as in a JPEG
	_, chunks, err := riff.NewReader(file)
	for err == nil {
		var id riff.FourCC
		var n uint32
		var chunk io.Reader
		if id, n, chunk, err = chunks.Next(); err == nil && id == (riff.FourCC{'E', 'X', 'I', 'F'}) && n <= most {
			exif, _ := io.ReadAll(chunk)
			return bytes.NewReader(bytes.TrimPrefix(exif, []byte("Exif\x00\x00")))
		}
	}
	return bytes.NewReader(nil)
}
