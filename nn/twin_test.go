package nn_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"wgnin/nn/data"
	"wgnin/nn/safetensors"
	"wgnin/shaders"
)

// twin computes a network's loss and gradients in float64, in PyTorch's layout. It needs formulas
// of the forward passes only: a formula creates numbers, each with edges to the numbers that it is
// computed from, and backward follows the edges in reverse order.
//
// Each number carries a magnitude, which bounds the error of the device's float32 value: at most
// ((1+u)^steps - 1) * magnitude, where steps is the number of roundings on the way to the number,
// and u is 2^-24. The magnitude of a weight or a pixel is its absolute value. That of a sum is the
// sum of the magnitudes of its products. The same holds for gradients, which are sums of products
// too.
//
// # To write a formula
//
// A formula is a [layer]. It takes the activation before the layer and returns the one after it,
// which it creates with each and sum. It specifies three things:
//
//   - The value: sum computes the sum of from * d over the edges. A formula that is not such a sum
//     sets v itself, as smooth does.
//   - The derivatives: the d of an edge is the derivative of the number by from. Its magnitude dMag
//     bounds the error of d on the device in the same way. It is |d| for a constant. For a product
//     x * w, the edge to x has the magnitude of w.
//   - The roundings: call steps with the numbers of the layer's roundings, on the way to an output
//     and on the way back to a gradient. A sum of n products has n.
//
// Call smooth for a function of each value whose derivatives are bounded between its kinks. Copy
// leakyReLU for a function that is linear on both sides of zero, conv for a layer with weights, and
// avgPool for a sum over several values.
type twin struct {
	t       *testing.T
	params  []safetensors.Tensor // of the device's network
	weights [][]*number          // taken from params so far
	numbers []*number            // in order of computation
	forward int                  // rounded products on the way to any number so far
	terms   int                  // the same on the way back to any gradient
	seed    uint32               // of dropout
	step    uint32               // number of the step
	dropped uint32               // dropouts so far
	noBias  bool                 // see unbiased
}

// number is a value of the forward pass with its magnitude, and the loss's gradient by it.
type number struct {
	v, magnitude  float64
	grad, gradMag float64 // known after backward
	edges         []edge  // to the numbers that it is computed from
}

// edge leads to one of the numbers that a number is computed from: d is the derivative by it, and
// dMag the magnitude of d.
type edge struct {
	from    *number
	d, dMag float64
}

// activation is [N,C,H,W].
type activation struct {
	n, c, h, w int
	at         []*number
}

func (a activation) get(n, c, h, w int) *number {
	if h < 0 || h >= a.h || w < 0 || w >= a.w {
		return nil
	}
	return a.at[((n*a.c+c)*a.h+h)*a.w+w]
}

// layer is the formula of a layer.
type layer func(*twin, activation) activation

// sum returns the sum of products.
func (tw *twin) sum(edges ...edge) *number {
	x := &number{edges: edges}
	tw.numbers = append(tw.numbers, x)
	for _, e := range edges {
		x.v += e.from.v * e.d
		x.magnitude += e.from.magnitude * math.Abs(e.d)
	}
	return x
}

// each returns an activation of the given size, computed element by element.
func (tw *twin) each(n, c, h, w int, f func(n, c, h, w int) *number) activation {
	y := activation{n: n, c: c, h: h, w: w}
	for n := range n {
		for c := range c {
			for h := range h {
				for w := range w {
					y.at = append(y.at, f(n, c, h, w))
				}
			}
		}
	}
	return y
}

// input returns the images of a set. WGSL allows an error of 2.5 units in the last place for the
// division by 255.
func (tw *twin) input(set *data.Images) activation {
	x := activation{n: set.Len(), c: set.C, h: set.H, w: set.W}
	for _, p := range set.Pixels {
		v := float64(p) / 255
		x.at = append(x.at, &number{v: v, magnitude: v})
	}
	tw.steps(5, 0)
	return x
}

// steps adds the rounded products of a layer, on the way to an output and on the way back to a
// gradient.
func (tw *twin) steps(forward, backward int) {
	tw.forward += forward
	tw.terms += forward + backward
}

// tolerance returns a bound on the error of a forward value.
func (tw *twin) tolerance(ulps, magnitude float64) float64 {
	return shaders.Tolerance(tw.forward, ulps, magnitude)
}

