package viz

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"slices"
	"strings"

	"wgnin/gpu"
)

// area is a part of the picture that the host draws: text, bars or curves. says describes
// everything that draw depends on, so the area is drawn again when says changes.
type area struct {
	rect image.Rectangle
	says string
	draw func(p pen)
}

// drawAreas draws the areas that have changed and writes their rows to the frame. That overwrites
// maps in the same rows, so panels must run after it.
func (s *Scene) drawAreas() (drawn bool, err error) {
	now := s.describe()
	if !slices.EqualFunc(now, s.areas, func(a, b area) bool { return a.rect == b.rect }) {
		// The layout has changed: erase what lies between the areas too.
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

// describe returns the areas as they should be now. The background of the grid comes first, because
// captions and bars are drawn on it.
func (s *Scene) describe() []area {
	l := s.layout
	shown := s.tensor(s.layer)
	areas := []area{{l.middle, fmt.Sprint(s.help, s.quit != nil, l.grid.rect, l.values, s.layer, s.view), s.drawMiddle}}
	add := func(r image.Rectangle, draw func(p pen), says ...any) {
		areas = append(areas, area{r, fmt.Sprintln(says...), draw})
	}
	left, right := s.statusText()
	add(l.status, func(p pen) { p.status(left, right) }, left, right)
	keys, note := s.footerKeys(), s.footerNote()
	add(l.footer, func(p pen) { p.footer(keys, note) }, keys, note)

	name, detail := s.inputText()
	add(l.inputLabel, func(p pen) { p.label([]string{name}, detail, text) }, name, detail)
	if s.src.CAM >= 0 {
		class, most := s.src.class(s.camClass()), s.camMost()
		add(l.camLabel, func(p pen) { p.label([]string{"class map", "map"}, class, text) }, class)
		scale, nothing := l.camScale, l.cam
		if most > 0 {
			nothing = image.Rectangle{}
		} else {
			scale = image.Rectangle{}
		}
		add(nothing, func(p pen) { s.drawCamNothing(p, class) }, class)
		add(scale, func(p pen) { s.drawCamScale(p, number(most)) }, number(most))
	}
	bars := s.ranked(l.bars.Dy() / max(1, l.row))
	add(l.bars, func(p pen) { s.drawBars(p, bars) }, bars, s.seen().truth, s.class)

	titles, shape := s.headerText()
	add(l.header, func(p pen) { p.label(titles, shape, bright) }, titles, shape)
	legend := s.legend()
	add(l.legend, func(p pen) { s.drawLegend(p, shown, legend) }, legend, s.colour, shown.Signed, shown.Shape[1])
	if l.values.columns > 0 {
		says := []any{s.numbersOf(shown), s.layer, s.view, s.mark, s.class, s.seen().truth}
		add(l.values.rect, func(p pen) { s.drawValues(p, shown) }, says...)
	}
	if g := l.grid; g.caption > 0 {
		texts := s.captionTexts(shown)
		for i := range g.lines() {
			texts := texts[i*g.columns : min((i+1)*g.columns, len(texts))]
			add(g.captions(i), func(p pen) { s.drawCaptions(p, texts) }, texts, s.layer, s.view)
		}
	}
	add(l.timeline, s.drawTimeline, s.past.at, len(s.past.kept), s.past.last(), l.timeline)
	add(l.list, s.drawList, s.layer, l.list)
	add(l.curves, s.drawCurves, s.curves.seen, len(s.curves.epochs))
	return areas
}

// status draws the line at the top.
func (p pen) status(left, right string) {
	b := p.Bounds()
	p.fill(b, raised)
	pad := p.pt(12)
	end := p.writeRight(p.regular, text, b.Max.X-pad, 0, b.Dy(), right)
	p.write(p.bold, bright, pad, 0, b.Dy(), end-3*pad, left)
}

// footer draws the line at the bottom: the note at the right, and as many keys with their actions
// as fit.
func (p pen) footer(keys [][2]string, note string) {
	b := p.Bounds()
	p.fill(b, raised)
	pad := p.pt(12)
	end := b.Max.X - pad
	if note != "" {
		end = p.writeRight(p.regular, orange, end, 0, b.Dy(), p.cutLeft(p.regular, b.Dx()-2*pad, note)) - 2*pad
	}
	x := pad
	for _, k := range keys {
		if x+p.width(p.bold, k[0])+p.pt(5)+p.width(p.regular, k[1]) > end {
			return
		}
		x = p.write(p.bold, blue, x, 0, b.Dy(), b.Dx(), k[0]) + p.pt(5)
		x = p.write(p.regular, faint, x, 0, b.Dy(), b.Dx(), k[1]) + p.pt(14)
	}
}

// label writes a name at the left, bold, and a detail at the right. names lists alternatives from
// long to short; label writes the first that leaves room for the detail.
func (p pen) label(names []string, detail string, c color.RGBA) {
	b := p.Bounds()
	gap, w := p.pt(8), p.width(p.regular, detail)
	for len(names) > 1 && p.width(p.bold, names[0])+gap+w > b.Dx() {
		names = names[1:]
	}
	x := p.write(p.bold, c, 0, 0, b.Dy(), b.Dx(), names[0]) + gap
	if w <= b.Dx()-x {
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

// footerKeys returns the keys for the footer and what they do, the most important first.
func (s *Scene) footerKeys() (keys [][2]string) {
	add := func(can bool, key, does string) {
		if can {
			keys = append(keys, [2]string{key, does})
		}
	}
	add(true, "H", "help")
	add(true, "V", "view: "+viewNames[s.view])
	add(!s.zoom, "N", "range: "+normalisationNames[s.norm])
	add(true, "C", "colours: "+s.palettes.names[s.colour])
	add(s.src.Save != nil, "P", "save a picture")
	add(s.quit != nil, "Q", "quit")
	return keys
}

// footerNote returns the last message, or else the state if it is unusual.
func (s *Scene) footerNote() string {
	switch {
	case s.message != "":
		return s.message
	case s.past.at >= 0:
		return fmt.Sprintf("as it was at step %d", s.past.kept[s.past.at].step)
	case s.paused:
		return "paused"
	case s.follow:
		return "input follows"
	}
	return ""
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

// Shown describes a picture in words and numbers: the input, and the classes that the network sees
// in it.
type Shown struct {
	Sample  int     // index of the sample that is the input, from 0; -1 if the input is no sample
	Own     bool    // whether the input is the user's own image
	Truth   string  // class of the sample; empty if unknown
	Classes []Class // all classes, the most probable first
}

// Class is a class with the probability that the network gives it.
type Class struct {
	Name        string
	Probability float64 // 0 to 1: softmax of the logits, rounded to four decimal places
}

// Shown returns what the last picture shows in words and numbers, for users who cannot see it.
// Before the first picture, all classes are equally probable.
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

// seen returns where the input on the screen comes from.
func (s *Scene) seen() origin {
	if s.past.at >= 0 {
		return s.past.kept[s.past.at].input
	}
	return s.origin
}

// headerText returns names of the layer, from long to short, and the view with its shape.
func (s *Scene) headerText() (titles []string, shape string) {
	l := s.src.Layers[s.layer]
	t := l.Activation
	titles = []string{l.Name + "  " + l.Kind, l.Name + "  " + cmp.Or(l.Short, l.Kind), l.Name}
	shape = fmt.Sprintf("%s  %d × %d × %d", viewNames[s.view], t.Shape[0], t.Shape[2], t.Shape[3])
	if s.view == kernels || s.view == kernelGradients {
		w := l.Weights
		if w.Data.IsZero() {
			return titles, viewNames[s.view]
		}
		shape = fmt.Sprintf("%s  %d × %d × %d × %d", viewNames[s.view], w.Shape[0], w.Shape[1], w.Shape[2], w.Shape[3])
		if w.Shape[2]*w.Shape[3] == 1 {
			shape += "  in ↓ out →"
		}
		if w.Shape[1] > 1 && s.tensor(s.layer).Shape[1] == 1 && w.Shape[2]*w.Shape[3] > 1 {
			shape += fmt.Sprintf("  input channel %d", s.channel%w.Shape[1])
		}
	}
	return titles, shape
}

// captionTexts returns a name and a number for each map of t. The number is the mean of the
// activations of the map, which is the logit if they are pooled. It is empty in other views, and if
// any of the captions does not fit.
func (s *Scene) captionTexts(t Tensor) (texts [][2]string) {
	widest := 0
	for m, e := range s.entriesOf(t) {
		if s.zoom && m != s.mark {
			continue
		}
		c := [2]string{s.mapName(m), number(e[2])}
		widest = max(widest, s.pen.width(s.pen.regular, c[0])+s.pen.width(s.pen.regular, c[1]))
		texts = append(texts, c)
	}
	if s.view != activations || widest+s.pen.pt(captionSpace) > s.layout.grid.cellW {
		for i := range texts {
			texts[i][1] = ""
		}
	}
	return texts
}

// captionSpace is the space between the name of a map and its mean, in points.
const captionSpace = 8

// drawCaptions draws the captions of a line of maps.
func (s *Scene) drawCaptions(p pen, texts [][2]string) {
	g, h := s.layout.grid, p.Bounds().Dy()
	for i, t := range texts {
		left := g.gap + i*(g.cellW+g.gap)
		x := p.write(p.regular, text, left, 0, h, g.cellW, t[0]) + p.pt(captionSpace)
		p.write(p.regular, faint, x, 0, h, left+g.cellW-x, t[1])
	}
}

// drawMiddle draws the background of the grid, or the help or the message that replaces the grid.
func (s *Scene) drawMiddle(p pen) {
	b := p.Bounds()
	switch {
	case s.help:
		s.drawHelp(p)
	case s.layout.grid.rect.Empty() && s.layout.values.columns == 0:
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
		kind := l.Kind
		if p.width(p.regular, kind) > end-p.pt(46) {
			kind = cmp.Or(l.Short, kind)
		}
		p.write(p.regular, ink, p.pt(40), y, row, end-p.pt(46), kind)
	}
}

// firstListed returns the first layer in the list, chosen so that the selected layer is visible.
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

// track returns the part of the timeline that the mouse can drag.
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
