package viz

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
)

// legend explains the colours of the maps and gives their statistics. The zero legend is empty.
type legend struct {
	low, high string // ends of the colour range; empty if there are no colours
	stats     []string
	value     string // the number under the mouse
	silent    string // says which maps are zero everywhere
}

// legend returns the legend. It is empty until the statistics of what is shown have been read back.
func (s *Scene) legend() (l legend) {
	t := s.tensor(s.layer)
	known := s.subject
	known.hover = spot{}
	if t.Data.IsZero() || s.help ||
		known != (subject{layer: s.layer, channel: s.channel, view: s.view, past: s.past.at}) {
		return legend{}
	}
	hover := s.hover()
	m := s.mark
	if hover.what == ofGrid {
		m = hover.m
	}
	e, of := s.entry(s.at.totals), "layer"
	if s.norm == global {
		e = merged(s.entriesOf(t))
	}
	if m >= 0 {
		e, of = s.entry(s.at.maps+uint32(m)), fmt.Sprintf("map %d", m)
		if s.perClass() {
			of += ", " + s.src.class(m)
		}
	}
	if !s.layout.grid.rect.Empty() {
		l.low, l.high = s.ends(t, m)
	}
	l.stats = []string{of, "min " + number(e[0]), "max " + number(e[1]), "mean " + number(e[2])}
	switch {
	case m >= 0 && s.layout.values.columns > 0:
		l.stats = []string{of, number(e[2])}
	case s.view == activations:
		l.stats = append(l.stats, fmt.Sprintf("≤ 0  %.0f %%", 100*e[3]))
		l.silent = s.silent(t, m)
	}
	if hover.what != ofNothing && s.subject.hover == hover {
		l.value = fmt.Sprintf("(%d, %d)  %s", hover.row, hover.col, number(s.entry(s.at.mouse)[2]))
		if hover.what == ofInput {
			l.value = "input " + l.value
		}
	}
	return l
}

// ends returns the values of the first and of the last colour: those of map m or, if m is -1, of
// all maps if they share a range.
func (s *Scene) ends(t Tensor, m int) (low, high string) {
	first, step := s.span()
	switch {
	case m >= 0:
		first += uint32(m) * step
	case step > 0 && t.Signed:
		return "− most", "+ most"
	case step > 0:
		return "least", "most"
	}
	span := s.entry(first)
	if t.Signed {
		span[1] = max(math.Abs(span[0]), math.Abs(span[1]))
		span[0] = -span[1]
	}
	return number(span[0]), number(span[1])
}

// silent reports in words whether a ReLU leaves map m zero everywhere or, if m is -1, for how many
// maps it does. The text is empty if there are none.
func (s *Scene) silent(t Tensor, m int) string {
	if t.Signed {
		return ""
	}
	count := 0
	for i, e := range s.entriesOf(t) {
		if e[1] <= 0 && (m < 0 || i == m) {
			count++
		}
	}
	switch {
	case count == 0:
		return ""
	case m >= 0:
		return "silent for this image"
	}
	return fmt.Sprintf("%d of %d silent for this image", count, t.Shape[0])
}

func (s *Scene) drawLegend(p pen, t Tensor, l legend) {
	b := p.Bounds()
	row := s.layout.row
	p.spread(text, row, row, l.stats)
	right := b.Max.X
	switch {
	case l.value != "":
		right = p.writeRight(p.bold, bright, right, 0, row, l.value)
	case l.silent != "":
		right = p.writeRight(p.regular, text, right, 0, row, l.silent)
	}
	if l.low == "" {
		return
	}
	gap := p.pt(8)
	x := p.write(p.regular, faint, 0, 0, row, b.Dx()/4, l.low) + gap
	bar := image.Rect(x, p.pt(5), min(x+p.pt(180), right-2*gap-p.width(p.regular, l.high)), row-p.pt(5))
	if t.Shape[1] != 3 {
		p.gradient(bar, func(v float64) color.RGBA { return s.palettes.colour(s.colour, t.Signed, int(v*(levels-1))) })
	} else {
		top := bar
		for _, full := range []color.RGBA{{R: 255, A: 255}, {G: 255, A: 255}, {B: 255, A: 255}} {
			third := top
			third.Max.Y = top.Min.Y + bar.Dy()/3
			p.gradient(third, func(v float64) color.RGBA { return mixed(color.RGBA{A: 255}, full, v) })
			top.Min.Y = third.Max.Y
		}
	}
	p.write(p.regular, faint, max(bar.Min.X, bar.Max.X)+gap, 0, row, b.Dx(), l.high)
}

// spread writes texts in a line whose top is y and whose height is h, as far apart as there is room
// for.
func (p pen) spread(c color.RGBA, y, h int, texts []string) {
	space := p.pt(14)
	if n := len(texts); n > 1 {
		space = max(p.pt(5), min(space, (p.Bounds().Dx()-p.width(p.regular, strings.Join(texts, "")))/(n-1)))
	}
	x := 0
	for _, t := range texts {
		x = p.write(p.regular, c, x, y, h, p.Bounds().Dx()-x, t) + space
	}
}

// gradient fills r with colours, from that of 0 at the left to that of 1 at the right.
func (p pen) gradient(r image.Rectangle, of func(v float64) color.RGBA) {
	for x := r.Min.X; x < r.Max.X; x++ {
		p.fill(image.Rect(x, r.Min.Y, x+1, r.Max.Y), of(float64(x-r.Min.X)/float64(max(1, r.Dx()-1))))
	}
}

// mixed blends a and b, with the share v of b.
func mixed(a, b color.RGBA, v float64) color.RGBA {
	of := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + v*(float64(b)-float64(a)))) }
	return color.RGBA{of(a.R, b.R), of(a.G, b.G), of(a.B, b.B), 255}
}

// camOpacity is the opacity of the largest value of a class map.
const camOpacity = 0.75

// drawCamScale explains the opacity of the class map: it grows from 0 to the value most.
func (s *Scene) drawCamScale(p pen, most string) {
	b, gap := p.Bounds(), p.pt(6)
	x := p.write(p.regular, faint, 0, 0, b.Dy(), b.Dx(), "0") + gap
	end := p.writeRight(p.regular, faint, b.Max.X, 0, b.Dy(), most) - gap
	p.gradient(image.Rect(x, p.pt(5), end, b.Dy()-p.pt(5)), func(v float64) color.RGBA {
		return mixed(raised, orange, camOpacity*v)
	})
}

// drawCamNothing draws a sentence instead of a class map that is nowhere positive.
func (s *Scene) drawCamNothing(p pen, class string) {
	b, row, pad := p.Bounds(), s.layout.row, p.pt(8)
	p.fill(b, raised)
	lines := p.wrap(p.regular, b.Dx()-2*pad, "Nothing in this image counts for "+class+".")
	y := max(0, (b.Dy()-len(lines)*row)/2)
	for i, l := range lines {
		p.write(p.regular, text, pad, y+i*row, row, b.Dx()-2*pad, l)
	}
}
