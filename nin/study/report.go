package study

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"path/filepath"
	"strings"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/combin"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg/draw"

	"wgnin/nin/internal/chart"
	"wgnin/nn/files"
)

// WriteFiles writes the report study-N.md and its plot study-N.png to dir, and returns the path of
// the report.
func (r Findings) WriteFiles(dir string) (string, error) {
	name := filepath.Join(dir, fmt.Sprintf("study-%d", r.Exercise))
	png, err := r.plot()
	if err != nil {
		return "", err
	}
	if err := files.Write(name+".png", png); err != nil {
		return "", err
	}
	return name + ".md", files.Write(name+".md", []byte(r.markdown()))
}

// markdown returns the report.
func (r Findings) markdown() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	p("# Exercise %d: %s\n\n> %s\n\n", r.Exercise, r.Title, r.Question)
	for _, v := range r.Networks {
		p("- **%s**: %s\n", v.Name, v.About)
	}
	epochs := float64(r.Steps*r.Batch) / float64(r.TrainImages)
	seeds := fmt.Sprintf("%d seeds", r.Seeds)
	if r.Seeds == 1 {
		seeds = "one seed"
	}
	p("\nEach was trained with %s, on the same images in the same order: %d steps of %d of the %d training images of\n%s (%.2g epochs), "+
		"learning rate %g,\nwith the recipe `mini` otherwise, and tested on %d images.\n\n", seeds, r.Steps, r.Batch,
		r.TrainImages, r.Dataset, epochs, r.Rate, r.TestImages)
	p("| variant | test accuracy, mean (least to most) | training loss, last tenth | images/s | parameters | M multiply-adds | MB to train | MB to predict |\n")
	p("|---|---|---|---|---|---|---|---|\n")
	for i, v := range r.Results {
		average, least, most := v.spread()
		accuracy, loss := "diverged", "-"
		if len(v.Accuracy) > 0 {
			accuracy = fmt.Sprintf("%.4f (%.4f to %.4f)", average, least, most)
			if v.Guessing > 0 {
				accuracy += ", " + v.guessing("")
			}
			if v.Diverged > 0 {
				accuracy += fmt.Sprintf(", %d diverged", v.Diverged)
			}
			loss = fmt.Sprintf("%.3f", lastTenth(v.Loss))
		}
		p("| %s | %s | %s | %.0f | %d | %.2f | %.1f | %.1f |\n", r.Networks[i].Name, accuracy, loss, v.Rate,
			v.Cost.Parameters, float64(v.Cost.MACs)/1e6, megabytes(v.Cost.Training.Peak),
			megabytes(v.Cost.Prediction.Peak))
	}
	p("\n![test accuracy and training loss](study-%d.png)\n\n", r.Exercise)
	for _, line := range r.notLearned() {
		p("**%s**\n\n", line)
	}
	for i := 1; i < len(r.Results); i++ {
		p("- %s\n", r.compare(i))
	}
	p("\nThe memory is the planned peak, dataset included; images/s are those of training, the median of the seeds. Adapter: %s.\n"+
		"`%s`, which took %v.\n", r.Adapter, r.Command, rounded(r.Took))
	return b.String()
}

// lastTenth returns the mean of the last tenth of the losses of a training.
func lastTenth(losses []float64) float64 { return stat.Mean(losses[len(losses)*9/10:], nil) }

// learned is the share of the loss of a guess below which a network counts as having learned.
const learned = 0.9

// guess returns the loss of a guess if all classes are equally frequent.
func (r Findings) guess() float64 { return math.Log(float64(r.Classes)) }

// guessing says that the network did not learn or, in units, how many of its trainings did not.
func (v NetworkResult) guessing(units string) string {
	if v.Guessing == len(v.Accuracy) {
		return "did not learn"
	}
	return fmt.Sprintf("%d of %d%s did not learn", v.Guessing, len(v.Accuracy), units)
}

// notLearned returns a line for each variant with trainings whose loss stayed at that of a guess,
// or a single line if it did so in all trainings.
func (r Findings) notLearned() (lines []string) {
	trainings, guessing := 0, 0
	for i, v := range r.Results {
		trainings, guessing = trainings+len(v.Accuracy), guessing+v.Guessing
		if v.Guessing > 0 {
			lines = append(lines,
				fmt.Sprintf("%s: %s at the learning rate %g. After %d steps the training loss was still about that of a guess, ln %d = %.2f. "+
					"That says how this rate, this start and so few steps suit the network, not how good the network is.",
					r.Networks[i].Name, v.guessing(" trainings"), r.Rate, r.Steps, r.Classes, r.guess()))
		}
	}
	if guessing > 0 && guessing == trainings {
		return []string{fmt.Sprintf("No training learned at the learning rate %g. After %d steps the training loss was still about that of a guess, ln %d = %.2f, "+
			"so the differences say nothing. More time allows more steps.", r.Rate, r.Steps, r.Classes, r.guess())}
	}
	return lines
}