// take returns the next weights of the network, which must have the given shape.
func (tw *twin) take(shape ...int) []*number {
	require.Less(tw.t, len(tw.weights), len(tw.params), "the network has fewer weights")
	p := tw.params[len(tw.weights)]
	require.Equal(tw.t, shape, p.Shape, p.Name)
	var ns []*number
	for _, v := range p.Data {
		ns = append(ns, &number{v: float64(v), magnitude: math.Abs(float64(v))})
	}
	tw.weights = append(tw.weights, ns)
	return ns
}

// takeBias returns the terms with which the sum of each output starts: the bias, or no term (see
// unbiased).
func (tw *twin) takeBias(out int) [][]edge {
	terms := make([][]edge, out)
	if tw.noBias {
		return terms
	}
	for i, b := range tw.take(out) {
		terms[i] = []edge{{b, 1, 1}}
	}
	return terms
}

// unbiased returns l without the biases of its convolutions and linear layers: bias=False.
func unbiased(l layer) layer {
	return func(tw *twin, x activation) activation {
		tw.noBias = true
		defer func() { tw.noBias = false }()
		return l(tw, x)
	}
}

// greater reports whether v > 0, for a v of the given magnitude. The device must decide the same
// way, so v must not be within round-off of zero, unless it is exactly zero.
func (tw *twin) greater(v, magnitude float64) bool {
	if v != 0 {
		require.Greater(tw.t, math.Abs(v), tw.tolerance(0, magnitude), "nearly a kink: choose another seed")
	}
	return v > 0
}

// conv is torch.nn.Conv2d, with padding on each side.
func conv(out, kh, kw, sh, sw, top, bottom, left, right int) layer {
	return func(tw *twin, x activation) activation {
		weight, bias := tw.take(out, x.c, kh, kw), tw.takeBias(out)
		oh, ow := (x.h+top+bottom-kh)/sh+1, (x.w+left+right-kw)/sw+1
		tw.steps(kh*kw*x.c+1, kh*kw*out+x.n*oh*ow) // gradients of x and of the weights
		return tw.each(x.n, out, oh, ow, func(n, co, h, w int) *number {
			sum := tw.sum(bias[co]...)
			for ci := range x.c {
				for r := range kh {
					for s := range kw {
						v := x.get(n, ci, h*sh-top+r, w*sw-left+s)
						if v == nil {
							continue
						}
						k := weight[((co*x.c+ci)*kh+r)*kw+s]
						sum.edges = append(sum.edges, edge{v, k.v, k.magnitude}, edge{k, v.v, v.magnitude})
						sum.v += k.v * v.v
						sum.magnitude += k.magnitude * v.magnitude
					}
				}
			}
			return sum
		})
	}
}

// groupConv is torch.nn.Conv2d with a square kernel and padding on each side.
func groupConv(out, k, stride, pad, dh, dw, groups int) layer {
	return func(tw *twin, x activation) activation {
		in := x.c / groups
		weight, bias := tw.take(out, in, k, k), tw.takeBias(out)
		oh, ow := (x.h+2*pad-dh*(k-1)-1)/stride+1, (x.w+2*pad-dw*(k-1)-1)/stride+1
		tw.steps(k*k*in+1, k*k*out+x.n*oh*ow)
		return tw.each(x.n, out, oh, ow, func(n, co, h, w int) *number {
			sum := tw.sum(bias[co]...)
			for ci := range in {
				for r := range k {
					for s := range k {
						v := x.get(n, co/(out/groups)*in+ci, h*stride-pad+r*dh, w*stride-pad+s*dw)
						if v == nil {
							continue
						}
						p := weight[((co*in+ci)*k+r)*k+s]
						sum.edges = append(sum.edges, edge{v, p.v, p.magnitude}, edge{p, v.v, v.magnitude})
						sum.v += p.v * v.v
						sum.magnitude += p.magnitude * v.magnitude
					}
				}
			}
			return sum
		})
	}
}

