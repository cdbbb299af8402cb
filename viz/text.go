package viz

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"strings"
	"sync"

	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// fonts returns Go Regular and Go Bold, which are part of the program.
var fonts = sync.OnceValues(func() ([2]*opentype.Font, error) {
	var fs [2]*opentype.Font
	for i, ttf := range [][]byte{goregular.TTF, gobold.TTF} {
		f, err := opentype.Parse(ttf)
		if err != nil {
			return fs, err
		}
		fs[i] = f
	}
	return fs, nil
})

// pen draws text and lines on an image. Sizes and positions are in pixels.
type pen struct {
	*image.RGBA
	regular, bold font.Face
	scale         float64        // pixels per point
	other         func() *shaper // for text that Go's fonts cannot write
}

// textSize is the size of all text, in points.
const textSize = 13

// newPen makes a pen without an image.
func newPen(scale float64) (pen, error) {
	fs, err := fonts()
	if err != nil {
		return pen{}, err
	}
	p := pen{scale: scale, other: system}
	for i, face := range []*font.Face{&p.regular, &p.bold} {
		*face, err = opentype.NewFace(fs[i],
			&opentype.FaceOptions{Size: textSize * scale, DPI: 72, Hinting: font.HintingFull})
		if err != nil {
			return pen{}, err
		}
	}
	return p, nil
}

// pt converts points to pixels.
func (p pen) pt(points float64) int { return int(math.Round(points * p.scale)) }

// fill fills a rectangle with the colour c.
func (p pen) fill(r image.Rectangle, c color.RGBA) {
	draw.Draw(p.RGBA, r, image.NewUniform(c), image.Point{}, draw.Src)
}

func (p pen) width(face font.Face, s string) int {
	if runs, ok := p.shape(s); ok {
		return runWidth(runs)
	}
	return font.MeasureString(face, s).Ceil()
}

// shape lays out text that Go's fonts cannot write. ok is false if they can, or if the system's
// fonts cannot either.
func (p pen) shape(s string) (runs []shaping.Output, ok bool) {
	if plain(s) {
		return nil, false
	}
	return p.other().shape(s, fixed.Int26_6(textSize*p.scale*64))
}

// write writes s at x, on a line whose top is y and whose height is h. It cuts s to at most w
// pixels, with an ellipsis, and returns where the text ends.
func (p pen) write(face font.Face, c color.RGBA, x, y, h, w int, s string) int {
	if p.width(face, s) > w {
		runes := []rune(s)
		for len(runes) > 0 && p.width(face, string(runes)+"…") > w {
			runes = runes[:len(runes)-1]
		}
		if len(runes) == 0 {
			return x
		}
		s = string(runes) + "…"
	}
	m := face.Metrics()
	base := y + (h+m.CapHeight.Round())/2
	if runs, ok := p.shape(s); ok {
		p.drawRuns(c, x, base, runs)
		return x + runWidth(runs)
	}
	d := font.Drawer{Dst: p.RGBA, Src: image.NewUniform(c), Face: face, Dot: fixed.P(x, base)}
	d.DrawString(s)
	return d.Dot.X.Ceil()
}

// wrap breaks s between words into lines of at most w pixels. A longer word has a line of its own.
func (p pen) wrap(face font.Face, w int, s string) (lines []string) {
	for i, word := range strings.Fields(s) {
		if last := len(lines) - 1; i > 0 && p.width(face, lines[last]+" "+word) <= w {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// cutLeft returns s or, if it is wider than w pixels, an ellipsis and the end of s that fits.
func (p pen) cutLeft(face font.Face, w int, s string) string {
	for runes := []rune(s); len(runes) > 0 && p.width(face, s) > w; {
		runes = runes[1:]
		s = "…" + string(runes)
	}
	return s
}

// writeRight writes s so that it ends at x, and returns where the text begins.
func (p pen) writeRight(face font.Face, c color.RGBA, x, y, h int, s string) int {
	left := x - p.width(face, s)
	p.write(face, c, left, y, h, math.MaxInt32, s)
	return left
}

// point is a position in an image.
type point struct{ x, y float64 }

// stroke draws a line through points, width pixels wide. The line is dashed if dashes are given:
// the lengths of dashes and gaps in turn, in pixels.
func (p pen) stroke(c color.RGBA, width float64, points []point, dashes ...float64) {
	// Rasterize only the pixels around the line.
	b := image.Rectangle{Min: image.Pt(math.MaxInt32, math.MaxInt32), Max: image.Pt(math.MinInt32, math.MinInt32)}
	for _, q := range points {
		b.Min = image.Pt(min(b.Min.X, int(q.x-width-1)), min(b.Min.Y, int(q.y-width-1)))
		b.Max = image.Pt(max(b.Max.X, int(q.x+width+2)), max(b.Max.Y, int(q.y+width+2)))
	}
	if b = b.Intersect(p.Bounds()); b.Empty() {
		return
	}
	left, top := float64(b.Min.X), float64(b.Min.Y)
	r := vector.NewRasterizer(b.Dx(), b.Dy())
	quad := func(a, z point) {
		dx, dy := z.x-a.x, z.y-a.y
		l := math.Hypot(dx, dy)
		if l == 0 {
			return
		}
		// Extend both ends by a quarter of the width, so that segments join.
		ux, uy := dx/l*width/4, dy/l*width/4
		nx, ny := -dy/l*width/2, dx/l*width/2
		x0, y0, x1, y1 := a.x-ux-left, a.y-uy-top, z.x+ux-left, z.y+uy-top
		r.MoveTo(float32(x0+nx), float32(y0+ny))
		r.LineTo(float32(x1+nx), float32(y1+ny))
		r.LineTo(float32(x1-nx), float32(y1-ny))
		r.LineTo(float32(x0-nx), float32(y0-ny))
		r.ClosePath()
	}
	dash, rest := 0, math.Inf(1)
	if len(dashes) > 0 {
		rest = dashes[0]
	}
	for i := 1; i < len(points); i++ {
		a, z := points[i-1], points[i]
		for {
			l := math.Hypot(z.x-a.x, z.y-a.y)
			if l <= rest {
				if dash%2 == 0 {
					quad(a, z)
				}
				rest -= l
				break
			}
			m := point{a.x + (z.x-a.x)*rest/l, a.y + (z.y-a.y)*rest/l}
			if dash%2 == 0 {
				quad(a, m)
			}
			a, dash = m, dash+1
			rest = dashes[dash%len(dashes)]
		}
	}
	r.Draw(p.RGBA, b, image.NewUniform(c), image.Point{})
}
