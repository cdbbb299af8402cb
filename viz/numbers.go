package viz

import (
	"fmt"
	"strings"

	"wgnin/gpu"
)

// entryLayout gives the place of each statistic in the buffer of entries, counted in entries.
type entryLayout struct {
	unit, mouse, cam, all uint32 // the range 0 to 1; the number under the mouse; the class map; all layers together
	logits                uint32 // one each
	totals                uint32 // one a layer
	maps                  uint32 // of the layer that is shown
	host                  uint32 // entries before this one are read back
	others                uint32 // maps of other layers
	rows                  uint32 // of each row of a map, before merging
	end                   uint32
}

// subject identifies what the statistics describe.
type subject struct {
	layer, channel int
	view           view
	past           int // -1 is the present
	hover          spot
}

// spot is one number of a tensor on the screen.
type spot struct {
	what        spotKind
	m, row, col int
}

type spotKind int

const (
	ofNothing spotKind = iota
	ofGrid
	ofInput
)

// entries returns the layout of the statistics.
func (src Source) entries() entryLayout {
	most, rows := 1, 1
	for _, l := range src.Layers {
		for _, t := range []Tensor{l.Activation, l.Weights.kernels(0)} {
			most = max(most, t.Shape[0])
			rows = max(rows, t.Shape[0]*t.Shape[1]*t.Shape[2])
		}
	}
	at := entryLayout{unit: 0, mouse: 1, cam: 2, all: 3, logits: 4}
	at.totals = at.logits + uint32(src.classes())
	at.maps = at.totals + uint32(len(src.Layers))
	at.host = at.maps + uint32(most)
	at.others = at.host
	at.rows = at.others + uint32(most)
	at.end = at.rows + uint32(rows)
	return at
}

// looked returns what the user looks at now.
func (s *Scene) looked() subject {
	return subject{layer: s.layer, channel: s.channel, view: s.view, past: s.past.at, hover: s.hover()}
}

// logits returns the newest logits that the host has read back.
func (s *Scene) logits() []float64 {
	v := make([]float64, s.src.classes())
	for i := range v {
		v[i] = s.entry(s.at.logits + uint32(i))[2]
	}
	return v
}

// entry returns statistic i, as last read back.
func (s *Scene) entry(i uint32) [4]float64 {
	var e [4]float64
	for k := range e {
		e[k] = float64(s.values[4*i+uint32(k)])
	}
	return e
}

// count computes the statistics if their subject has changed or again is set, and reports whether
// it did. If exact is set, count waits for them. If another class has become the most likely, the
// class map on the screen is now that class's, and count computes the statistics once more.
func (s *Scene) count(again, exact bool) (counted bool, err error) {
	for {
		sub := s.looked()
		changed, err := s.numbers.set(s.statistics())
		if err != nil {
			return false, err
		}
		moved, err := s.pointer.set(s.pointed(sub.hover))
		if err != nil {
			return false, err
		}
		plans := s.pointer.plans()
		if again || changed {
			plans = append(plans, s.numbers.plans()...)
		}
		if again || changed || moved {
			counted = true
			if err := s.ask(sub, plans); err != nil {
				return false, err
			}
		}
		for exact && s.readback.Pending() > 0 {
			if err := s.take(); err != nil {
				return false, err
			}
		}
		if !exact || !again && !changed {
			return counted, nil
		}
		again = false
	}
}

// readbackDelay is the number of pictures by which the numbers lag during training, so that no
// picture waits for the device.
const readbackDelay = 2

// ask runs the statistics and begins to read them back.
func (s *Scene) ask(sub subject, plans []*gpu.Plan) error {
	if s.readback.Full() {
		if err := s.take(); err != nil {
			return err
		}
	}
	s.asked = append(s.asked, sub)
	return s.readback.Run(plans...)
}

// take waits for the oldest numbers that were asked for.
func (s *Scene) take() error {
	s.subject, s.asked = s.asked[0], s.asked[1:]
	return s.readback.Next(s.values)
}

