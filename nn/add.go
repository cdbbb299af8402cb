package nn

import (
	"fmt"

	"wgnin/gpu"
	"wgnin/shaders"
)

type tmpAdd struct {
	A view `wgsl:"read array<f32>"`
	B view `wgsl:"read array<f32>"`
	Y view `wgsl:"write array<f32>"`
}

type tmpAcc struct {
	X   view `wgsl:"read array<vec4<f32>>"`
	Acc view `wgsl:"update array<vec4<f32>>"`
}

type tmpCopy struct {
	X view `wgsl:"read array<f32>"`
	Y view `wgsl:"update array<f32>"`
}
type tmpTake struct {
	X view `wgsl:"read array<f32>"`
	Y view `wgsl:"write array<f32>"`
}

func (g *Graph) add(a, b, y *Tensor) {
	n := g.Pixels(y) * y.Stride
	c := struct{ Count, C, AS, BS, YS int }{n, y.C, a.Stride, b.Stride, y.Stride}
	gpu.Kernel[tmpAdd]{Name: "add/forward", Detail: fmt.Sprint(n), Groups: shaders.DivUp(n, 64), Lanes: 64, Source: shaders.Source(c,
		"fn run(group : u32, lane : u32) { let i = group * 64u + lane; if (i >= Count) { return; } let p = i / YS; let c = i % YS; var v = 0.0; if (c < C) { v = a[p * AS + c] + b[p * BS + c]; } y[i] = v; }")}.Record(g.rec, tmpAdd{a.Data, b.Data, y.Data})
}

func (g *Graph) accumulate(s sum) {
	n := int(s.part.Bytes() / 16)
	c := struct{ Count int }{n}
	gpu.Kernel[tmpAcc]{Name: "add/accumulate", Detail: fmt.Sprint(n), Groups: shaders.DivUp(n, 64), Lanes: 64, Source: shaders.Source(c,
		"fn run(group : u32, lane : u32) { let i = group * 64u + lane; if (i < Count) { acc[i] = acc[i] + x[i]; } }")}.Record(g.rec, tmpAcc{s.part, s.x.Grad})
}

// take copies C channels from First on of from, whose pixels are Stride apart.
func (g *Graph) take(pixels, channels, first, stride int, from view, toStride int, to view) {
	n := pixels * toStride
	c := struct{ Count, C, First, XS, YS int }{n, channels, first, stride, toStride}
	gpu.Kernel[tmpTake]{Name: "concat/backward", Detail: fmt.Sprint(n), Groups: shaders.DivUp(n, 64), Lanes: 64, Source: shaders.Source(c,
		"fn run(group : u32, lane : u32) { let i = group * 64u + lane; if (i >= Count) { return; } let p = i / YS; let c = i % YS; var v = 0.0; if (c < C) { v = x[p * XS + First + c]; } y[i] = v; }")}.Record(g.rec, tmpTake{from, to})
}

func (g *Graph) copy(from *Tensor, toStride int, to view) {
	g.take(g.Pixels(from), from.C, 0, from.Stride, from.Grad, toStride, to)
}

func (g *Graph) concat(parts []*Tensor, y *Tensor) {
	first := 0
	for _, p := range parts {
		n := g.Pixels(y) * p.C
		c := struct{ Count, C, First, XS, YS int }{n, p.C, first, p.Stride, y.Stride}
		src := "fn run(group : u32, lane : u32) { let i = group * 64u + lane; if (i >= Count) { return; } let p = i / C; let c = i % C; y[p * YS + First + c] = x[p * XS + c]; }"
		if first == 0 {
			c.Count = g.Pixels(y) * y.Stride
			gpu.Kernel[tmpTake]{Name: "concat/first", Detail: fmt.Sprint(n), Groups: shaders.DivUp(c.Count, 64), Lanes: 64, Source: shaders.Source(c,
				"fn run(group : u32, lane : u32) { let i = group * 64u + lane; if (i >= Count) { return; } let p = i / YS; let c = i % YS; var v = 0.0; if (c < C) { v = x[p * XS + c]; } y[i] = v; }")}.Record(g.rec, tmpTake{p.Data, y.Data})
		} else {
			gpu.Kernel[tmpCopy]{Name: "concat/next", Detail: fmt.Sprint(n), Groups: shaders.DivUp(n, 64), Lanes: 64, Source: shaders.Source(c, src)}.Record(g.rec, tmpCopy{p.Data, y.Data})
		}
		first += p.C
	}
}

func (g *Graph) split(parts []*Tensor, y *Tensor) {
	first := 0
	for _, p := range parts {
		if dX := g.Gradient(p); !dX.IsZero() {
			g.take(g.Pixels(y), p.C, first, y.Stride, y.Grad, p.Stride, dX)
		}
		first += p.C
	}
}