// linear is torch.nn.Linear, of a flattened activation.
func linear(out int) layer {
	return func(tw *twin, x activation) activation {
		in := x.c * x.h * x.w
		weight, bias := tw.take(out, in), tw.takeBias(out)
		tw.steps(in+1, out+x.n)
		return tw.each(x.n, out, 1, 1, func(n, co, _, _ int) *number {
			sum := tw.sum(bias[co]...)
			for i, v := range x.at[n*in:][:in] {
				k := weight[co*in+i]
				sum.edges = append(sum.edges, edge{v, k.v, k.magnitude}, edge{k, v.v, v.magnitude})
				sum.v += k.v * v.v
				sum.magnitude += k.magnitude * v.magnitude
			}
			return sum
		})
	}
}

// relu is torch.nn.ReLU.
func relu(tw *twin, x activation) activation {
	return tw.each(x.n, x.c, x.h, x.w, func(n, c, h, w int) *number {
		v := x.get(n, c, h, w)
		if !tw.greater(v.v, v.magnitude) {
			return tw.sum()
		}
		return tw.sum(edge{v, 1, 1})
	})
}

// leakyReLU is torch.nn.LeakyReLU.
func leakyReLU(slope float64) layer {
	slope = float64(float32(slope))
	return func(tw *twin, x activation) activation {
		tw.steps(1, 1)
		return tw.each(x.n, x.c, x.h, x.w, func(n, c, h, w int) *number {
			v, d := x.get(n, c, h, w), 1.0
			if !tw.greater(v.v, v.magnitude) {
				d = slope
			}
			return tw.sum(edge{v, d, d})
		})
	}
}

// smooth applies a function to each value. f returns the function and its derivative. Between the
// kinks, the first and second derivatives must be at most 2, which unsmooth checks. An error of x
// is then at most doubled in y and in the derivative. The kernel may be off by 20 units in the last
// place of 1 + x^2.
func smooth(f func(x float64) (y, d float64), kinks ...float64) layer {
	return func(tw *twin, x activation) activation {
		require.NoError(tw.t, unsmooth(f, kinks...))
		tw.steps(40, 40)
		return tw.each(x.n, x.c, x.h, x.w, func(n, c, h, w int) *number {
			v := x.get(n, c, h, w)
			for _, k := range kinks {
				tw.greater(v.v-k, v.magnitude+math.Abs(k))
			}
			y, d := f(v.v)
			s := tw.sum(edge{v, d, 2 * (1 + v.magnitude)})
			s.v, s.magnitude = y, 2*v.magnitude+1+v.v*v.v
			return s
		})
	}
}

// unsmooth returns an error if f breaks the contract of smooth between -8 and 8. If the second
// derivative is at most 2, the first changes by at most 2h over a distance of h, and f(x+h) is
// within h^2 of f(x) + h f'(x) (Taylor's theorem).
func unsmooth(f func(x float64) (y, d float64), kinks ...float64) error {
	const h = 1.0 / 1024
	for x := -8.0; x < 8; x += h {
		if slices.ContainsFunc(kinks, func(k float64) bool { return x <= k && k <= x+h }) {
			continue
		}
		y, d := f(x)
		next, dNext := f(x + h)
		switch {
		case !(math.Abs(d) <= 2):
			return fmt.Errorf("the derivative at %g is %g; want at most 2", x, d)
		case !(math.Abs(dNext-d) <= 2*h):
			return fmt.Errorf("the derivative jumps at %g from %g to %g: name its kinks", x, d, dNext)
		case !(math.Abs(next-y-h*d) <= h*h):
			return fmt.Errorf("the derivative at %g is %g; differences give %g", x, d, (next-y)/h)
		}
	}
	return nil
}

func TestUnsmooth(t *testing.T) {
	hardSwish := func(x float64) (y, d float64) {
		switch {
		case x <= -3:
			return 0, 0
		case x < 3:
			return x * (x + 3) / 6, (2*x + 3) / 6
		}
		return x, 1
	}
	require.NoError(t, unsmooth(hardSwish, -3, 3))
	require.ErrorContains(t, unsmooth(hardSwish, 3), "jumps at -3")
	require.ErrorContains(t, unsmooth(func(x float64) (y, d float64) { return 3 * x, 3 }), "is 3; want at most 2")
	require.ErrorContains(t, unsmooth(func(x float64) (y, d float64) { return x / 2, 0.49 }), "differences give 0.5")
	require.ErrorContains(t, unsmooth(func(float64) (y, d float64) { return 0, math.NaN() }), "want at most 2")
}

