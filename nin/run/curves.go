//go:build !noplot

package run

import (
	"encoding/json"
	"fmt"
	"image/color"
	"io"
	"os"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"wgnin/nin/internal/chart"
	"wgnin/nn/files"
)

// drawCurves draws metrics.jsonl as curves.png. The training loss, the mean of each half epoch, is
// solid, and the test loss after each epoch dashed; their axis is at the left. The test accuracy is
// dash-dotted, and its axis is at the right. The plot gives the last values and the best epoch. The
// lines are the chapter's, which draws all three on one axis. Before the first step drawCurves
// writes nothing.
func (r *Run) drawCurves() error {
	if r.metrics == nil {
		return nil
	}
	f, err := os.Open(r.file(metricsFile))
	if err != nil {
		return err
	}
	defer f.Close()
	train, loss, accuracy, err := curves(f, r.Trainer.StepsPerEpoch())
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	if len(train) == 0 {
		return nil
	}
	p, err := plotOf(train, loss, accuracy)
	if err != nil {
		return err
	}
	png, err := chart.PNG(600, 360, p) // 1200 x 720 pixels
	if err != nil {
		return err
	}
	r.drawn = time.Now()
	return files.Write(r.file(curvesFile), png)
}

// plotOf plots the three curves. Only train must have a point.
func plotOf(train, loss, accuracy plotter.XYs) (*plot.Plot, error) {
	p := chart.New()
	p.X.Label.Text, p.Y.Label.Text = "epoch", "loss"
	highest := 0.0
	for _, q := range slices.Concat(train, loss) {
		highest = max(highest, q.Y)
	}
	chart.Fifths(&p.Y, highest)
	chart.Whole(&p.X, train[len(train)-1].X)
	scaled := make(plotter.XYs, len(accuracy)) // to the left axis
	best := 0
	for i, q := range accuracy {
		scaled[i] = plotter.XY{X: q.X, Y: q.Y * p.Y.Max}
		if q.Y > accuracy[best].Y {
			best = i
		}
	}
	p.Add(chart.Grid())
	var key chart.Key
	for _, c := range []struct {
		name          string
		drawn, values plotter.XYs
		color         color.Color
		dashes        []vg.Length
	}{
		{"train loss", train, train, chart.Blue, nil},
		{"test loss", loss, loss, chart.Magenta, chart.Dashed},
		{"test accuracy", scaled, accuracy, chart.Green, chart.DashDotted},
	} {
		if len(c.drawn) == 0 {
			continue
		}
		line, dot, err := plotter.NewLinePoints(c.drawn)
		if err != nil {
			return nil, err
		}
		line.LineStyle = draw.LineStyle{Color: c.color, Dashes: c.dashes, Width: 1.5}
		dot.GlyphStyle = draw.GlyphStyle{Color: c.color, Shape: draw.CircleGlyph{}, Radius: 2}
		p.Add(line)
		if len(c.drawn) == 1 { // a line of one point does not show
			p.Add(dot)
		}
		key = append(key, chart.KeyEntry{Label: fmt.Sprintf("%s %.4f", c.name, c.values[len(c.values)-1].Y),
			Line: line.LineStyle})
	}
	p.Add(key)
	if len(accuracy) > 0 {
		p.Add(chart.Shares{Label: "accuracy"}, chart.Note{
			At: scaled[best], Color: chart.Green,
			Text: fmt.Sprintf("best: %.4f after epoch %g", accuracy[best].Y, accuracy[best].X),
		})
	}
	return p, nil
}

// curves reads the points of the three curves from metrics; x is in epochs. In the first epoch, the
// points of the training loss are the means of twentieths of the steps so far.
func curves(metrics io.Reader, stepsPerEpoch int) (train, loss, accuracy plotter.XYs, err error) {
	type step struct {
		number int // from 1 on; torn lines leave gaps
		loss   float64
	}
	var steps []step
	err = eachLine(metrics, func(line []byte) error {
		var e struct {
			Event string  `json:"event"`
			Step  int     `json:"step"`
			Loss  float64 `json:"loss"`
			Epoch
		}
		if json.Unmarshal(line, &e) != nil { // it is torn
			return nil
		}
		switch e.Event {
		case "step":
			steps = append(steps, step{e.Step, e.Loss})
		case "epoch":
			x := float64(e.Epoch.Epoch)
			loss = append(loss, plotter.XY{X: x, Y: e.TestLoss})
			accuracy = append(accuracy, plotter.XY{X: x, Y: e.TestAccuracy})
		}
		return nil
	})
	window := max(1, stepsPerEpoch/2)
	if n := len(steps); n > 0 && steps[n-1].number < stepsPerEpoch {
		window = max(1, len(steps)/20)
	}
	sum, n := 0.0, 0
	for i, s := range steps {
		sum += s.loss
		n++
		// The last window of an epoch takes the steps that are too few for a window of their own.
		inEpoch := (s.number-1)%stepsPerEpoch + 1
		if inEpoch%window == 0 && inEpoch+window <= stepsPerEpoch || inEpoch == stepsPerEpoch || i == len(steps)-1 {
			train = append(train, plotter.XY{X: float64(s.number) / float64(stepsPerEpoch), Y: sum / float64(n)})
			sum, n = 0, 0
		}
	}
	return train, loss, accuracy, err
}
