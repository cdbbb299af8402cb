package nn

import (
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders/softmaxxent"
)

// buildCrossEntropy records the softmax cross-entropy of the logits (as
// torch.nn.CrossEntropyLoss with reduction="mean"), adds it up in metrics, and
// writes the gradient of the logits. The images have labels below classes.
func buildCrossEntropy(g *Graph, logits *Tensor, classes int, target, metrics view) {
	if !g.ok() {
		return
	}
	g.rec.Layer("loss")
	if logits.H != 1 || logits.W != 1 {
		g.Fail(fmt.Errorf("logits are %d channels of %dx%d; want one value a class: end the network with GlobalAvgPool2D (globalavgpool), or with Flatten and Linear (flatten; linear)", logits.C, logits.H, logits.W))
		return
	}
	if logits.C < classes {
		g.Fail(fmt.Errorf("%d logits, and the images have labels up to %d; want one logit a class", logits.C, classes-1))
		return
	}
	s := softmaxxent.Shape{N: g.N, Classes: logits.C, Stride: logits.Stride}
	if err := s.Check(); err != nil {
		g.Fail(err)
		return
	}
	dX, row := g.Gradient(logits), g.Temp("loss of rows", 2*g.N)
	if dX.IsZero() {
		dX = g.Temp("dlogits", g.N*logits.Stride)
	}
	s.Kernel().Record(g.rec, softmaxxent.Args[gpu.View, gpu.View, gpu.View]{
		Batch: g.Batch, X: logits.Data, Label: target, DX: dX, Row: row,
	})
	s.Total().Record(g.rec, softmaxxent.TotalArgs[gpu.View, gpu.View]{Batch: g.Batch, Row: row, Metrics: metrics})
}
