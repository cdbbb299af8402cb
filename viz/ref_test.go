package viz

import "math"

// The twins of the kernels, in plain loops.

func (s stats) ref(a statsArgs[[]uint32, []float64]) {
	for plane := range s.Planes {
		for row := range s.Rows {
			for m := range s.Maps {
				least, most, sum, off := math.Inf(1), math.Inf(-1), 0.0, 0.0
				for col := range s.Cols {
					v := a.X[s.Offset+m*s.MapStride+plane*s.PlaneStride+row*s.RowStride+col*s.ColStride]
					least, most, sum = min(least, v), max(most, v), sum+v
					if v <= 0 {
						off++
					}
				}
				n := float64(s.Cols)
				copy(a.Entry[4*(s.To+(plane*s.Rows+row)*s.Maps+m):], []float64{least, most, sum / n, off / n})
			}
		}
	}
}

func (m merge) ref(a mergeArgs[[]uint32, []float64]) {
	for set := range m.Sets {
		least, most, sum, off := math.Inf(1), math.Inf(-1), 0.0, 0.0
		for part := range m.Parts {
			e := a.Entry[4*(m.Src+set+part*m.Sets):]
			least, most, sum, off = min(least, e[0]), max(most, e[1]), sum+e[2], off+e[3]
		}
		n := float64(m.Parts)
		copy(a.Entry[4*(m.To+set):], []float64{least, most, sum / n, off / n})
	}
}

// level is the twin of the function in level.wgsl.
func level(v, low, high float64, symmetric bool) float64 {
	if symmetric {
		high = max(math.Abs(low), math.Abs(high))
		low = -high
	}
	switch {
	case high > low:
		return min(max((v-low)/(high-low), 0), 1)
	case symmetric:
		return 0.5
	}
	return 0
}

func round(v float64) uint32 { return uint32(v + 0.5) }

func rgb(r, g, b uint32) uint32 { return r | g<<8 | b<<16 | 0xff000000 }

func (m maps) ref(a mapsArgs[[]uint32, []float64]) {
	for y := range m.Height {
		for x := range m.Width {
			a.Frame[(m.Top+y)*m.FrameWidth+m.Left+x] = m.Background
		}
	}
	for i := range m.Maps {
		x0 := m.Gap + i%m.Columns*(m.CellWidth+m.Gap)
		y0 := m.Gap + i/m.Columns*(m.CellHeight+m.Gap)
		set := func(x, y, to uint32) { // if it is in the panel
			if x < m.Width && y < m.Height {
				a.Frame[(m.Top+y)*m.FrameWidth+m.Left+x] = to
			}
		}
		if i == m.Mark {
			for y := y0 - m.Border; y < y0+m.CellHeight+m.Border; y++ {
				for x := x0 - m.Border; x < x0+m.CellWidth+m.Border; x++ {
					set(x, y, m.MarkColour)
				}
			}
		}
		e := a.Entry[4*(m.Range+i*m.RangeStep):]
		for y := range m.CellHeight {
			for x := range m.CellWidth {
				at := m.Offset + i*m.MapStride + y*m.Rows/m.CellHeight*m.RowStride + x*m.Cols/m.CellWidth*m.ColStride
				byteOf := func(plane uint32) uint32 {
					return round(255 * level(a.X[at+plane*m.PlaneStride], e[0], e[1], m.Symmetric == 1))
				}
				if m.Planes == 3 {
					set(x0+x, y0+y, rgb(byteOf(0), byteOf(1), byteOf(2)))
				} else {
					set(x0+x, y0+y, a.Colours[m.Colours+byteOf(0)])
				}
			}
		}
	}
}

func (c cam) ref(a camArgs[[]uint32, []float64]) {
	mapAt := func(row, col int) float64 {
		row, col = min(max(row, 0), int(c.MapRows)-1), min(max(col, 0), int(c.MapCols)-1)
		return a.Map[int(c.MapOffset)+row*int(c.MapRowStride)+col*int(c.MapColStride)]
	}
	for y := range c.Height {
		for x := range c.Width {
			h := (float64(y)+0.5)*float64(c.MapRows)/float64(c.Height) - 0.5
			w := (float64(x)+0.5)*float64(c.MapCols)/float64(c.Width) - 0.5
			row, col := int(math.Floor(h)), int(math.Floor(w))
			v := 0.0
			for _, corner := range [][2]int{{row, col}, {row, col + 1}, {row + 1, col}, {row + 1, col + 1}} {
				v += mapAt(corner[0], corner[1]) * (1 - math.Abs(h-float64(corner[0]))) *
					(1 - math.Abs(w-float64(corner[1])))
			}
			e := a.Entry[4*c.Range:]
			share := float64(c.Opacity) * level(v, 0, e[1], false)
			var bytes [3]uint32
			for k := range uint32(3) {
				at := c.Offset + y*c.Rows/c.Height*c.RowStride + x*c.Cols/c.Width*c.ColStride
				if c.Planes == 3 {
					at += k * c.PlaneStride
				}
				under := 255 * min(max(a.Image[at], 0), 1)
				bytes[k] = round(under*(1-share) + float64(c.Hue>>(8*k)&255)*share)
			}
			a.Frame[(c.Top+y)*c.FrameWidth+c.Left+x] = rgb(bytes[0], bytes[1], bytes[2])
		}
	}
}
