package viz

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
)

// curves holds the chapter's three curves over epochs: training loss, test loss and test accuracy.
type curves struct {
	seen   int // steps
	raw    []point
	means  []point // of the training loss over each half epoch
	sum    float64 // since the last mean
	n      int
	half   int // half epochs done
	last   Step
	epochs []TestScore
}

func (c *curves) any() bool { return c.seen > 0 || len(c.epochs) > 0 }

// maxRaw limits the number of losses of single steps that are kept. When it is reached, neighbours
// are averaged in pairs.
const maxRaw = 4096

func (c *curves) step(s Step) {
	c.seen++
	c.last = s
	c.raw = append(c.raw, point{s.Epoch, s.Loss})
	if len(c.raw) >= maxRaw {
		for i := range len(c.raw) / 2 {
			a, b := c.raw[2*i], c.raw[2*i+1]
			c.raw[i] = point{(a.x + b.x) / 2, (a.y + b.y) / 2}
		}
		c.raw = c.raw[:len(c.raw)/2]
	}
	c.sum += s.Loss
	c.n++
	if half := int(math.Floor(2*s.Epoch + 1e-9)); half > c.half {
		c.means = append(c.means, point{s.Epoch, c.sum / float64(c.n)})
		c.half, c.sum, c.n = half, 0, 0
	}
}

func (s *Scene) drawCurves(p pen) {
	c := &s.curves
	b := p.Bounds()
	row := s.layout.row
	left, top, right, bottom := float64(p.pt(30)), float64(row+p.pt(4)), float64(b.Max.X-p.pt(8)), float64(b.Max.Y-row)

	// The x axis has the epochs of the whole run, and the y axis goes from 0 to the largest value.
	epochs, highest := 1.0, 1.0
	if c.last.Step > 0 && c.last.Epoch > 0 {
		epochs = max(epochs, c.last.Epoch*float64(c.last.Steps)/float64(c.last.Step))
	}
	for _, q := range c.raw {
		highest = max(highest, q.y)
	}
	for _, e := range c.epochs {
		epochs, highest = max(epochs, float64(e.Epoch)), max(highest, e.TestLoss)
	}
	highest = min(1.05*highest, 5) // an exploding loss must not flatten the other curves
	place := func(x, y float64) point {
		return point{left + (right-left)*x/epochs, bottom - (bottom-top)*min(y, highest)/highest}
	}
	every := tick(highest)
	for v := 0.0; v <= highest; v += every {
		y := place(0, v).y
		p.fill(image.Rect(int(left), int(y), int(right), int(y)+1), line)
		p.writeRight(p.regular, faint, int(left)-p.pt(6), int(y)-row/2, row, fmt.Sprintf("%.3g", v))
	}
	if every = tick(epochs); epochs >= 2 {
		every = max(every, 1)
	}
	for v := 0.0; v <= epochs+1e-9; v += every {
		label := fmt.Sprintf("%.3g", v)
		p.write(p.regular, faint, int(place(v, 0).x)-p.width(p.regular, label)/2, int(bottom), row, b.Dx(), label)
	}

	draw := func(ink color.RGBA, width float64, points []point, dashes ...float64) {
		at := make([]point, len(points))
		for i, q := range points {
			at[i] = place(q.x, q.y)
		}
		p.stroke(ink, width*p.scale, at, dashes...)
	}
	var loss, accuracy []point
	for _, e := range c.epochs {
		loss = append(loss, point{float64(e.Epoch), e.TestLoss})
		accuracy = append(accuracy, point{float64(e.Epoch), e.TestAccuracy})
	}
	dashed, dashDot := []float64{6 * p.scale, 4 * p.scale},
		[]float64{8 * p.scale, 3 * p.scale, 2 * p.scale, 3 * p.scale}
	draw(color.RGBA{44, 78, 120, 255}, 1, c.columns(int(right-left)))
	draw(blue, 1.75, c.means)
	draw(purple, 1.75, loss, dashed...)
	draw(green, 1.75, accuracy, dashDot...)
	for _, e := range []struct {
		ink    color.RGBA
		points []point
	}{{blue, c.means}, {purple, loss}, {green, accuracy}} {
		if len(e.points) == 1 { // a single point makes no line
			q := place(e.points[0].x, e.points[0].y)
			d := 2 * p.scale
			p.stroke(e.ink, 2*d, []point{{q.x - d, q.y}, {q.x + d, q.y}})
		}
	}

	names, swatch := [3]string{"train loss", "test loss", "test accuracy"}, p.pt(16)
	room := func() bool { return p.width(p.regular, strings.Join(names[:], ""))+3*(swatch+p.pt(14)) <= b.Dx() }
	if !room() {
		names = [3]string{"train", "test", "accuracy"}
	}
	if !room() {
		swatch = 0 // the names have the colours of the lines
	}
	x := 0
	for i, e := range []struct {
		ink    color.RGBA
		dashes []float64
	}{{blue, nil}, {purple, dashed}, {green, dashDot}} {
		end := x + swatch
		y := float64(row) / 2
		p.stroke(e.ink, 1.75*p.scale, []point{{float64(x), y}, {float64(end), y}}, e.dashes...)
		x = p.write(p.regular, e.ink, end+p.pt(4), 0, row, b.Dx(), names[i]) + p.pt(10)
	}
}

// columns returns the losses of single steps as at most n points. Each is the mean of the losses in
// one column of pixels.
func (c *curves) columns(n int) []point {
	each := (len(c.raw) + max(1, n) - 1) / max(1, n)
	if each <= 1 {
		return c.raw
	}
	var points []point
	for i := 0; i < len(c.raw); i += each {
		part := c.raw[i:min(i+each, len(c.raw))]
		var q point
		for _, r := range part {
			q.x += r.x / float64(len(part))
			q.y += r.y / float64(len(part))
		}
		points = append(points, q)
	}
	return points
}

// tick returns a round distance between marks, of which three to seven fit between 0 and most.
func tick(most float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(most)))
	for _, k := range []float64{0.2, 0.5, 1, 2} {
		if most/(k*unit) <= 6 {
			return k * unit
		}
	}
	return 5 * unit
}
