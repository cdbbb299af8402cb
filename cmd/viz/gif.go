package main

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/gif"

	"github.com/soniakeys/quant/median"

	"wgnin/nn/files"
)

// film is a GIF in the making. Of each picture it keeps what is different from
// the one before, in a palette of its own.
type film struct {
	gif  gif.GIF
	last *image.RGBA
}

// add appends a picture that is shown for delay hundredths of a second.
func (f *film) add(img *image.RGBA, delay int) {
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
	to := image.NewPaletted(changed, append(palette, color.RGBA{})) // the last: what was there stays
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

// difference is where pictures of one size differ.
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

// write writes the film at path, whole or not at all.
func (f *film) write(path string) error {
	if len(f.gif.Image) == 0 {
		return errors.New("-record: no step was left to train, so there is nothing to film")
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &f.gif); err != nil {
		return err
	}
	return files.Write(path, b.Bytes())
}
