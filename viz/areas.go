package viz

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strings"

	"wgnin/gpu"
)

// area is a part of the picture that the host draws: text, bars, curves. It is
// drawn again when what it says has changed.
type area struct {
	rect image.Rectangle
	says string
	draw func(p pen)
}

// drawAreas draws the areas that have changed, and puts them into the frame.
// What maps lie in the same rows is drawn over, so panels must run after it.
func (s *Scene) drawAreas() (drawn bool, err error) {
	now := s.describe()
	if !slices.EqualFunc(now, s.areas, func(a, b area) bool { return a.rect == b.rect }) {
		// Nothing is to be left of what was between areas.
		s.areas, drawn = nil, true
		s.canvas = slices.Repeat([]uint32{packed(background)}, s.layout.width*s.layout.height)
		if err := gpu.Write(s.frame.All(), s.canvas); err != nil {
			return false, err
		}
	}
	for i, a := range now {
		if a.rect.Empty() || s.areas != nil && s.areas[i].says == a.says {
			continue
		}
		p := s.pen
		p.RGBA = image.NewRGBA(image.Rectangle{Max: a.rect.Size()})
		p.fill(p.Bounds(), background)
		a.draw(p)
		for y := range a.rect.Dy() {
			row := s.canvas[(a.rect.Min.Y+y)*s.layout.width+a.rect.Min.X:]
			for x := range a.rect.Dx() {
				row[x] = packed(p.RGBAAt(x, y))
			}
		}
		from := a.rect.Min.Y*s.layout.width + a.rect.Min.X
		from -= from % int(s.dev.Adapter().Limits.OffsetAlign/4)
		to := (a.rect.Max.Y-1)*s.layout.width + a.rect.Max.X
		if err := gpu.Write(s.frame.Slice(int64(from)*4, int64(to-from)*4), s.canvas[from:to]); err != nil {
			return false, err
		}
		drawn = true
	}
	s.areas = now
	return drawn, nil
}

// describe are the areas as they should be now. The background of the grid is
// before all else, since it is under the grid.
func (s *Scene) describe() []area {
	l := s.layout
	areas := []area{{l.middle, fmt.Sprint(s.help, l.grid.rect, s.layer, s.view), s.drawMiddle}}
	add := func(r image.Rectangle, draw func(p pen), says ...any) {
		areas = append(areas, area{r, fmt.Sprintln(says...), draw})
	}
	left, right := s.statusText()
	add(l.status, func(p pen) { p.status(left, right) }, left, right)
	keys, note := s.footerText()
	add(l.footer, func(p pen) { p.footer(keys, note) }, keys, note)

	name, detail := s.inputText()
	add(l.inputLabel, func(p pen) { p.label(name, detail, text) }, name, detail)
	if s.src.CAM >= 0 {
		class := s.src.class(s.camClass())
		add(l.camLabel, func(p pen) { p.label("class map", class, text) }, class)
	}
	bars := s.ranked(l.bars.Dy() / max(1, l.row))
	add(l.bars, func(p pen) { s.drawBars(p, bars) }, bars, s.seen().truth, s.class)

	title, shape := s.headerText()
	add(l.header, func(p pen) { p.label(title, shape, bright) }, title, shape)
	low, high, stats, value := s.legendText()
	shown := s.tensor(s.layer)
	add(l.legend, func(p pen) { s.drawLegend(p, shown, low, high, stats, value) }, low, high, stats, value, s.colour, shown.Signed, shown.Shape[1])
	add(l.timeline, s.drawTimeline, s.past.at, len(s.past.kept), s.past.last(), l.timeline)
	add(l.list, s.drawList, s.layer, l.list)
	add(l.curves, s.drawCurves, s.curves.seen, len(s.curves.epochs))
	return areas
}

// status is the line at the top.
func (p pen) status(left, right string) {
	b := p.Bounds()
	p.fill(b, raised)
	pad := p.pt(12)
	end := p.writeRight(p.regular, text, b.Max.X-pad, 0, b.Dy(), right)
	p.write(p.bold, bright, pad, 0, b.Dy(), end-3*pad, left)
}

// footer is the line at the bottom.
func (p pen) footer(keys, note string) {
	b := p.Bounds()
	p.fill(b, raised)
	pad := p.pt(12)
	end := p.writeRight(p.regular, orange, b.Max.X-pad, 0, b.Dy(), note)
	p.write(p.regular, faint, pad, 0, b.Dy(), end-2*pad, keys)
}

