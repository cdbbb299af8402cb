package viz

import (
	"errors"
	"image/color"

	"gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"
)

// The colours of everything but the maps.
var (
	background = color.RGBA{17, 19, 23, 255}
	raised     = color.RGBA{27, 30, 36, 255} // of bars and lists
	chosen     = color.RGBA{44, 52, 66, 255}
	line       = color.RGBA{58, 63, 73, 255}
	faint      = color.RGBA{120, 127, 140, 255}
	text       = color.RGBA{205, 210, 218, 255}
	bright     = color.RGBA{250, 251, 253, 255}
	blue       = color.RGBA{92, 169, 255, 255}
	green      = color.RGBA{104, 200, 130, 255}
	purple     = color.RGBA{214, 122, 240, 255}
	orange     = color.RGBA{245, 166, 80, 255}
)

// packed returns c as a pixel of the frame.
func packed(c color.RGBA) uint32 {
	return uint32(c.R) | uint32(c.G)<<8 | uint32(c.B)<<16 | uint32(c.A)<<24
}

// levels is the number of colours of a colour map.
const levels = 256

// colourMap is a pair of perceptually uniform colour maps (Moreland 2009 and 2016): a sequential
// one, for values from the smallest to the largest, and a diverging one, for values on both sides
// of zero.
type colourMap struct {
	name                string
	sequential, twoSide palette.ColorMap
}

// colourMaps returns the colour maps that a key cycles through. Zero is dark in the first, like the
// background, and light in the second, like paper.
func colourMaps() ([]colourMap, error) {
	// The luminance changes evenly on both sides. Moreland's own diverging maps are light at zero.
	zero := color.RGBA{24, 26, 30, 255}
	negative,
		err1 := moreland.NewLuminance([]color.Color{zero, color.RGBA{36, 96, 196, 255}, color.RGBA{150, 208, 255, 255}})
	positive,
		err2 := moreland.NewLuminance([]color.Color{zero, color.RGBA{196, 70, 30, 255}, color.RGBA{255, 206, 140, 255}})
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return []colourMap{
		{"Kindlmann", moreland.Kindlmann(), twoSided{nil, negative, positive}},
		{"black body", moreland.BlackBody(), moreland.SmoothBlueRed()},
		{"extended Kindlmann", moreland.ExtendedKindlmann(), moreland.SmoothGreenPurple()},
		{"grey", grey{}, grey{}},
	}, nil
}

// palettes holds the colour maps as the device reads them: for each map, levels pixels of the
// sequential one, and then as many of the diverging one.
type palettes struct {
	names []string
	words []uint32
}

func newPalettes() (palettes, error) {
	var ps palettes
	maps, err := colourMaps()
	if err != nil {
		return ps, err
	}
	for _, m := range maps {
		ps.names = append(ps.names, m.name)
		for _, c := range []palette.ColorMap{m.sequential, m.twoSide} {
			c.SetMin(0)
			c.SetMax(1)
			for i := range levels {
				at, err := c.At(float64(i) / (levels - 1))
				if err != nil {
					return ps, err
				}
				ps.words = append(ps.words, packed(color.RGBAModel.Convert(at).(color.RGBA)))
			}
		}
	}
	return ps, nil
}

// greys is the index of the grey map, which draws the input.
const greys = 3

// first returns the index of the word at which the colours of map i begin.
func (palettes) first(i int, twoSide bool) uint32 {
	i *= 2
	if twoSide {
		i++
	}
	return uint32(i * levels)
}

// colour returns a level of a colour map.
func (ps palettes) colour(i int, twoSide bool, level int) color.RGBA {
	w := ps.words[int(ps.first(i, twoSide))+level]
	return color.RGBA{uint8(w), uint8(w >> 8), uint8(w >> 16), uint8(w >> 24)}
}

// grey is the colour map from black to white.
type grey struct{ palette.ColorMap }

func (grey) SetMin(float64)                    {}
func (grey) SetMax(float64)                    {}
func (grey) At(v float64) (color.Color, error) { return color.Gray{Y: uint8(v*255 + 0.5)}, nil }

// twoSided is a diverging colour map made of two maps that begin at zero.
type twoSided struct {
	palette.ColorMap
	negative, positive palette.ColorMap
}

func (t twoSided) SetMin(v float64) { t.negative.SetMin(v); t.positive.SetMin(v) }
func (t twoSided) SetMax(v float64) { t.negative.SetMax(v); t.positive.SetMax(v) }
func (t twoSided) At(v float64) (color.Color, error) {
	if v < 0.5 {
		return t.negative.At(1 - 2*v)
	}
	return t.positive.At(2*v - 1)
}
