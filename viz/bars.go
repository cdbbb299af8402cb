package viz

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
)

// bar is a class and its probability.
type bar struct {
	class int
	p     float64
}

// ranked returns the n most likely classes, the most likely first.
func (s *Scene) ranked(n int) []bar {
	logits := s.logits()
	largest, sum := slices.Max(logits), 0.0
	bars := make([]bar, len(logits))
	for i, v := range logits {
		bars[i] = bar{i, math.Exp(v - largest)}
		sum += bars[i].p
	}
	for i := range bars {
		bars[i].p = math.Round(1e4*bars[i].p/sum) / 1e4 // ignore changes too small to show
	}
	slices.SortStableFunc(bars, func(a, b bar) int { return cmp.Compare(b.p, a.p) })
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
		c, ink := barColours(e.class == s.seen().truth)
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

// values places the bars of a layer whose maps are one number each, in columns that are filled from
// the top. The zero value draws nothing.
type values struct {
	rect                    image.Rectangle
	columns, lines          int
	columnWidth, lineHeight int
}

// valuesIn places the numbers of t in r, in lines at least row high and columns at least narrowest
// wide. It returns the zero value if they do not fit, or if a map of t has more than one number.
func valuesIn(r image.Rectangle, t Tensor, row, narrowest int) values {
	n, fit := t.Shape[0], r.Dy()/row
	if t.Shape[1]*t.Shape[2]*t.Shape[3] > 1 || fit < 1 {
		return values{}
	}
	v := values{rect: r, columns: (n + fit - 1) / fit}
	v.lines = (n + v.columns - 1) / v.columns
	v.columnWidth, v.lineHeight = r.Dx()/v.columns, min(r.Dy()/v.lines, row*3/2)
	if v.columnWidth < narrowest {
		return values{}
	}
	v.rect.Max.Y = r.Min.Y + v.lines*v.lineHeight
	return v
}

// at returns the map whose bar is at p. ok is false if there is none among n.
func (v values) at(p image.Point, n int) (m int, ok bool) {
	if !p.In(v.rect) {
		return 0, false
	}
	p = p.Sub(v.rect.Min)
	m = min(p.X/v.columnWidth, v.columns-1)*v.lines + p.Y/v.lineHeight
	return m, m < n
}

// mapName returns the name of map m of the layer on the screen: its class, or its number.
func (s *Scene) mapName(m int) string {
	if s.perClass() {
		return s.src.class(m)
	}
	return fmt.Sprintf("map %d", m)
}

// numbersOf formats the numbers of t, whose maps are one number each.
func (s *Scene) numbersOf(t Tensor) []string {
	texts := make([]string, t.Shape[0])
	for i, e := range s.entriesOf(t) {
		texts[i] = number(e[2])
	}
	return texts
}

// drawValues draws each number of t as a bar from zero, between its name and the number.
func (s *Scene) drawValues(p pen, t Tensor) {
	v, texts, entries := s.layout.values, s.numbersOf(t), s.entriesOf(t)
	low, high := 0.0, 0.0
	nameW, textW := 0, 0
	for m, e := range entries {
		low, high = min(low, e[2]), max(high, e[2])
		nameW, textW = max(nameW, p.width(p.regular, s.mapName(m))), max(textW, p.width(p.regular, texts[m]))
	}
	pad := p.pt(8)
	nameW = min(nameW, v.columnWidth/3)
	from, to := nameW+2*pad, v.columnWidth-textW-3*pad // the room for bars
	x := func(value float64) int {
		if high == low {
			return from
		}
		return from + int(math.Round(float64(to-from)*(value-low)/(high-low)))
	}
	for m, e := range entries {
		left, top := m/v.lines*v.columnWidth, m%v.lines*v.lineHeight
		row := image.Rect(left, top+p.pt(1), left+v.columnWidth-pad, top+v.lineHeight-p.pt(1))
		c := raised
		if m == s.mark {
			c = chosen
		}
		p.fill(row, c)
		isTruth := s.perClass() && m == s.seen().truth
		fill, ink := barColours(isTruth)
		p.fill(image.Rect(left+min(x(0), x(e[2])), row.Min.Y+p.pt(3), left+max(x(0), x(e[2])), row.Max.Y-p.pt(3)), fill)
		p.fill(image.Rect(left+x(0), row.Min.Y, left+x(0)+p.pt(1), row.Max.Y), faint)
		if s.perClass() && m == s.class {
			p.fill(image.Rect(left, row.Min.Y, left+p.pt(3), row.Max.Y), orange)
		}
		p.write(p.regular, ink, left+pad, top, v.lineHeight, nameW, s.mapName(m))
		p.writeRight(p.regular, ink, row.Max.X-pad, top, v.lineHeight, texts[m])
	}
}

// barColours returns the colours of a bar and of its text.
func barColours(truth bool) (fill, ink color.RGBA) {
	if truth {
		return color.RGBA{38, 94, 62, 255}, green
	}
	return color.RGBA{47, 79, 122, 255}, text
}
