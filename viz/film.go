package viz

import (
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"io"

	"github.com/soniakeys/quant/median"
)

// Film collects pictures, such as those that [Scene.Image] draws, for a GIF. For each picture it
// stores only the rectangle that differs from the previous picture, with a palette of its own. The
// zero Film is empty.
type Film struct {
	gif  gif.GIF
	last *image.RGBA
}

// Add appends a picture, which is shown for delay hundredths of a second. All pictures must have
// the size of the first.
func (f *Film) Add(img *image.RGBA, delay int) {
	changed := img.Bounds()
	if f.last != nil {
		changed = difference(f.last, img)
	}
	if changed.Empty() && len(f.gif.Delay) > 0 {
		f.gif.Delay[len(f.gif.Delay)-1] += delay
		return
	}
	part := img.SubImage(changed).(*image.RGBA)
	palette := median.Quantizer(255).Quantize(make(color.Palette, 0, 255), part)
	same := uint8(len(palette))
	to := image.NewPaletted(changed, append(palette, color.RGBA{})) // the last colour is transparent
	index := map[color.RGBA]uint8{}
	for y := changed.Min.Y; y < changed.Max.Y; y++ {
		for x := changed.Min.X; x < changed.Max.X; x++ {
			c := img.RGBAAt(x, y)
			if f.last != nil && f.last.RGBAAt(x, y) == c {
				to.SetColorIndex(x, y, same)
				continue
			}
			i, ok := index[c]
			if !ok {
				i = uint8(palette.Index(c))
				index[c] = i
			}
			to.SetColorIndex(x, y, i)
		}
	}
	f.gif.Image = append(f.gif.Image, to)
	f.gif.Delay = append(f.gif.Delay, delay)
	f.gif.Disposal = append(f.gif.Disposal, gif.DisposalNone)
	f.last = image.NewRGBA(img.Bounds())
	draw.Draw(f.last, f.last.Bounds(), img, img.Bounds().Min, draw.Src)
}

// difference returns the smallest rectangle outside which two pictures of one size are equal.
func difference(a, b *image.RGBA) (r image.Rectangle) {
	for y := a.Rect.Min.Y; y < a.Rect.Max.Y; y++ {
		for x := a.Rect.Min.X; x < a.Rect.Max.X; x++ {
			if a.RGBAAt(x, y) != b.RGBAAt(x, y) {
				r = r.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return r
}

// ErrNoPictures reports a film without pictures.
var ErrNoPictures = errors.New("the film has no pictures")

// Encode writes the film to w as a GIF that loops forever. It returns [ErrNoPictures] if the film
// is empty.
func (f *Film) Encode(w io.Writer) error {
	if len(f.gif.Image) == 0 {
		return ErrNoPictures
	}
	return gif.EncodeAll(w, &f.gif)
}
