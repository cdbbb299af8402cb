// Package chart holds the parts that plots of runs, studies and evaluations share: the face, the
// axes, the key and the picture. Lengths are points, 1/72 inch.
package chart

import (
	"bytes"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// These are the colours of the chapter's curves, and of lines that show no data.
var (
	Blue    = color.RGBA{31, 119, 180, 255}
	Magenta = color.RGBA{191, 0, 191, 255}
	Green   = color.RGBA{0, 128, 0, 255}
	Grey    = color.RGBA{96, 96, 96, 255}
)

// Dashed and DashDotted are the dashes of the chapter's curves.
var (
	Dashed     = []vg.Length{6, 3}
	DashDotted = []vg.Length{6, 2, 1, 2}
)

// Margin is the space around a plot in a picture.
const Margin = 10

const (
	dpi = 144 // so that a point is two pixels
	gap = 4   // between a mark and its text
)

// New returns an empty plot with a sans-serif face, whose axes meet.
func New() *plot.Plot {
	p := plot.New()
	for _, s := range []*text.Style{
		&p.Title.TextStyle, &p.X.Label.TextStyle, &p.X.Tick.Label, &p.Y.Label.TextStyle, &p.Y.Tick.Label,
		&p.Legend.TextStyle,
	} {
		s.Font.Variant = "Sans"
	}
	p.Title.Padding = 8
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Padding, a.Label.Padding = 0, gap
	}
	return p
}

// Grid returns the lines behind the data of a plot, at its labelled ticks.
func Grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Color, g.Horizontal.Color = color.Gray{224}, color.Gray{224}
	return g
}

// round returns the smallest number that is at least v and one of the mantissas, from 1 to 10,
// times a power of ten. v must be positive.
func round(v float64, mantissas ...float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range mantissas {
		if m*unit >= v*(1-1e-9) {
			return m * unit
		}
	}
	return 10 * unit
}

// upTo returns ticks at 0 and at n multiples of step.
func upTo(n int, step float64) (ticks plot.ConstantTicks) {
	for i := range n + 1 {
		v := float64(i) * step
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 6, 64)})
	}
	return ticks
}

