//go:build !noplot

package report

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"wgnin/nin/internal/chart"
	"wgnin/nn/files"
)

// recalls is the confusion matrix as shares of its rows, with the first row on top.
type recalls [][]int

func (m recalls) Dims() (c, r int)   { return len(m), len(m) }
func (m recalls) X(c int) float64    { return float64(c) }
func (m recalls) Y(r int) float64    { return float64(r) }
func (m recalls) Z(c, r int) float64 { return m.at(len(m)-1-r, c) }

func (m recalls) at(label, predicted int) float64 {
	sum := 0
	for _, n := range m[label] {
		sum += n
	}
	return share(m[label][predicted], sum)
}

// WritePNG draws the confusion matrix in a PNG file. Rows are the labels, columns the predictions,
// and the colour is the share of the images of the label. It returns the error of [CheckPicture] if
// there are too many classes.
func (e Scores) WritePNG(path string) error {
	m, n := recalls(e.Confusion), len(e.Classes)
	if err := CheckPicture(n); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	colors, err := moreland.NewLuminance([]color.Color{
		color.RGBA{8, 48, 107, 255}, color.RGBA{107, 174, 214, 255}, color.RGBA{255, 255, 255, 255},
	})
	if err != nil {
		return err
	}
	colors.SetMin(0)
	colors.SetMax(1)
	heat := plotter.NewHeatMap(m, palette.Reverse(colors).Palette(256))
	heat.Min, heat.Max = 0, 1
	p := chart.New()
	p.Title.Text = fmt.Sprintf("%s on %d images of %s: accuracy %.4f", e.Recipe, e.Images, e.Dataset, e.Accuracy)
	p.X.Label.Text, p.Y.Label.Text = "predicted", "label"
	p.Add(heat)
	cell := max(vg.Points(6), min(vg.Points(36), vg.Points(720)/vg.Length(n)))
	cell = min(cell, vg.Points(3000)/vg.Length(n))
	labels := e.labels(p.X.Tick.Label.Font)
	var x, y plot.ConstantTicks
	for c, label := range labels {
		x = append(x, plot.Tick{Value: float64(c), Label: label})
		y = append(y, plot.Tick{Value: float64(n - 1 - c), Label: label})
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = x, y
	p.X.Tick.Label.Rotation, p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = math.Pi/4, draw.XRight, draw.YTop
	size := min(p.X.Tick.Label.Font.Size, cell*0.9)
	p.X.Tick.Label.Font.Size, p.Y.Tick.Label.Font.Size = size, size
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Tick.Length, axis.Width, axis.Padding = 0, 0, 3
	}
	if n <= maxText {
		if err := e.addCounts(p); err != nil {
			return err
		}
	}
	side := cell * vg.Length(n)
	w, h := chart.Size(p, side, side)
	// With few classes, the cells grow until the title fits.
	if more := p.Title.TextStyle.Width(p.Title.Text) + 2*chart.Margin - w; more > 0 {
		w, h = w+more, h+more
	}
	png, err := chart.PNG(w, h, p)
	if err != nil {
		return err
	}
	return files.Write(path, png)
}

// labels returns the names of the classes in characters that the font can write. If a name has
// other characters, or is written from right to left, its label is the number of the class,
// counting from 0 in the order of the printed table, followed by the part of the name that the font
// can write.
func (e Scores) labels(f font.Font) []string {
	face := font.DefaultCache.Lookup(f, f.Size).Face
	var buf sfnt.Buffer
	lacks := func(r rune) bool {
		glyph, err := face.GlyphIndex(&buf, r)
		return err != nil || glyph == 0 || unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Mn)
	}
	all := make([]string, len(e.Classes))
	for c, r := range e.Classes {
		all[c] = norm.NFC.String(Printable(r.Name))
		if strings.ContainsFunc(all[c], lacks) {
			all[c] = strings.Join(strings.Fields(fmt.Sprint(c, " ", strings.Map(func(r rune) rune {
				if lacks(r) {
					return -1
				}
				return r
			}, all[c]))), " ")
		}
	}
	return all
}

// addCounts writes the number of images in each cell.
func (e Scores) addCounts(p *plot.Plot) error {
	m, n := recalls(e.Confusion), len(e.Classes)
	var at plotter.XYLabels
	var styles []text.Style
	for label, row := range m {
		for predicted, count := range row {
			if count == 0 {
				continue
			}
			at.XYs = append(at.XYs, plotter.XY{X: float64(predicted), Y: float64(n - 1 - label)})
			at.Labels = append(at.Labels, strconv.Itoa(count))
			s := p.X.Tick.Label
			s.Rotation, s.XAlign, s.YAlign, s.Color = 0, draw.XCenter, draw.YCenter, color.Black
			if m.at(label, predicted) > 0.5 {
				s.Color = color.White
			}
			styles = append(styles, s)
		}
	}
	labels, err := plotter.NewLabels(at)
	if err != nil {
		return err
	}
	labels.TextStyle = styles
	p.Add(labels)
	return nil
}