// label is a name at the left, bold, and what it is of at the right.
func (p pen) label(name, detail string, c color.RGBA) {
	b := p.Bounds()
	x := p.write(p.bold, c, 0, 0, b.Dy(), b.Dx(), name)
	x += p.pt(8)
	if w := p.width(p.regular, detail); w <= b.Dx()-x {
		p.writeRight(p.regular, faint, b.Max.X, 0, b.Dy(), detail)
		return
	}
	p.write(p.regular, faint, x, 0, b.Dy(), b.Dx()-x, detail)
}

func (s *Scene) statusText() (left, right string) {
	var parts []string
	if st := s.status; st.Step > 0 {
		parts = append(parts, fmt.Sprintf("step %d/%d", st.Step, st.Steps), fmt.Sprintf("loss %.4f", st.Loss))
		if st.ImagesPerSecond > 0 {
			parts = append(parts, fmt.Sprintf("%.0f images/s", st.ImagesPerSecond))
		}
	}
	if s.frameMS > 0 {
		parts = append(parts, fmt.Sprintf("%.1f ms/frame", s.frameMS))
	}
	return s.src.Title, strings.Join(parts, "   ")
}

func (s *Scene) footerText() (keys, note string) {
	note = s.message
	switch {
	case s.past.at >= 0:
		note = fmt.Sprintf("as it was at step %d", s.past.kept[s.past.at].step)
	case s.paused:
		note = "paused"
	case s.follow:
		note = "input follows"
	}
	return fmt.Sprintf("H help   N colours by %s   C %s   V %s", normalisationNames[s.norm], s.palettes.names[s.colour], viewNames[s.view]), note
}

func (s *Scene) inputText() (name, detail string) {
	switch from := s.seen(); {
	case from.mine:
		return "input", "yours"
	case from.truth >= 0:
		return fmt.Sprintf("input %d", from.sample), s.src.class(from.truth)
	}
	return "input", ""
}

// Shown is what a picture shows the network to make of its input.
type Shown struct {
	Sample  int     // the input, counted from 0; -1 if it is none of the samples
	Own     bool    // the input is an image of the user's own
	Truth   string  // the class of the sample; empty if it is not known
	Classes []Class // all, the most probable first
}

// Class is a class with the probability that the network gives it.
type Class struct {
	Name        string
	Probability float64 // softmax of the logits, to four places
}

// Shown returns in words and numbers what the last picture shows, for who cannot see it. Before the
// first picture, all classes are equally probable.
func (s *Scene) Shown() Shown {
	from := s.seen()
	shown := Shown{Sample: from.sample, Own: from.mine}
	if from.mine || s.src.Samples == 0 {
		shown.Sample = -1
	} else if from.truth >= 0 {
		shown.Truth = s.src.class(from.truth)
	}
	for _, b := range s.ranked(s.src.classes()) {
		shown.Classes = append(shown.Classes, Class{s.src.class(b.class), b.p})
	}
	return shown
}

// seen is where the input that is shown is from.
func (s *Scene) seen() origin {
	if s.past.at >= 0 {
		return s.past.kept[s.past.at].input
	}
	return s.origin
}

func (s *Scene) headerText() (title, shape string) {
	l := s.src.Layers[s.layer]
	t := l.Activation
	title = l.Name + "  " + l.Kind
	shape = fmt.Sprintf("%s  %d × %d × %d", viewNames[s.view], t.Shape[0], t.Shape[2], t.Shape[3])
	if s.view == kernels || s.view == kernelGradients {
		w := l.Weights
		if w.Data.IsZero() {
			return title, viewNames[s.view]
		}
		shape = fmt.Sprintf("%s  %d × %d × %d × %d", viewNames[s.view], w.Shape[0], w.Shape[1], w.Shape[2], w.Shape[3])
		if w.Shape[2]*w.Shape[3] == 1 {
			shape += "  in ↓ out →"
		}
		if w.Shape[1] > 1 && s.tensor(s.layer).Shape[1] == 1 && w.Shape[2]*w.Shape[3] > 1 {
			shape += fmt.Sprintf("  input channel %d", s.channel%w.Shape[1])
		}
	}
	return title, shape
}

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

