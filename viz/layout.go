package viz

import (
	"image"
	"math"
)

// layout says where everything is, in pixels. What does not fit is empty.
type layout struct {
	width, height int

	status, footer                   image.Rectangle
	inputLabel, camLabel, cam, bars  image.Rectangle
	header, middle, legend, timeline image.Rectangle // middle is where the grid is
	list, curves                     image.Rectangle
	input, grid                      grid
	row                              int // height of a line of text
}

// grid is maps side by side, with a gap around each.
type grid struct {
	rect              image.Rectangle
	columns           int
	cellW, cellH, gap int
	maps, rows, cols  int // of the tensor
}

// arrange lays everything out.
func (s *Scene) arrange() {
	l := layout{width: s.layout.width, height: s.layout.height}
	pt := s.pen.pt
	l.row = pt(19)
	pad := pt(12)
	all := image.Rect(0, 0, l.width, l.height)

	rest := all
	l.status, rest = cutTop(rest, pt(32))
	l.footer, rest = cutBottom(rest, pt(26))
	rest = rest.Inset(pad)
	if rest.Empty() {
		s.layout = l
		return
	}

	// At the left the image, the activation map and the bars, as large as
	// there is height for all.
	squares := 1
	if s.src.CAM >= 0 {
		squares = 2
	}
	bars := min(5, s.src.classes()) * l.row
	width := min(max(rest.Dx()/5, pt(130)), pt(300), rest.Dx())
	side := max(0, min((rest.Dy()-squares*(l.row+pad)-bars)/squares, width))
	in := s.input()
	l.input = fit(image.Rectangle{Max: image.Pt(side, side)}, 1, in.Shape[2], in.Shape[3], 0)
	size := l.input.rect.Size()
	width = min(width, max(size.X, pt(130)))
	left := rest
	left.Max.X = left.Min.X + width
	l.inputLabel, left = cutTop(left, l.row)
	l.input.rect = image.Rectangle{Max: size}.Add(left.Min)
	_, left = cutTop(left, size.Y+pad)
	if s.src.CAM >= 0 {
		l.camLabel, left = cutTop(left, l.row)
		l.cam = image.Rectangle{Max: size}.Add(left.Min)
		_, left = cutTop(left, size.Y+pad)
	}
	l.bars, _ = cutTop(left, min(left.Dy()/l.row, s.src.classes(), 10)*l.row)

	// At the right the layers and the curves, if there is room.
	middle := rest
	middle.Min.X += width + 2*pad
	if s.help {
		l.middle = middle
		s.layout = l
		return
	}
	if right := min(max(rest.Dx()*23/100, pt(165)), pt(320)); middle.Dx() > right+pt(260) {
		l.list = rest
		l.list.Min.X = rest.Max.X - right
		middle.Max.X = l.list.Min.X - 2*pad
		if s.curves.any() {
			if h := min(rest.Dy()*2/5, right*3/4); h > pt(90) {
				l.curves, l.list = cutBottom(l.list, h)
				_, l.list = cutBottom(l.list, pad)
			}
		}
	}

	l.header, middle = cutTop(middle, l.row)
	_, middle = cutTop(middle, pad/2)
	if len(s.past.kept) > 1 {
		l.timeline, middle = cutBottom(middle, l.row)
		_, middle = cutBottom(middle, pad/2)
	}
	l.legend, middle = cutBottom(middle, 2*l.row)
	_, middle = cutBottom(middle, pad/2)
	l.middle = middle
	if t := s.tensor(s.layer); !t.Data.IsZero() {
		n := t.Shape[0]
		if s.mark >= n {
			s.mark, s.zoom = -1, false
		}
		if s.zoom {
			n = 1
		}
		l.grid = fit(middle, n, t.Shape[2], t.Shape[3], max(pt(4), 2))
	}
	s.layout = l
}

// cutTop takes h pixels, or what there is, off the top of r.
func cutTop(r image.Rectangle, h int) (top, rest image.Rectangle) {
	y := min(r.Min.Y+max(h, 0), r.Max.Y)
	return image.Rect(r.Min.X, r.Min.Y, r.Max.X, y), image.Rect(r.Min.X, y, r.Max.X, r.Max.Y)
}

func cutBottom(r image.Rectangle, h int) (bottom, rest image.Rectangle) {
	y := max(r.Max.Y-max(h, 0), r.Min.Y)
	return image.Rect(r.Min.X, y, r.Max.X, r.Max.Y), image.Rect(r.Min.X, r.Min.Y, r.Max.X, y)
}

// fit makes n maps of rows x cols as large as r allows. From three pixels a
// value on, every value gets the same whole number of pixels.
func fit(r image.Rectangle, n, rows, cols, gap int) grid {
	var best grid
	bestOff := 0.0
	for columns := 1; columns <= n; columns++ {
		lines := (n + columns - 1) / columns
		w := (r.Dx() - gap*(columns+1)) / columns
		h := (r.Dy() - gap*(lines+1)) / lines
		// The largest w x h of the maps' shape.
		if w*rows < h*cols {
			h = w * rows / cols
		} else {
			w = h * cols / rows
		}
		if k := min(w/cols, h/rows); k >= 3 {
			w, h = k*cols, k*rows
		}
		// Of equally large ones the one that is most of r's own shape.
		off := math.Abs(math.Log(float64(columns*w*r.Dy()) / float64(max(1, lines*h*r.Dx()))))
		if more := w*h - best.cellW*best.cellH; more > 0 || more == 0 && off < bestOff {
			bestOff = off
			best = grid{columns: columns, cellW: w, cellH: h, gap: gap, maps: n, rows: rows, cols: cols}
		}
	}
	if best.cellW < 1 || best.cellH < 1 {
		return grid{}
	}
	lines := (n + best.columns - 1) / best.columns
	best.rect = image.Rectangle{Min: r.Min, Max: r.Min.Add(image.Pt(
		gap+best.columns*(best.cellW+gap), gap+lines*(best.cellH+gap)))}
	if gap > 0 { // the outer gap lies in the margin
		best.rect = best.rect.Add(image.Pt((r.Dx()-best.rect.Dx())/2, 0))
	}
	return best
}

// at is the number of the tensor that is drawn at a pixel.
func (g grid) at(p image.Point) (m, row, col int, ok bool) {
	if !p.In(g.rect) {
		return 0, 0, 0, false
	}
	p = p.Sub(g.rect.Min).Add(image.Pt(g.cellW, g.cellH))
	column, x := p.X/(g.cellW+g.gap)-1, p.X%(g.cellW+g.gap)
	line, y := p.Y/(g.cellH+g.gap)-1, p.Y%(g.cellH+g.gap)
	m = line*g.columns + column
	if column < 0 || line < 0 || column >= g.columns || m >= g.maps || x >= g.cellW || y >= g.cellH {
		return 0, 0, 0, false
	}
	return m, y * g.rows / g.cellH, x * g.cols / g.cellW, true
}

// hover is the number under the mouse.
func (s *Scene) hover() spot {
	if m, row, col, ok := s.layout.grid.at(s.mouse); ok {
		if s.zoom {
			m = s.mark
		}
		return spot{what: ofGrid, m: m, row: row, col: col}
	}
	if _, row, col, ok := s.layout.input.at(s.mouse); ok {
		return spot{what: ofInput, row: row, col: col}
	}
	return spot{}
}