func sigmoid(x float64) (y, d float64) {
	y = 1 / (1 + math.Exp(-x))
	return y, y * (1 - y)
}

func tanh(x float64) (y, d float64) {
	y = math.Tanh(x)
	return y, 1 - y*y
}

func silu(x float64) (y, d float64) {
	s, ds := sigmoid(x)
	return x * s, s + x*ds
}

func gelu(x float64) (y, d float64) {
	p := (1 + math.Erf(x/math.Sqrt2)) / 2
	return x * p, p + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
}

// residual is body(x) + shortcut(x).
func residual(body, shortcut layer) layer {
	return func(tw *twin, x activation) activation {
		a, b := body(tw, x), shortcut(tw, x)
		tw.steps(1, 1)
		return tw.each(a.n, a.c, a.h, a.w, func(n, c, h, w int) *number {
			return tw.sum(edge{a.get(n, c, h, w), 1, 1}, edge{b.get(n, c, h, w), 1, 1})
		})
	}
}

// concat joins the channels of all layers' outputs, like torch.cat.
func concat(layers ...layer) layer {
	return func(tw *twin, x activation) activation {
		var parts []activation
		channels := 0
		for _, l := range layers {
			p := l(tw, x)
			parts, channels = append(parts, p), channels+p.c
		}
		tw.steps(0, len(parts)) // the gradients of x are summed
		y := parts[0]
		return tw.each(y.n, channels, y.h, y.w, func(n, c, h, w int) *number {
			for _, p := range parts {
				if c < p.c {
					return tw.sum(edge{p.get(n, c, h, w), 1, 1})
				}
				c -= p.c
			}
			return nil
		})
	}
}

// maxPool is torch.nn.MaxPool2d with an output of oh x ow.
func maxPool(oh, ow, kh, kw, sh, sw, top, left int) layer {
	return func(tw *twin, x activation) activation {
		tw.steps(0, kh*kw) // an element may be the largest in that many windows
		return tw.each(x.n, x.c, oh, ow, func(n, c, h, w int) *number {
			var best *number
			for r := range kh {
				for s := range kw {
					v := x.get(n, c, h*sh-top+r, w*sw-left+s)
					if v != nil && (best == nil || tw.greater(v.v-best.v, v.magnitude+best.magnitude)) {
						best = v
					}
				}
			}
			return tw.sum(edge{best, 1, 1})
		})
	}
}

// avgPool is torch.nn.AvgPool2d with an output of oh x ow. The divisor is the number of the
// window's pixels in the image or, with countPad, in the padded image.
func avgPool(oh, ow, kh, kw, sh, sw, top, bottom, left, right int, countPad bool) layer {
	return func(tw *twin, x activation) activation {
		tw.steps(kh*kw+5, kh*kw+5) // a division may be off by 2.5 units in the last place
		return tw.each(x.n, x.c, oh, ow, func(n, c, h, w int) *number {
			var inside []*number
			divisor := 0
			for r := range kh {
				for s := range kw {
					i, j := h*sh-top+r, w*sw-left+s
					v := x.get(n, c, i, j)
					if v != nil {
						inside = append(inside, v)
					}
					if v != nil || countPad && i < x.h+bottom && j < x.w+right {
						divisor++
					}
				}
			}
			var edges []edge
			for _, v := range inside {
				edges = append(edges, edge{v, 1 / float64(divisor), 1 / float64(divisor)})
			}
			return tw.sum(edges...)
		})
	}
}

// adaptivePool is torch.nn.AdaptiveAvgPool2d.
func adaptivePool(oh, ow int) layer {
	return func(tw *twin, x activation) activation {
		tw.steps(x.h*x.w+5, oh*ow+5) // a division may be off by 2.5 units in the last place
		return tw.each(x.n, x.c, oh, ow, func(n, c, h, w int) *number {
			h0, h1 := h*x.h/oh, ((h+1)*x.h+oh-1)/oh
			w0, w1 := w*x.w/ow, ((w+1)*x.w+ow-1)/ow
			d := 1 / float64((h1-h0)*(w1-w0))
			var edges []edge
			for i := h0; i < h1; i++ {
				for j := w0; j < w1; j++ {
					edges = append(edges, edge{x.get(n, c, i, j), d, d})
				}
			}
			return tw.sum(edges...)
		})
	}
}

