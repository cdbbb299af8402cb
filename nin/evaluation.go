package nin

import (
	"bytes"
	"context"
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"
	"text/tabwriter"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/files"
)

// Evaluation is how well a network knows labelled images.
type Evaluation struct {
	Recipe    string        `json:"recipe"`
	Dataset   string        `json:"dataset"`
	Images    int           `json:"images"`
	Accuracy  float64       `json:"accuracy"` // share of the images whose largest logit is the label's
	Loss      float64       `json:"loss"`     // mean cross-entropy, in nats
	Classes   []ClassResult `json:"classes"`
	Confusion [][]int       `json:"confusion"` // images of the class of the row, by the class that was predicted
}

// ClassResult is how well a network knows a class.
type ClassResult struct {
	Name      string  `json:"name"`
	Images    int     `json:"images"`
	Precision float64 `json:"precision"` // share of the images taken for this class that are of it; 0 if there are none
	Recall    float64 `json:"recall"`    // share of the images of this class that are taken for it; 0 if there are none
}

// Evaluate measures m on images, batch of them at a time, and calls progress
// (if not nil) with how many are done.
func (m *Model) Evaluate(ctx context.Context, dev *gpu.Device, images *data.Images, batch int, progress func(done int)) (Evaluation, error) {
	e := Evaluation{Recipe: m.Recipe.Name, Dataset: images.Name, Images: images.Len()}
	if err := m.check(images); err != nil {
		return e, err
	}
	net, err := m.Net(dev)
	if err != nil {
		return e, err
	}
	defer net.Close()
	on, err := nn.Upload(dev, images)
	if err != nil {
		return e, err
	}
	defer on.Close()
	eval, err := nn.NewEvaluator(net, on, batch)
	if err != nil {
		return e, err
	}
	defer eval.Close()
	n := len(m.Classes)
	e.Confusion = make([][]int, n)
	for i := range e.Confusion {
		e.Confusion[i] = make([]int, n)
	}
	for first := 0; first < images.Len(); first += eval.Batch() {
		if err := ctx.Err(); err != nil {
			return e, err
		}
		rows, err := eval.Logits(first, min(eval.Batch(), images.Len()-first))
		if err != nil {
			return e, err
		}
		for i, logits := range rows {
			label := int(images.Labels[first+i])
			p, best := softmax(logits)
			e.Confusion[label][best]++
			e.Loss -= p[label]
		}
		if progress != nil {
			progress(first + len(rows))
		}
	}
	e.Loss /= float64(e.Images)
	if math.IsNaN(e.Loss) || math.IsInf(e.Loss, 0) {
		return e, fmt.Errorf("the loss is %g: the logits are not finite", e.Loss)
	}
	e.count(images.Classes)
	return e, nil
}

// softmax is the logarithms of the classes' probabilities, and the first of the
// most probable.
func softmax(logits []float32) (logP []float64, best int) {
	logP = make([]float64, len(logits))
	for i, v := range logits {
		logP[i] = float64(v)
		if v > logits[best] {
			best = i
		}
	}
	largest, sum := logP[best], 0.0
	for _, v := range logP {
		sum += math.Exp(v - largest)
	}
	for i := range logP {
		logP[i] -= largest + math.Log(sum)
	}
	return logP, best
}

// count fills in what follows from the confusion matrix.
func (e *Evaluation) count(classes []string) {
	right := 0
	for c, name := range classes {
		r, taken := ClassResult{Name: name}, 0
		for o := range classes {
			r.Images += e.Confusion[c][o]
			taken += e.Confusion[o][c]
		}
		hits := e.Confusion[c][c]
		right += hits
		r.Precision, r.Recall = share(hits, taken), share(hits, r.Images)
		e.Classes = append(e.Classes, r)
	}
	e.Accuracy = share(right, e.Images)
}

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// maxText is the most classes of which the matrix is shown in numbers.
const maxText = 20

