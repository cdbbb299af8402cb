package viz

import (
	"math"

	"wgnin/gpu"
)

// camClass is the class whose activation map is shown.
func (s *Scene) camClass() int {
	if s.class >= 0 {
		return s.class
	}
	best := 0
	for i, v := range s.logits() {
		if v > s.logits()[best] {
			best = i
		}
	}
	return best
}

// cam is the map of the class that is shown.
func (s *Scene) cam() (t Tensor, ok bool) {
	if s.src.CAM < 0 {
		return t, false
	}
	t = s.past.of(s.src.CAM, s.src.Layers[s.src.CAM].Activation)
	return t.one(min(s.camClass(), t.Shape[0]-1)), true
}

// pictures are the dispatches that draw maps.
func (s *Scene) pictures() []dispatch {
	var ds []dispatch
	sub := s.looked()
	add := func(g grid, t Tensor, m maps) {
		m.Left, m.Top, m.Width, m.Height = uint32(g.rect.Min.X), uint32(g.rect.Min.Y), uint32(g.rect.Dx()), uint32(g.rect.Dy())
		m.FrameWidth, m.Columns, m.CellWidth, m.CellHeight = uint32(s.layout.width), uint32(g.columns), uint32(g.cellW), uint32(g.cellH)
		m.Gap, m.Border = uint32(g.gap), uint32(min(g.gap, s.pen.pt(2)))
		m.Maps, m.Planes, m.Rows, m.Cols = uint32(t.Shape[0]), uint32(t.Shape[1]), uint32(t.Shape[2]), uint32(t.Shape[3])
		m.Offset, m.MapStride, m.PlaneStride = uint32(t.Offset), uint32(t.Stride[0]), uint32(t.Stride[1])
		m.RowStride, m.ColStride = uint32(t.Stride[2]), uint32(t.Stride[3])
		m.Background, m.MarkColour = packed(background), packed(bright)
		if t.Signed {
			m.Symmetric = 1
		}
		k := m.kernel()
		ds = append(ds, dispatch{bound{k.Name, k.Groups, [4]gpu.View{t.Data, s.frame.All()}}, gpu.Words(m), func(r *gpu.Recorder, p gpu.View) {
			k.Record(r, mapsArgs[gpu.View, gpu.View]{p, t.Data, s.entries.All(), s.colours.All(), s.frame.All()})
		}})
	}
	const none = math.MaxUint32
	if g := s.layout.input; !g.rect.Empty() {
		add(g, s.input(), maps{Range: s.at.unit, Colours: s.palettes.first(greys, false), Mark: none})
	}
	if t, ok := s.cam(); ok && !s.layout.cam.Empty() {
		r, in := s.layout.cam, s.input()
		c := cam{
			Left: uint32(r.Min.X), Top: uint32(r.Min.Y), Width: uint32(r.Dx()), Height: uint32(r.Dy()), FrameWidth: uint32(s.layout.width),
			Planes: uint32(in.Shape[1]), Rows: uint32(in.Shape[2]), Cols: uint32(in.Shape[3]), Offset: uint32(in.Offset),
			PlaneStride: uint32(in.Stride[1]), RowStride: uint32(in.Stride[2]), ColStride: uint32(in.Stride[3]),
			MapRows: uint32(t.Shape[2]), MapCols: uint32(t.Shape[3]), MapOffset: uint32(t.Offset),
			MapRowStride: uint32(t.Stride[2]), MapColStride: uint32(t.Stride[3]), Range: s.at.cam, Colours: s.palettes.first(s.colour, false),
		}
		k := c.kernel()
		ds = append(ds, dispatch{bound{k.Name, k.Groups, [4]gpu.View{in.Data, t.Data, s.frame.All()}}, gpu.Words(c), func(r *gpu.Recorder, p gpu.View) {
			k.Record(r, camArgs[gpu.View, gpu.View]{p, in.Data, t.Data, s.entries.All(), s.colours.All(), s.frame.All()})
		}})
	}
	if g := s.layout.grid; !g.rect.Empty() {
		t := s.tensor(s.layer)
		m := maps{Colours: s.palettes.first(s.colour, t.Signed), Mark: none}
		m.Range, m.RangeStep = s.span()
		switch {
		case s.zoom:
			m.Range += m.RangeStep * uint32(s.mark)
			t = t.one(s.mark)
		case sub.hover.what == ofGrid:
			m.Mark = uint32(sub.hover.m)
		case s.mark >= 0:
			m.Mark = uint32(s.mark)
		}
		add(g, t, m)
	}
	return ds
}

// span is the entry of the range of map 0 for colours, and how many further
// that of the next map is.
func (s *Scene) span() (first, step uint32) {
	switch s.norm {
	case perLayer:
		return s.at.totals, 0 // where only this layer is counted, it is the first
	case global:
		return s.at.all, 0
	}
	return s.at.maps, 1
}
