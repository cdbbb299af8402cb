package viz

import (
	"fmt"
	"image"
	"image/color"
	"math"
)

// legendText says what the colours are, and the numbers.
func (s *Scene) legendText() (low, high, stats, value string) {
	t := s.tensor(s.layer)
	if t.Data.IsZero() || s.help {
		return "", "", "", ""
	}
	known := s.subject
	known.hover = spot{}
	if known != (subject{layer: s.layer, channel: s.channel, view: s.view, past: s.past.at}) {
		return "", "", "", ""
	}
	hover := s.hover()
	m := s.mark
	if hover.what == ofGrid {
		m = hover.m
	}
	e := s.entry(s.at.totals)
	of := "layer"
	first, step := s.span()
	span := s.entry(first)
	switch {
	case m >= 0 && step > 0:
		span = s.entry(first + uint32(m)*step)
	case step > 0:
		span = [4]float64{} // every map has its own
	}
	if s.norm == global {
		e = merged(s.entriesOf(t))
	}
	if m >= 0 {
		e, of = s.entry(s.at.maps+uint32(m)), fmt.Sprintf("map %d", m)
		if s.view == activations && s.src.CAM >= 0 && s.layer >= s.src.CAM {
			of += ", " + s.src.class(m) // from there on, each map is a class
		}
	}
	low, high = "least", "most"
	if t.Signed {
		low, high = "− most", "+ most"
	}
	if span[0] != 0 || span[1] != 0 {
		if t.Signed {
			span[1] = max(math.Abs(span[0]), math.Abs(span[1]))
			span[0] = -span[1]
		}
		low, high = number(span[0]), number(span[1])
	}
	stats = fmt.Sprintf("%s   min %s   max %s   mean %s", of, number(e[0]), number(e[1]), number(e[2]))
	if s.view == activations {
		stats += fmt.Sprintf("   ≤ 0  %.0f %%", 100*e[3])
		if m < 0 {
			dead := 0
			for _, e := range s.entriesOf(t) {
				if e[1] <= 0 {
					dead++
				}
			}
			stats += fmt.Sprintf("   dead %d of %d", dead, t.Shape[0])
		}
	}
	if hover.what != ofNothing && s.subject.hover == hover {
		value = fmt.Sprintf("(%d, %d)  %s", hover.row, hover.col, number(s.entry(s.at.mouse)[2]))
		if hover.what == ofInput {
			value = "input " + value
		}
	}
	return low, high, stats, value
}

func (s *Scene) drawLegend(p pen, t Tensor, low, high, stats, value string) {
	b := p.Bounds()
	if low == "" {
		return
	}
	row := s.layout.row
	x := p.write(p.regular, faint, 0, 0, row, b.Dx()/4, low) + p.pt(8)
	bar := image.Rect(x, p.pt(5), min(x+p.pt(180), b.Max.X-p.width(p.regular, high)-p.pt(8)), row-p.pt(5))
	for i := range bar.Dx() {
		c := s.palettes.colour(s.colour, t.Signed, i*levels/bar.Dx())
		x, top, bottom := bar.Min.X+i, bar.Min.Y, bar.Max.Y
		if t.Shape[1] != 3 {
			p.fill(image.Rect(x, top, x+1, bottom), c)
			continue
		}
		v := uint8(i * levels / bar.Dx())
		third := func(k int) int { return top + (bottom-top)*k/3 }
		p.fill(image.Rect(x, top, x+1, third(1)), color.RGBA{v, 0, 0, 255})
		p.fill(image.Rect(x, third(1), x+1, third(2)), color.RGBA{0, v, 0, 255})
		p.fill(image.Rect(x, third(2), x+1, bottom), color.RGBA{0, 0, v, 255})
	}
	end := p.write(p.regular, faint, bar.Max.X+p.pt(8), 0, row, b.Dx(), high)
	if value != "" && end+p.pt(16)+p.width(p.bold, value) <= b.Max.X {
		p.writeRight(p.bold, bright, b.Max.X, 0, row, value)
	}
	p.write(p.regular, text, 0, row, row, b.Dx(), stats)
}