// legendText says what the colours are, and the numbers.
func (s *Scene) legendText() (low, high, stats, value string) {
	t := s.tensor(s.layer)
	if t.Data.IsZero() || s.help {
		return "", "", "", ""
	}
	known := s.subject
	known.hover = spot{}
	if known != (subject{layer: s.layer, channel: s.channel, view: s.view, past: s.past.at}) {
		return "", "", "", ""
	}
	hover := s.hover()
	m := s.mark
	if hover.what == ofGrid {
		m = hover.m
	}
	e := s.entry(s.at.totals)
	of := "layer"
	first, step := s.span()
	span := s.entry(first)
	switch {
	case m >= 0 && step > 0:
		span = s.entry(first + uint32(m)*step)
	case step > 0:
		span = [4]float64{} // every map has its own
	}
	if s.norm == global {
		e = merged(s.entriesOf(t))
	}
	if m >= 0 {
		e, of = s.entry(s.at.maps+uint32(m)), fmt.Sprintf("map %d", m)
		if s.view == activations && s.src.CAM >= 0 && s.layer >= s.src.CAM {
			of += ", " + s.src.class(m) // from there on, each map is a class
		}
	}
	low, high = "least", "most"
	if t.Signed {
		low, high = "− most", "+ most"
	}
	if span[0] != 0 || span[1] != 0 {
		if t.Signed {
			span[1] = max(math.Abs(span[0]), math.Abs(span[1]))
			span[0] = -span[1]
		}
		low, high = number(span[0]), number(span[1])
	}
	stats = fmt.Sprintf("%s   min %s   max %s   mean %s", of, number(e[0]), number(e[1]), number(e[2]))
	if s.view == activations {
		stats += fmt.Sprintf("   ≤ 0  %.0f %%", 100*e[3])
		if m < 0 {
			dead := 0
			for _, e := range s.entriesOf(t) {
				if e[1] <= 0 {
					dead++
				}
			}
			stats += fmt.Sprintf("   dead %d of %d", dead, t.Shape[0])
		}
	}
	if hover.what != ofNothing && s.subject.hover == hover {
		value = fmt.Sprintf("(%d, %d)  %s", hover.row, hover.col, number(s.entry(s.at.mouse)[2]))
		if hover.what == ofInput {
			value = "input " + value
		}
	}
	return low, high, stats, value
}

// entriesOf are the statistics of the maps that are shown.
func (s *Scene) entriesOf(t Tensor) [][4]float64 {
	es := make([][4]float64, t.Shape[0])
	for i := range es {
		es[i] = s.entry(s.at.maps + uint32(i))
	}
	return es
}

// merged is what merge.wgsl makes of statistics.
func merged(es [][4]float64) [4]float64 {
	all := es[0]
	for _, e := range es[1:] {
		all = [4]float64{min(all[0], e[0]), max(all[1], e[1]), all[2] + e[2], all[3] + e[3]}
	}
	all[2] /= float64(len(es))
	all[3] /= float64(len(es))
	return all
}

// number is v in few characters, with a proper minus.
func number(v float64) string {
	return strings.ReplaceAll(fmt.Sprintf("%.3g", v), "-", "−")
}

func (s *Scene) drawLegend(p pen, t Tensor, low, high, stats, value string) {
	b := p.Bounds()
	if low == "" {
		return
	}
	row := s.layout.row
	x := p.write(p.regular, faint, 0, 0, row, b.Dx()/4, low) + p.pt(8)
	bar := image.Rect(x, p.pt(5), min(x+p.pt(180), b.Max.X-p.width(p.regular, high)-p.pt(8)), row-p.pt(5))
	for i := range bar.Dx() {
		c := s.palettes.colour(s.colour, t.Signed, i*levels/bar.Dx())
		x, top, bottom := bar.Min.X+i, bar.Min.Y, bar.Max.Y
		if t.Shape[1] != 3 {
			p.fill(image.Rect(x, top, x+1, bottom), c)
			continue
		}
		v := uint8(i * levels / bar.Dx())
		third := func(k int) int { return top + (bottom-top)*k/3 }
		p.fill(image.Rect(x, top, x+1, third(1)), color.RGBA{v, 0, 0, 255})
		p.fill(image.Rect(x, third(1), x+1, third(2)), color.RGBA{0, v, 0, 255})
		p.fill(image.Rect(x, third(2), x+1, bottom), color.RGBA{0, 0, v, 255})
	}
	end := p.write(p.regular, faint, bar.Max.X+p.pt(8), 0, row, b.Dx(), high)
	if value != "" && end+p.pt(16)+p.width(p.bold, value) <= b.Max.X {
		p.writeRight(p.bold, bright, b.Max.X, 0, row, value)
	}
	p.write(p.regular, text, 0, row, row, b.Dx(), stats)
}