// Write prints the evaluation as tables.
func (e Evaluation) Write(w io.Writer) error {
	fmt.Fprintf(w, "%s on %d images of %s: accuracy %.4f, loss %.4f\n\n", e.Recipe, e.Images, e.Dataset, e.Accuracy, e.Loss)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "class\timages\tprecision\trecall\tmost often taken for")
	for c, r := range e.Classes {
		taken := "-"
		others := slices.Clone(e.Confusion[c])
		others[c] = 0
		if most := slices.Max(others); most > 0 {
			taken = fmt.Sprintf("%s (%d)", e.Classes[slices.Index(others, most)].Name, most)
		}
		fmt.Fprintf(t, "%s\t%d\t%.3f\t%.3f\t%s\n", r.Name, r.Images, r.Precision, r.Recall, taken)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(e.Classes) > maxText {
		_, err := fmt.Fprintf(w, "\nthe confusion matrix of %d classes is too wide to print; -png draws it\n", len(e.Classes))
		return err
	}
	fmt.Fprintln(w, "\nconfusion: rows are the labels, columns what was predicted")
	t = tabwriter.NewWriter(w, 0, 0, 1, ' ', tabwriter.AlignRight)
	for c := range e.Classes {
		fmt.Fprintf(t, "\t%d", c)
	}
	fmt.Fprintln(t, "\t")
	for c, r := range e.Classes {
		fmt.Fprintf(t, "%d %s", c, r.Name)
		for _, n := range e.Confusion[c] {
			fmt.Fprintf(t, "\t%s", map[bool]string{true: ".", false: strconv.Itoa(n)}[n == 0])
		}
		fmt.Fprintln(t, "\t")
	}
	return t.Flush()
}

// recalls is the confusion matrix as shares of the rows, the first row on top.
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

// WritePNG draws the confusion matrix: the label down, the prediction across,
// the colour the share of the label's images.
func (e Evaluation) WritePNG(path string) error {
	m, n := recalls(e.Confusion), len(e.Classes)
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
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%s on %d images of %s: accuracy %.4f", e.Recipe, e.Images, e.Dataset, e.Accuracy)
	p.X.Label.Text, p.Y.Label.Text = "predicted", "label"
	p.Title.Padding = vg.Points(8)
	p.Add(heat)
	cell := max(vg.Points(6), min(vg.Points(36), vg.Points(720)/vg.Length(n)))
	var x, y plot.ConstantTicks
	for c, r := range e.Classes {
		x = append(x, plot.Tick{Value: float64(c), Label: r.Name})
		y = append(y, plot.Tick{Value: float64(n - 1 - c), Label: r.Name})
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = x, y
	p.X.Tick.Label.Rotation, p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = math.Pi/4, draw.XRight, draw.YTop
	size := min(p.X.Tick.Label.Font.Size, cell*0.9)
	p.X.Tick.Label.Font.Size, p.Y.Tick.Label.Font.Size = size, size
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Tick.Length, axis.Width, axis.Padding = 0, 0, vg.Points(3)
	}
	if n <= maxText {
		if err := e.addCounts(p); err != nil {
			return err
		}
	}
	names := vg.Length(0) // the longest
	for _, r := range e.Classes {
		names = max(names, p.X.Tick.Label.Width(r.Name))
	}
	c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(cell*vg.Length(n)+names+vg.Points(64), cell*vg.Length(n)+names*0.75+vg.Points(80)), vgimg.UseDPI(144))}
	p.Draw(draw.Crop(draw.New(c), vg.Points(6), -vg.Points(12), vg.Points(6), -vg.Points(6)))
	var png bytes.Buffer
	if _, err := c.WriteTo(&png); err != nil {
		return err
	}
	return files.Write(path, png.Bytes())
}

// addCounts writes the number of images in each cell.
func (e Evaluation) addCounts(p *plot.Plot) error {
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