// Fifths makes an axis go from 0 to a round number that is at least most, and gives it five ticks
// above 0.
func Fifths(a *plot.Axis, most float64) {
	step := round(max(most, 1e-3)/5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
	a.Min, a.Max, a.Tick.Marker = 0, 5*step, upTo(5, step)
}

// Whole makes an axis go from 0 to most, rounded up to a whole number, and gives it at most ten
// ticks above 0, all at whole numbers.
func Whole(a *plot.Axis, most float64) {
	most = max(1, math.Ceil(most-1e-9))
	step := round(max(1, most/10), 1, 2, 5)
	a.Min, a.Max, a.Tick.Marker = 0, most, upTo(int(most/step), step)
}

// Shares is an axis from 0 to 1 at the right of a plot whose left axis [Fifths] has made; its ticks
// are at the same heights. Multiply the values of its curves by the largest value of the left axis.
type Shares struct{ Label string }

// parts returns the ticks, the styles of their texts and of the label, and the space left of the
// label.
func (a Shares) parts(p *plot.Plot) (ticks plot.ConstantTicks, tick, label text.Style, room vg.Length) {
	ticks, tick, label = upTo(5, 0.2), p.Y.Tick.Label, p.Y.Label.TextStyle
	tick.XAlign, tick.YAlign = draw.XLeft, draw.YCenter
	label.Rotation, label.XAlign, label.YAlign = math.Pi/2, draw.XCenter, draw.YTop
	room = p.Y.Tick.Length + gap + tick.Width("0.0") + gap
	return ticks, tick, label, room
}

// Plot draws the axis.
func (a Shares) Plot(c draw.Canvas, p *plot.Plot) {
	ticks, tick, label, room := a.parts(p)
	x := c.Max.X
	c.StrokeLine2(p.Y.LineStyle, x, c.Min.Y, x, c.Max.Y)
	for _, t := range ticks {
		y := c.Y(t.Value)
		c.StrokeLine2(p.Y.Tick.LineStyle, x, y, x+p.Y.Tick.Length, y)
		c.FillText(tick, vg.Point{X: x + p.Y.Tick.Length + gap, Y: y}, t.Label)
	}
	c.FillText(label, vg.Point{X: x + room, Y: c.Center().Y}, a.Label)
}

// GlyphBoxes reserves the space at the right.
func (a Shares) GlyphBoxes(p *plot.Plot) []plot.GlyphBox {
	_, _, label, room := a.parts(p)
	return []plot.GlyphBox{{X: 1, Y: 0.5, Rectangle: vg.Rectangle{Max: vg.Point{X: room + label.Height(a.Label)}}}}
}

// Key names the curves of a plot in a line above it.
type Key []KeyEntry

// KeyEntry is a curve of a [Key].
type KeyEntry struct {
	Label string
	Line  draw.LineStyle
}

// Plot draws the key.
func (k Key) Plot(c draw.Canvas, p *plot.Plot) {
	const swatch = 24
	style := p.Legend.TextStyle
	style.YAlign = draw.YCenter
	x, y := c.Min.X, c.Max.Y+k.height(p)/2
	for _, e := range k {
		c.StrokeLine2(e.Line, x, y, x+swatch, y)
		style.Color = e.Line.Color
		c.FillText(style, vg.Point{X: x + swatch + gap, Y: y}, e.Label)
		x += swatch + gap + style.Width(e.Label) + 4*gap
	}
}

func (k Key) height(p *plot.Plot) vg.Length { return 2 * p.Legend.TextStyle.Font.Size }

// GlyphBoxes reserves the space above.
func (k Key) GlyphBoxes(p *plot.Plot) []plot.GlyphBox {
	return []plot.GlyphBox{{X: 0.5, Y: 1, Rectangle: vg.Rectangle{Max: vg.Point{Y: k.height(p)}}}}
}

// Note marks a point of a plot with a dot and a text: above the dot, or below it if there is no
// room.
type Note struct {
	At    plotter.XY
	Text  string
	Color color.Color
}

// Plot draws a dot and the text.
func (n Note) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	at := vg.Point{X: trX(n.At.X), Y: trY(n.At.Y)}
	c.DrawGlyph(draw.GlyphStyle{Color: n.Color, Radius: 3, Shape: draw.CircleGlyph{}}, at)
	style := p.Legend.TextStyle
	style.Color, style.XAlign, style.YAlign = n.Color, draw.XCenter, draw.YBottom
	at.Y += 2 * gap
	if at.Y+style.Height(n.Text) > c.Max.Y {
		style.YAlign = draw.YTop
		at.Y -= 4 * gap
	}
	half := style.Width(n.Text) / 2
	at.X = max(c.Min.X+half+gap, min(at.X, c.Max.X-half-gap))
	box := style.Rectangle(n.Text).Add(at)
	c.FillPolygon(color.NRGBA{255, 255, 255, 200},
		[]vg.Point{box.Min, {X: box.Max.X, Y: box.Min.Y}, box.Max, {X: box.Min.X, Y: box.Max.Y}})
	c.FillText(style, at, n.Text)
}

// PNG draws plots side by side on a picture of width x height points, and encodes it with two
// pixels a point.
func PNG(width, height vg.Length, plots ...*plot.Plot) ([]byte, error) {
	c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))}
	tiles := draw.Tiles{
		Rows: 1, Cols: len(plots), PadTop: Margin, PadBottom: Margin, PadLeft: Margin, PadRight: Margin,
		PadX: 2 * Margin,
	}
	for i, tile := range plot.Align([][]*plot.Plot{plots}, tiles, draw.New(c))[0] {
		plots[i].Draw(tile)
	}
	var png bytes.Buffer
	_, err := c.WriteTo(&png)
	return png.Bytes(), err
}

// Size returns the size that a picture of p alone must have for a data area of width x height.
func Size(p *plot.Plot, width, height vg.Length) (w, h vg.Length) {
	// The space around the data area does not depend on the size of the picture.
	const trial = 4000
	data := p.DataCanvas(draw.NewCanvas(vgimg.New(1, 1), trial, trial)).Size()
	return width + trial - data.X + 2*Margin, height + trial - data.Y + 2*Margin
}