// drawMiddle is what is where the grid is not.
func (s *Scene) drawMiddle(p pen) {
	b := p.Bounds()
	switch {
	case s.help:
		s.drawHelp(p)
	case s.layout.grid.rect.Empty():
		why := "no room"
		if s.tensor(s.layer).Data.IsZero() {
			why = "this layer has no " + viewNames[s.view]
		}
		p.write(p.regular, faint, (b.Dx()-p.width(p.regular, why))/2, b.Dy()/3, s.layout.row, b.Dx(), why)
	}
}

func (s *Scene) drawList(p pen) {
	b := p.Bounds()
	row := s.layout.row
	for i, l := range s.src.Layers[min(s.firstListed(), len(s.src.Layers)):] {
		i += s.firstListed()
		y := (i - s.firstListed()) * row
		if y+row > b.Dy() {
			break
		}
		c, ink := faint, text
		if i == s.layer {
			p.fill(image.Rect(0, y, b.Max.X, y+row), chosen)
			c, ink = text, bright
		}
		t := l.Activation
		shape := fmt.Sprintf("%d×%d×%d", t.Shape[0], t.Shape[2], t.Shape[3])
		end := b.Max.X - p.pt(6)
		if b.Dx() > p.pt(220) {
			end = p.writeRight(p.regular, c, end, y, row, shape)
		}
		p.write(p.regular, c, p.pt(6), y, row, p.pt(30), l.Name)
		p.write(p.regular, ink, p.pt(40), y, row, end-p.pt(46), l.Kind)
	}
}

// firstListed is the first layer in the list: not 0 if the chosen one would not
// be in it.
func (s *Scene) firstListed() int {
	fit := max(1, s.layout.list.Dy()/max(1, s.layout.row))
	return max(0, s.layer-fit+1)
}

func (s *Scene) drawTimeline(p pen) {
	b := p.Bounds()
	label := fmt.Sprintf("step %d", s.past.last())
	if s.past.at >= 0 {
		label = fmt.Sprintf("step %d", s.past.kept[s.past.at].step)
	}
	track := s.track().Sub(s.layout.timeline.Min)
	p.fill(image.Rect(track.Min.X, b.Dy()/2, track.Max.X, b.Dy()/2+p.pt(2)), line)
	at := len(s.past.kept)
	if s.past.at >= 0 {
		at = s.past.at
	}
	for i := range s.past.kept {
		x := track.Min.X + track.Dx()*i/len(s.past.kept)
		p.fill(image.Rect(x, b.Dy()/2-p.pt(2), x+p.pt(1), b.Dy()/2+p.pt(4)), faint)
	}
	x := track.Min.X + track.Dx()*at/len(s.past.kept)
	c := text
	if s.past.at >= 0 {
		c = orange
	}
	p.fill(image.Rect(x-p.pt(3), p.pt(3), x+p.pt(3), b.Dy()-p.pt(3)), c)
	p.writeRight(p.regular, c, b.Max.X, 0, b.Dy(), label)
}

// track is the part of the timeline that the mouse can take.
func (s *Scene) track() image.Rectangle {
	r := s.layout.timeline
	r.Min.X += s.pen.pt(4)
	r.Max.X -= s.pen.pt(96)
	return r
}

// drawHelp lists the keys.
func (s *Scene) drawHelp(p pen) {
	b := p.Bounds()
	p.fill(b, raised)
	row := s.layout.row
	x := p.pt(16)
	y := p.pt(10)
	p.write(p.bold, bright, x, y, row, b.Dx()-2*x, "Keys and mouse")
	y += row + p.pt(4)
	for _, h := range s.helpLines() {
		if y+row > b.Dy() {
			break
		}
		p.write(p.bold, blue, x, y, row, p.pt(96), h[0])
		p.write(p.regular, text, x+p.pt(104), y, row, b.Dx()-2*x-p.pt(104), h[1])
		y += row
	}
}
