//go:build !noplot

package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"io"
	"os"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"wgnin/nin/internal/axis"
	"wgnin/nn/files"
)

// drawCurves writes curves.png from metrics.jsonl, in the chapter's form: three
// curves on one axis over the epochs; training loss, the mean of each half
// epoch, solid; test loss dashed and test accuracy dash-dotted, at the end of
// each epoch. Before the first step it writes nothing.
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
	p := plot.New()
	p.X.Label.Text = "epoch"
	p.X.Min, p.Y.Min = 0, 0
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	dashes := [][]vg.Length{nil, {vg.Points(6), vg.Points(3)}, {vg.Points(6), vg.Points(2), vg.Points(1), vg.Points(2)}}
	colors := []color.RGBA{{31, 119, 180, 255}, {191, 0, 191, 255}, {0, 128, 0, 255}} // the chapter's
	for i, c := range []struct {
		name   string
		points plotter.XYs
	}{{"train loss", train}, {"test loss", loss}, {"test accuracy", accuracy}} {
		if len(c.points) == 0 {
			continue
		}
		line, dot, err := plotter.NewLinePoints(c.points)
		if err != nil {
			return err
		}
		line.Color, line.Dashes, line.Width = colors[i], dashes[i], vg.Points(1.5)
		dot.Color, dot.Shape, dot.Radius = colors[i], draw.CircleGlyph{}, vg.Points(1.5)
		p.Add(line)
		if len(c.points) == 1 { // a line of one point does not show
			p.Add(dot)
		}
		p.Legend.Add(c.name, line)
	}
	p.Y.Max *= 1.25 // room for the legend
	p.Y.Tick.Marker = plot.TickerFunc(axis.Ticks)
	p.Legend.XOffs, p.Legend.YOffs = -vg.Points(6), -vg.Points(4)
	w, err := p.WriterTo(5*vg.Inch, 3.5*vg.Inch, "png")
	if err != nil {
		return err
	}
	var png bytes.Buffer
	if _, err := w.WriteTo(&png); err != nil {
		return err
	}
	r.drawn = time.Now()
	return files.Write(r.file(curvesFile), png.Bytes())
}

// curves are the points of the three curves, x in epochs. In the first epoch the
// training loss is the mean of twentieths of what there is.
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
		// A window that would be cut by the end of the epoch is part of the one before.
		inEpoch := (s.number-1)%stepsPerEpoch + 1
		if inEpoch%window == 0 && inEpoch+window <= stepsPerEpoch || inEpoch == stepsPerEpoch || i == len(steps)-1 {
			train = append(train, plotter.XY{X: float64(s.number) / float64(stepsPerEpoch), Y: sum / float64(n)})
			sum, n = 0, 0
		}
	}
	return train, loss, accuracy, err
}
