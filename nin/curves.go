package nin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"io"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"wgnin/nn/files"
)

// drawCurves writes curves.png from metrics.jsonl, in the chapter's form: three
// curves on one axis over the epochs; training loss, the mean of each half
// epoch, solid; test loss dashed and test accuracy dash-dotted, at the end of
// each epoch.
func (r *Run) drawCurves() error {
	f, err := os.Open(r.file(metricsFile))
	if err != nil {
		return err
	}
	defer f.Close()
	train, loss, accuracy, err := curves(f, r.Trainer.StepsPerEpoch())
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
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
		line, err := plotter.NewLine(c.points)
		if err != nil {
			return err
		}
		line.Color, line.Dashes, line.Width = colors[i], dashes[i], vg.Points(1.5)
		p.Add(line)
		p.Legend.Add(c.name, line)
	}
	p.Y.Max *= 1.25 // room for the legend
	w, err := p.WriterTo(5*vg.Inch, 3.5*vg.Inch, "png")
	if err != nil {
		return err
	}
	var png bytes.Buffer
	if _, err := w.WriteTo(&png); err != nil {
		return err
	}
	return files.Write(r.file("curves.png"), png.Bytes())
}

// curves are the points of the three curves, x in epochs.
func curves(metrics io.Reader, stepsPerEpoch int) (train, loss, accuracy plotter.XYs, err error) {
	half := max(1, stepsPerEpoch/2)
	sum, n := 0.0, 0
	lines := bufio.NewScanner(metrics)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			Event string  `json:"event"`
			Step  int     `json:"step"`
			Loss  float64 `json:"loss"`
			Epoch
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, nil, nil, err
		}
		switch e.Event {
		case "step":
			sum += e.Loss
			n++
			inEpoch := (e.Step-1)%stepsPerEpoch + 1
			if inEpoch%half == 0 && inEpoch+half <= stepsPerEpoch || inEpoch == stepsPerEpoch {
				train = append(train, plotter.XY{X: float64(e.Step) / float64(stepsPerEpoch), Y: sum / float64(n)})
				sum, n = 0, 0
			}
		case "epoch":
			x := float64(e.Epoch.Epoch)
			loss = append(loss, plotter.XY{X: x, Y: e.TestLoss})
			accuracy = append(accuracy, plotter.XY{X: x, Y: e.TestAccuracy})
		}
	}
	return train, loss, accuracy, lines.Err()
}