// dropout is torch.nn.Dropout with the mask that the documentation promises, which depends on the
// seed, the step, the dropout's number and the position in the batch. On the device, the channels
// of a pixel are adjacent and padded to a multiple of four. They are not padded in images that no
// layer with weights has processed.
func dropout(p float64, stride int) layer {
	return func(tw *twin, x activation) activation {
		tw.dropped++
		stream := tw.dropped
		tw.steps(1, 1)
		return tw.each(x.n, x.c, x.h, x.w, func(n, c, h, w int) *number {
			bits := shaders.RandomBits(tw.seed, tw.step, stream, uint32(n), uint32((h*x.w+w)*stride+c))
			if float64(bits) < math.Round(p*(1<<32)) {
				return tw.sum()
			}
			scale := float64(float32(1 / (1 - p)))
			return tw.sum(edge{x.get(n, c, h, w), scale, scale})
		})
	}
}

// flatten turns images into vectors.
func flatten(_ *twin, x activation) activation {
	return activation{n: x.n, c: x.c * x.h * x.w, h: 1, w: 1, at: x.at}
}

// chain applies layers one after the other.
func chain(layers ...layer) layer {
	return func(tw *twin, x activation) activation {
		for _, l := range layers {
			x = l(tw, x)
		}
		return x
	}
}

// backward computes the gradients. It returns the mean cross-entropy of the logits and a bound on
// its error.
//
// If e is the largest error of a row's logits, the softmax p of a class is off by a factor of at
// most exp(2e). So, with e the largest magnitude of a logit, the gradient p - onehot has magnitude
// p + onehot + 2 p e. The loss log(sum exp x) - x[label] has magnitude 2e plus that of its own
// roundings, ln K + 1. The built-in functions add the units in the last place that
// shaders/softmaxxent derives: 10 + 2.5 ln K.
func (tw *twin) backward(x activation, set *data.Images) (loss, tolerance float64) {
	ulps := 10 + 2.5*math.Log(float64(x.c))
	tw.steps(x.c+x.n, 0)
	magnitude := 0.0
	for n := range x.n {
		row := x.at[n*x.c:][:x.c]
		largest, e, sum := math.Inf(-1), 0.0, 0.0
		for _, v := range row {
			largest, e = max(largest, v.v), max(e, v.magnitude)
		}
		for _, v := range row {
			sum += math.Exp(v.v - largest)
		}
		for c, v := range row {
			p, hot := math.Exp(v.v-largest)/sum, 0.0
			if c == set.Label(n) {
				hot = 1
				loss += (largest + math.Log(sum) - v.v) / float64(x.n)
			}
			v.grad = (p - hot) / float64(x.n)
			v.gradMag = (p + hot + 2*p*e) / float64(x.n)
		}
		magnitude += (2*e + math.Log(float64(x.c)) + 1) / float64(x.n)
	}
	for _, y := range slices.Backward(tw.numbers) {
		for _, e := range y.edges {
			e.from.grad += y.grad * e.d
			e.from.gradMag += y.gradMag * e.dMag
		}
	}
	return loss, shaders.Tolerance(tw.terms, ulps, magnitude)
}

// compare checks gradients, which must have the names of params, and returns the largest error in
// units of its tolerance.
func (tw *twin) compare(gradients []safetensors.Tensor) (worst float64) {
	require.Len(tw.t, tw.weights, len(tw.params), "the network has more weights")
	ulps := 10 + 2.5*math.Log(10)
	for k, g := range gradients {
		require.Equal(tw.t, tw.params[k].Name, g.Name)
		norm := 0.0
		for i, v := range g.Data {
			w := tw.weights[k][i]
			norm += w.grad * w.grad
			e := math.Abs(float64(v)-w.grad) / shaders.Tolerance(tw.terms, ulps, w.gradMag)
			require.LessOrEqual(tw.t, e, 1.0, "gradient of %s[%d] is %g; the twin's is %g", g.Name, i, v, w.grad)
			worst = max(worst, e)
		}
		require.NotZero(tw.t, norm, "the gradient of %s is zero, so it shows nothing", g.Name)
	}
	return worst
}
