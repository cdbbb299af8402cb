package viz

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
)

// bar is a class with its probability.
type bar struct {
	class int
	p     float64
}

// ranked are the n most likely classes.
func (s *Scene) ranked(n int) []bar {
	logits := s.logits()
	largest, sum := slices.Max(logits), 0.0
	bars := make([]bar, len(logits))
	for i, v := range logits {
		bars[i] = bar{i, math.Exp(v - largest)}
		sum += bars[i].p
	}
	for i := range bars {
		bars[i].p = math.Round(1e4*bars[i].p/sum) / 1e4 // what is shown, so that it is not drawn for less
	}
	slices.SortStableFunc(bars, func(a, b bar) int {
		switch {
		case a.p > b.p:
			return -1
		case a.p < b.p:
			return 1
		}
		return 0
	})
	return bars[:min(n, len(bars))]
}

func (s *Scene) drawBars(p pen, bars []bar) {
	b := p.Bounds()
	row := s.layout.row
	percent := p.width(p.regular, "100 %")
	for i, e := range bars {
		y := i * row
		r := image.Rect(0, y+p.pt(1), b.Max.X, y+row-p.pt(1))
		p.fill(r, raised)
		c := color.RGBA{47, 79, 122, 255}
		ink := text
		if e.class == s.seen().truth {
			c, ink = color.RGBA{38, 94, 62, 255}, green
		}
		fill := r
		fill.Max.X = int(math.Round(float64(r.Dx()) * e.p))
		p.fill(fill, c)
		if e.class == s.class {
			p.fill(image.Rect(0, r.Min.Y, p.pt(3), r.Max.Y), orange)
		}
		p.write(p.regular, ink, p.pt(8), y, row, b.Dx()-percent-p.pt(20), s.src.class(e.class))
		p.writeRight(p.regular, ink, b.Max.X-p.pt(6), y, row, fmt.Sprintf("%.0f %%", 100*e.p))
	}
}