// compare says in a sentence how variant i differs from the first. An accuracy differs if all
// seeds of one are above all of the other. Accuracies of trainings that did not learn are not
// compared.
func (r Findings) compare(i int) string {
	base, v := r.Results[0], r.Results[i]
	name := fmt.Sprintf("**%s** against %s: ", r.Networks[i].Name, r.Networks[0].Name)
	if len(base.Accuracy) == 0 || len(v.Accuracy) == 0 {
		return name + "the training diverged, so there is nothing to compare."
	}
	average0, least0, most0 := base.spread()
	average, least, most := v.spread()
	s := name + fmt.Sprintf("%+.1f points of accuracy", 100*(average-average0))
	switch {
	case base.Guessing+v.Guessing > 0:
		s = name + "not every training learned, so the accuracies cannot be compared"
	case len(base.Accuracy) == 1 || len(v.Accuracy) == 1:
		s += " (one seed: this may be chance)"
	case least > most0 || most < least0:
		// Of all orders of a + b values, two have all values of one network above all of the other.
		a, b := float64(len(base.Accuracy)), float64(len(v.Accuracy))
		s += fmt.Sprintf(" (every seed agrees, as equals do by chance one time in %.3g)",
			combin.GeneralizedBinomial(a+b, a)/2)
	default:
		s += " (less than the seeds differ)"
	}
	return s + fmt.Sprintf(", %s parameters, %s multiply-adds, %s images/s.",
		times(v.Cost.Parameters, base.Cost.Parameters),
		times(v.Cost.MACs, base.Cost.MACs), times(v.Rate, base.Rate))
}

// times writes a in units of b.
func times[T int | int64 | float64](a, b T) string {
	return fmt.Sprintf("%.2f times the", math.Round(100*float64(a)/float64(b))/100)
}

// plot draws two plots side by side: the accuracy of each seed, with the mean and a bar from the
// least to the most, and the training losses.
func (r Findings) plot() ([]byte, error) {
	accuracy, loss := chart.New(), chart.New()
	accuracy.Y.Label.Text = "test accuracy"
	loss.X.Label.Text, loss.Y.Label.Text = "step", "training loss"
	accuracy.Add(chart.Grid())
	loss.Add(chart.Grid())
	names := make([]string, len(r.Networks))
	guess := 1 / float64(r.Classes) // the accuracy of guessing, where all classes are as frequent
	chance, err := plotter.NewLine(plotter.XYs{{X: -0.5, Y: guess}, {X: float64(len(names)) - 0.5, Y: guess}})
	if err != nil {
		return nil, err
	}
	chance.LineStyle = draw.LineStyle{Color: chart.Grey, Width: 1, Dashes: chart.Dashed}
	accuracy.Add(chance)
	var texts plotter.XYLabels // of each network, and of the line
	highest := 0.0
	for i, v := range r.Results {
		names[i] = r.Networks[i].Name
		c := plotutil.Color(i)
		texts.XYs, texts.Labels = append(texts.XYs, plotter.XY{X: float64(i)}), append(texts.Labels, "diverged")
		if len(v.Accuracy) == 0 {
			continue
		}
		drawn, err := v.draw(float64(i), c)
		if err != nil {
			return nil, err
		}
		accuracy.Add(drawn...)
		average, _, most := v.spread()
		texts.XYs[i].Y, texts.Labels[i] = most, fmt.Sprintf("%.3f", average)
		var curve plotter.XYs
		for k, l := range v.Loss {
			curve = append(curve, plotter.XY{X: (float64(k) + 0.5) * float64(r.Steps) / float64(len(v.Loss)), Y: l})
			highest = max(highest, l)
		}
		line, err := plotter.NewLine(curve)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = c, 1.5
		loss.Add(line)
		loss.Legend.Add(names[i], line)
	}
	texts.XYs, texts.Labels = append(texts.XYs, chance.XYs[0]), append(texts.Labels, " chance")
	labels, err := plotter.NewLabels(texts)
	if err != nil {
		return nil, err
	}
	for i := range labels.TextStyle {
		labels.TextStyle[i] = accuracy.X.Tick.Label
		labels.TextStyle[i].YAlign = draw.YBottom
	}
	labels.TextStyle[len(names)].XAlign, labels.TextStyle[len(names)].Color = draw.XLeft, chart.Grey
	labels.Offset.Y = 5
	accuracy.Add(labels)
	accuracy.NominalX(names...)
	accuracy.X.Min, accuracy.X.Max = -0.5, float64(len(names))-0.5
	chart.Fifths(&accuracy.Y, 1)
	chart.Fifths(&loss.Y, 1.25*highest) // room for the legend
	chart.Whole(&loss.X, float64(r.Steps))
	loss.Legend.Top, loss.Legend.Padding = true, 2
	return chart.PNG(720, 300, accuracy, loss)
}

// draw returns the bar from the least accuracy to the most, the mean, and the dots of the seeds, at
// x.
func (v NetworkResult) draw(x float64, c color.Color) ([]plot.Plotter, error) {
	average, least, most := v.spread()
	var points plotter.XYs
	for _, a := range v.Accuracy {
		points = append(points, plotter.XY{X: x, Y: a})
	}
	dots, err1 := plotter.NewScatter(points)
	mean, err2 := plotter.NewLine(plotter.XYs{{X: x - 0.2, Y: average}, {X: x + 0.2, Y: average}})
	bars, err3 := plotter.NewYErrorBars(struct {
		plotter.XYs
		plotter.YErrors
	}{plotter.XYs{{X: x, Y: average}}, plotter.YErrors{{Low: average - least, High: most - average}}})
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	dots.GlyphStyle = draw.GlyphStyle{Color: c, Radius: 3, Shape: draw.CircleGlyph{}}
	mean.Color, mean.Width = c, 2
	bars.LineStyle, bars.CapWidth = draw.LineStyle{Color: c, Width: 1}, 12
	return []plot.Plotter{bars, mean, dots}, nil
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }
