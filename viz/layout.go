package viz

import (
	"image"
	"math"
)

// layout holds the place of every part, in pixels. A part that does not fit is empty.
type layout struct {
	width, height int

	status, footer                   image.Rectangle
	inputLabel, camLabel, cam, bars  image.Rectangle
	camScale                         image.Rectangle
	header, middle, legend, timeline image.Rectangle // the grid lies in middle
	list, curves                     image.Rectangle
	input, grid                      grid
	values                           values // instead of the grid, if each map is one number
	row                              int    // height of a line of text
}

// grid places maps of one size side by side, with a gap around each.
type grid struct {
	rect              image.Rectangle
	columns           int
	cellW, cellH, gap int
	caption           int // height of the text below each map and of the gap above the text; 0 for no text
	maps, rows, cols  int // of the tensor
}

// pitch returns the distance from one line of maps to the next.
func (g grid) pitch() int { return g.cellH + g.caption + g.gap }

// lines returns the number of lines of maps.
func (g grid) lines() int { return (g.maps + g.columns - 1) / g.columns }

// parts cuts the grid into grids that a kernel can draw without writing over captions: its lines,
// or the whole grid if it has no captions. first is the number of each part's first map.
func (g grid) parts() (parts []grid, first []int) {
	if g.caption == 0 {
		return []grid{g}, []int{0}
	}
	for i := range g.lines() {
		line := g
		line.maps = min(g.columns, g.maps-i*g.columns)
		line.rect.Min.Y += i * g.pitch()
		line.rect.Max.Y = line.rect.Min.Y + 2*g.gap + g.cellH
		parts, first = append(parts, line), append(first, i*g.columns)
	}
	return parts, first
}

// captions returns the place of the captions below a line of maps.
func (g grid) captions(line int) image.Rectangle {
	r := g.rect
	r.Min.Y += line*g.pitch() + 2*g.gap + g.cellH
	r.Max.Y = r.Min.Y + g.caption - g.gap
	return r
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

	// The image, the class map and the bars are at the left, as large as the height allows.
	squares, scale := 1, 0
	if s.src.CAM >= 0 {
		squares, scale = 2, l.row
	}
	width := min(max(rest.Dx()/5, pt(130)), pt(300), rest.Dx())
	sideOf := func(bars int) int {
		return max(0, min((rest.Dy()-squares*(l.row+pad)-scale-min(bars, s.src.classes())*l.row)/squares, width))
	}
	side := sideOf(10)
	if side < pt(160) {
		side = sideOf(5)
	}
	in := s.input()
	l.input = fit(image.Rectangle{Max: image.Pt(side, side)}, 1, in.Shape[2], in.Shape[3], 0, 0)
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
		_, left = cutTop(left, size.Y)
		l.camScale, left = cutTop(left, scale)
		_, left = cutTop(left, pad)
	}
	l.bars, _ = cutTop(left, min(left.Dy()/l.row, s.src.classes(), 10)*l.row)

	// The layers and the curves are at the right, if there is room.
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
		if l.values = valuesIn(middle, t, l.row, pt(120)); l.values.columns > 0 {
			s.zoom = false
		} else {
			l.grid = s.gridIn(middle, n, t, l.row)
		}
	}
	s.layout = l
}

// gridIn makes a grid in r of the n maps of t, or of the zoomed map alone. Maps of classes get room
// for captions, unless the maps are too narrow for names.
func (s *Scene) gridIn(r image.Rectangle, n int, t Tensor, row int) grid {
	if s.zoom {
		n = 1
	}
	gap := max(s.pen.pt(4), 2)
	if s.perClass() {
		if g := fit(r, n, t.Shape[2], t.Shape[3], gap, row+gap); g.cellW >= s.pen.pt(64) {
			return g
		}
	}
	return fit(r, n, t.Shape[2], t.Shape[3], gap, 0)
}

// cutTop cuts up to h pixels off the top of r.
func cutTop(r image.Rectangle, h int) (top, rest image.Rectangle) {
	y := min(r.Min.Y+max(h, 0), r.Max.Y)
	return image.Rect(r.Min.X, r.Min.Y, r.Max.X, y), image.Rect(r.Min.X, y, r.Max.X, r.Max.Y)
}

func cutBottom(r image.Rectangle, h int) (bottom, rest image.Rectangle) {
	y := max(r.Max.Y-max(h, 0), r.Min.Y)
	return image.Rect(r.Min.X, y, r.Max.X, r.Max.Y), image.Rect(r.Min.X, r.Min.Y, r.Max.X, y)
}

// fullLines is the bonus on the area of a map in a grid whose last line is full.
const fullLines = 1.15

// fit returns the grid in r whose n maps of rows x cols are largest, each with caption pixels below
// it. From three pixels a value on, every value gets the same whole number of pixels, if that costs
// less than a tenth of the width.
func fit(r image.Rectangle, n, rows, cols, gap, caption int) grid {
	var best grid
	bestScore, bestOff := 0.0, 0.0
	for columns := 1; columns <= n; columns++ {
		lines := (n + columns - 1) / columns
		w := (r.Dx() - gap*(columns+1)) / columns
		h := (r.Dy()-gap*(lines+1))/lines - caption
		if w < 1 || h < 1 {
			continue
		}
		// The largest w x h of the maps' shape.
		if w*rows < h*cols {
			h = w * rows / cols
		} else {
			w = h * cols / rows
		}
		if k := min(w/cols, h/rows); k >= 3 && 10*k*cols >= 9*w {
			w, h = k*cols, k*rows
		}
		score := float64(w * h)
		if n%columns == 0 {
			score *= fullLines
		}
		// Among equally good grids, prefer the one whose shape is closest to that of r.
		off := math.Abs(math.Log(float64(columns*w*r.Dy()) / float64(max(1, lines*h*r.Dx()))))
		if score > bestScore || score == bestScore && off < bestOff {
			bestScore, bestOff = score, off
			best = grid{columns: columns, cellW: w, cellH: h, gap: gap, caption: caption, maps: n,
				rows: rows, cols: cols}
		}
	}
	if best.cellW < 1 || best.cellH < 1 {
		return grid{}
	}
	best.rect = image.Rectangle{Min: r.Min,
		Max: r.Min.Add(image.Pt(gap+best.columns*(best.cellW+gap), gap+best.lines()*best.pitch()))}
	if gap > 0 { // the outer gap lies in the margin
		best.rect = best.rect.Add(image.Pt((r.Dx()-best.rect.Dx())/2, 0))
	}
	return best
}

// at returns the map, row and column of the number drawn at p.
func (g grid) at(p image.Point) (m, row, col int, ok bool) {
	if !p.In(g.rect) {
		return 0, 0, 0, false
	}
	p = p.Sub(g.rect.Min).Add(image.Pt(g.cellW, g.cellH+g.caption))
	column, x := p.X/(g.cellW+g.gap)-1, p.X%(g.cellW+g.gap)
	line, y := p.Y/g.pitch()-1, p.Y%g.pitch()
	m = line*g.columns + column
	if column < 0 || line < 0 || column >= g.columns || m >= g.maps || x >= g.cellW || y >= g.cellH {
		return 0, 0, 0, false
	}
	return m, y * g.rows / g.cellH, x * g.cols / g.cellW, true
}

// hover returns the number under the mouse.
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
