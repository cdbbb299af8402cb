package viz

import (
	"math"

	"wgnin/gpu"
)

// camClass returns the class whose activation map is shown.
func (s *Scene) camClass() int {
	if s.class >= 0 {
		return s.class
	}
	best, logits := 0, s.logits()
	for i, v := range logits { // which may be NaN
		if v > logits[best] {
			best = i
		}
	}
	return best
}

// cam returns the activation map of that class. ok is false if the network has none.
func (s *Scene) cam() (t Tensor, ok bool) {
	if s.src.CAM < 0 {
		return t, false
	}
	t = s.past.of(s.src.CAM, s.src.Layers[s.src.CAM].Activation)
	return t.maps(min(s.camClass(), t.Shape[0]-1), 1), true
}

// camMost returns the largest value of the class map. If it is not positive, nothing in the image
// counts for the class.
func (s *Scene) camMost() float64 { return s.entry(s.at.cam)[1] }

// perClass reports whether the maps on the screen belong to the classes, one each.
func (s *Scene) perClass() bool {
	return (s.view == activations || s.view == gradients) && (s.layer == s.src.CAM || s.layer == len(s.src.Layers)-1)
}

// pictures returns the dispatches that draw the input, the class map and the grid of maps.
func (s *Scene) pictures() []dispatch {
	var ds []dispatch
	sub := s.looked()
	add := func(g grid, t Tensor, m maps) {
		m.Left, m.Top, m.Width, m.Height = uint32(g.rect.Min.X), uint32(g.rect.Min.Y), uint32(g.rect.Dx()),
			uint32(g.rect.Dy())
		m.FrameWidth, m.Columns, m.CellWidth, m.CellHeight = uint32(s.layout.width), uint32(g.columns), uint32(g.cellW),
			uint32(g.cellH)
		m.Gap, m.Border = uint32(g.gap), uint32(min(g.gap, s.pen.pt(2)))
		m.Maps, m.Planes, m.Rows, m.Cols = uint32(t.Shape[0]), uint32(t.Shape[1]), uint32(t.Shape[2]),
			uint32(t.Shape[3])
		m.Offset, m.MapStride, m.PlaneStride = uint32(t.Offset), uint32(t.Stride[0]), uint32(t.Stride[1])
		m.RowStride, m.ColStride = uint32(t.Stride[2]), uint32(t.Stride[3])
		m.Background, m.MarkColour = packed(background), packed(bright)
		if t.Signed {
			m.Symmetric = 1
		}
		k := m.kernel()
		ds = append(ds, dispatch{bound{k.Name, k.Groups, [4]gpu.View{t.Data, s.frame.All()}}, gpu.Words(m),
			func(r *gpu.Recorder, p gpu.View) {
				k.Record(r, mapsArgs[gpu.View, gpu.View]{p, t.Data, s.entries.All(), s.colours.All(), s.frame.All()})
			}})
	}
	const none = math.MaxUint32
	if g := s.layout.input; !g.rect.Empty() {
		add(g, s.input(), maps{Range: s.at.unit, Colours: s.palettes.first(greys, false), Mark: none})
	}
	if t, ok := s.cam(); ok && !s.layout.cam.Empty() && s.camMost() > 0 {
		r, in := s.layout.cam, s.input()
		c := cam{
			Left: uint32(r.Min.X), Top: uint32(r.Min.Y), Width: uint32(r.Dx()), Height: uint32(r.Dy()),
			FrameWidth: uint32(s.layout.width),
			Planes:     uint32(in.Shape[1]), Rows: uint32(in.Shape[2]), Cols: uint32(in.Shape[3]),
			Offset:      uint32(in.Offset),
			PlaneStride: uint32(in.Stride[1]), RowStride: uint32(in.Stride[2]), ColStride: uint32(in.Stride[3]),
			MapRows: uint32(t.Shape[2]), MapCols: uint32(t.Shape[3]), MapOffset: uint32(t.Offset),
			MapRowStride: uint32(t.Stride[2]), MapColStride: uint32(t.Stride[3]), Range: s.at.cam, Hue: packed(orange),
			Opacity: camOpacity,
		}
		k := c.kernel()
		ds = append(ds, dispatch{bound{k.Name, k.Groups, [4]gpu.View{in.Data, t.Data, s.frame.All()}}, gpu.Words(c),
			func(r *gpu.Recorder, p gpu.View) {
				k.Record(r, camArgs[gpu.View, gpu.View]{p, in.Data, t.Data, s.entries.All(), s.frame.All()})
			}})
	}
	if g := s.layout.grid; !g.rect.Empty() {
		t := s.tensor(s.layer)
		mark := s.mark
		switch {
		case s.zoom:
			t, mark = t.maps(s.mark, 1), -1
		case sub.hover.what == ofGrid:
			mark = sub.hover.m
		}
		first, step := s.span()
		parts, from := g.parts()
		for i, part := range parts {
			m := maps{Colours: s.palettes.first(s.colour, t.Signed), Range: first + step*uint32(from[i]),
				RangeStep: step, Mark: none}
			if at := mark - from[i]; at >= 0 && at < part.maps {
				m.Mark = uint32(at)
			}
			add(part, t.maps(from[i], part.maps), m)
		}
	}
	return ds
}

// span returns the entry that holds the colour range of the first map drawn, and the distance from
// it to the entry of the next map. A zoomed map has its own range.
func (s *Scene) span() (first, step uint32) {
	switch {
	case s.zoom:
		return s.at.maps + uint32(s.mark), 0
	case s.norm == perLayer:
		return s.at.totals, 0 // the first total is this layer's, the only one counted
	case s.norm == global:
		return s.at.all, 0
	}
	return s.at.maps, 1
}