// rows returns the dispatch that computes the statistics of each row of t, with the map as the
// innermost index.
func (s *Scene) rows(t Tensor, to uint32) dispatch {
	st := stats{
		Maps: uint32(t.Shape[0]), Planes: uint32(t.Shape[1]), Rows: uint32(t.Shape[2]), Cols: uint32(t.Shape[3]),
		Offset:    uint32(t.Offset),
		MapStride: uint32(t.Stride[0]), PlaneStride: uint32(t.Stride[1]), RowStride: uint32(t.Stride[2]),
		ColStride: uint32(t.Stride[3]), To: to,
	}
	k := st.kernel()
	return dispatch{bound{k.Name, k.Groups, [4]gpu.View{t.Data}}, gpu.Words(st), func(r *gpu.Recorder, p gpu.View) {
		k.Record(r, statsArgs[gpu.View, gpu.View]{p, t.Data, s.entries.All()})
	}}
}

// pointed returns the dispatches that fetch the number under the mouse, if there is one.
func (s *Scene) pointed(h spot) []dispatch {
	t := s.tensor(s.layer)
	switch h.what {
	case ofNothing:
		return nil
	case ofInput:
		t = s.input()
	}
	return []dispatch{s.rows(t.value(h.m, h.row, h.col), s.at.mouse)}
}

// statistics returns the dispatches that compute the other numbers and the ranges of the colours.
func (s *Scene) statistics() []dispatch {
	var ds []dispatch
	join := func(m merge) {
		k := m.kernel()
		ds = append(ds, dispatch{bound{k.Name, k.Groups, [4]gpu.View{}}, gpu.Words(m),
			func(r *gpu.Recorder, p gpu.View) {
				k.Record(r, mergeArgs[gpu.View, gpu.View]{p, s.entries.All()})
			}})
	}
	each := func(t Tensor, to uint32) {
		ds = append(ds, s.rows(t, s.at.rows))
		join(merge{Sets: uint32(t.Shape[0]), Parts: uint32(t.Shape[1] * t.Shape[2]), Src: s.at.rows, To: to})
	}
	last := s.past.of(len(s.src.Layers)-1, s.src.logits())
	last.Shape[2], last.Shape[3] = 1, 1
	ds = append(ds, s.rows(last, s.at.logits))
	layers := uint32(0)
	for i := range s.src.Layers {
		if i != s.layer && s.norm != global {
			continue
		}
		t := s.tensor(i)
		if t.Data.IsZero() {
			continue
		}
		to := s.at.others
		if i == s.layer {
			to = s.at.maps
		}
		each(t, to)
		join(merge{Sets: 1, Parts: uint32(t.Shape[0]), Src: to, To: s.at.totals + layers})
		layers++
	}
	if layers > 0 {
		join(merge{Sets: 1, Parts: layers, Src: s.at.totals, To: s.at.all})
	}
	if t, ok := s.cam(); ok {
		each(t, s.at.cam)
	}
	return ds
}

// entriesOf returns the statistics of the maps of t, the tensor that is shown.
func (s *Scene) entriesOf(t Tensor) [][4]float64 {
	es := make([][4]float64, t.Shape[0])
	for i := range es {
		es[i] = s.entry(s.at.maps + uint32(i))
	}
	return es
}

// merged merges statistics as merge.wgsl does.
func merged(es [][4]float64) [4]float64 {
	all := es[0]
	for _, e := range es[1:] {
		all = [4]float64{min(all[0], e[0]), max(all[1], e[1]), all[2] + e[2], all[3] + e[3]}
	}
	all[2] /= float64(len(es))
	all[3] /= float64(len(es))
	return all
}

// number formats v in few characters, with a proper minus sign.
func number(v float64) string {
	return strings.ReplaceAll(fmt.Sprintf("%.3g", v), "-", "−")
}
