package winograd

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"wgnin/shaders"
)

// Matrix is a linear map, with a row for each result.
type Matrix [][]float64

// Points are the Alpha points, infinity among them, at which the polynomials of a transform are
// evaluated. The filter has Taps taps, so a tile has Alpha+1-Taps outputs. Rolled selects short
// code with loops for the transforms of filters, of which there are few. It is for llvmpipe, which
// compiles long code slowly.
type Points struct {
	Alpha, Taps int
	Rolled      bool
}

// finite holds the points for each Alpha, except infinity. Among sets of small numbers, those that
// contain numbers and their inverses lose the least to rounding. The set must contain 1 for [Bias].
var finite = map[int][]float64{
	6: {0, 1, -1, 0.5, -2},
	8: {0, 1, -1, 2, -2, 0.5, -0.5},
}

// one is the index of the point 1.
const one = 1

// Check returns an error if there are no such points.
func (p Points) Check() error {
	if finite[p.Alpha] == nil || p.Taps != 3 && p.Taps != 5 {
		return fmt.Errorf("%d points for %d taps; want 6 or 8 points for 3 or 5 taps", p.Alpha, p.Taps)
	}
	return nil
}

// M returns the number of outputs of a tile.
func (p Points) M() int { return p.Alpha + 1 - p.Taps }

// Matrices returns the matrices of the algorithm y = AT ((G g) * (BT d)), for the correlation y of
// a filter g with inputs d: AT [M,Alpha], G [Alpha,Taps], BT [Alpha,Alpha] (Toom and Cook's
// construction with Lagrange's polynomials: Winograd, "Arithmetic Complexity of Computations",
// 1980; Lavin and Gray, arXiv:1509.09308, for two dimensions). AT and BT are exact in float32.
func (p Points) Matrices() (at, g, bt Matrix) {
	x := finite[p.Alpha]
	at, g, bt = zeros(p.M(), p.Alpha), zeros(p.Alpha, p.Taps), zeros(p.Alpha, p.Alpha)
	for j, v := range x {
		others := slices.Delete(slices.Clone(x), j, j+1)
		n := 1.0
		for _, o := range others {
			n *= v - o
		}
		for i := range at {
			at[i][j] = math.Pow(v, float64(i))
		}
		for k := range g[j] {
			g[j][k] = math.Pow(v, float64(k)) / n
		}
		copy(bt[j], roots(others))
	}
	last := p.Alpha - 1
	at[p.M()-1][last], g[last][p.Taps-1] = 1, 1
	copy(bt[last], roots(x))
	return at, g, bt
}

// roots returns the coefficients of the polynomial with the roots x and leading coefficient 1,
// beginning with the constant.
func roots(x []float64) []float64 {
	c := []float64{1}
	for _, v := range x {
		next := make([]float64, len(c)+1)
		for i, a := range c {
			next[i+1] += a
			next[i] -= a * v
		}
		c = next
	}
	return c
}

func zeros(rows, columns int) Matrix {
	m := make(Matrix, rows)
	for i := range m {
		m[i] = make([]float64, columns)
	}
	return m
}

// transposed returns m with rows and columns exchanged.
func (m Matrix) transposed() Matrix {
	t := zeros(len(m[0]), len(m))
	for i, row := range m {
		for j, v := range row {
			t[j][i] = v
		}
	}
	return t
}

// terms returns the largest number of terms in a row of m.
func (m Matrix) terms() (most int) {
	for _, row := range m {
		n := 0
		for _, v := range row {
			if v != 0 {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// Growth returns a factor: the sum of the absolute terms of a result, relative to that of the
// direct sum over the taps. The error grows by the same factor. It assumes random inputs and
// filters of equal size. If gradient is true, the factor is that of the weight gradient, with the
// gradients of outputs in place of filters.
func (p Points) Growth(gradient bool) float64 {
	at, g, bt := p.Matrices()
	first, second := g, at
	if gradient {
		first, second = at.transposed(), g.transposed()
	}
	size := func(row []float64) (sum float64) {
		for _, v := range row {
			sum += v * v
		}
		return math.Sqrt(sum)
	}
	most := 0.0
	for _, row := range second {
		sum := 0.0
		for j, v := range row {
			sum += math.Abs(v) * size(bt[j]) * size(first[j])
		}
		most = max(most, sum*sum)
	}
	return most / float64(len(first[0])*len(first[0]))
}

// wgsl returns the WGSL of a function transform(at : At), which applies m in both directions to the
// values of load(at, i, j), and passes each result to store(at, k, l, v). If rolled is true, it
// loads and stores in loops, by way of private memory, because llvmpipe generates so much code for
// each load and store that compiling them all takes seconds.
func (m Matrix) wgsl(rolled bool) string {
	var b strings.Builder
	in, out := len(m[0]), len(m)
	load := func(i, j int) string { return fmt.Sprintf("load(at, %d, %d)", i, j) }
	store := func(k, l int, v string) string { return fmt.Sprintf("store(at, %du, %du, %s)", k, l, v) }
	if rolled {
		fmt.Fprintf(&b, "var<private> values : array<f32, %d>;\n\n", in*in+out*out)
		load = func(i, j int) string { return fmt.Sprintf("values[%d]", i*in+j) }
		store = func(k, l int, v string) string { return fmt.Sprintf("values[%d] = %s", in*in+k*out+l, v) }
	}
	b.WriteString("fn transform(at : At) {\n")
	if rolled {
		fmt.Fprintf(&b,
			"  for (var i = 0u; i < %du; i = i + 1u) { values[i] = load(at, i32(i / %du), i32(i %% %du)); }\n",
			in*in, in, in)
	}
	names := func(format string, fixed int, n int) []string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf(format, i, fixed)
		}
		return all
	}
	for j := range in {
		d := names("d%d_%d", j, in)
		for i, name := range d {
			fmt.Fprintf(&b, "  let %s = %s;\n", name, load(i, j))
		}
		m.apply(&b, d, names("c%d_%d", j, len(m)), fmt.Sprintf("p%d", j))
	}
	for k := range m {
		c, v := make([]string, in), make([]string, len(m))
		for j := range c {
			c[j] = fmt.Sprintf("c%d_%d", k, j)
		}
		for l := range v {
			v[l] = fmt.Sprintf("v%d_%d", k, l)
		}
		m.apply(&b, c, v, fmt.Sprintf("q%d", k))
		for l, name := range v {
			fmt.Fprintf(&b, "  %s;\n", store(k, l, name))
		}
	}
	if rolled {
		fmt.Fprintf(&b, "  for (var i = 0u; i < %du; i = i + 1u) { store(at, i / %du, i %% %du, values[%du + i]); }\n",
			out*out, out, out, in*in)
	}
	b.WriteString("}\n\n")
	return b.String()
}

// apply writes the WGSL for to = m * from. Two rows that differ only in signs, like those of the
// points x and -x, become the sum and the difference of common terms.
func (m Matrix) apply(b *strings.Builder, from, to []string, unique string) {
	done := make([]bool, len(m))
	for k, row := range m {
		if done[k] {
			continue
		}
		for l := k + 1; l < len(m) && !done[k]; l++ {
			same, opposite := make([]float64, len(row)), make([]float64, len(row))
			pair := true
			for i, v := range row {
				switch m[l][i] {
				case v:
					same[i] = v
				case -v:
					opposite[i] = v
				default:
					pair = false
				}
			}
			if e, o := sum(same, from), sum(opposite, from); pair && e != "" && o != "" {
				fmt.Fprintf(b, "  let %s_%de = %s;\n  let %s_%do = %s;\n", unique, k, e, unique, k, o)
				fmt.Fprintf(b, "  let %s = %s_%de + %s_%do;\n  let %s = %s_%de - %s_%do;\n", to[k], unique, k, unique,
					k, to[l], unique, k, unique, k)
				done[k], done[l] = true, true
			}
		}
		if !done[k] {
			fmt.Fprintf(b, "  let %s = %s;\n", to[k], sum(row, from))
		}
	}
}

// sum returns the WGSL of the sum of c[i]*x[i], empty if all c are 0.
func sum(c []float64, x []string) string {
	var b strings.Builder
	for i, v := range c {
		if v == 0 {
			continue
		}
		term := x[i]
		if math.Abs(v) != 1 {
			term = shaders.Literal(float32(math.Abs(v))) + " * " + x[i]
		}
		switch {
		case b.Len() == 0 && v < 0:
			b.WriteString("-(" + term + ")")
		case b.Len() == 0:
			b.WriteString(term)
		case v < 0:
			b.WriteString(" - " + term)
		default:
			b.WriteString(" + " + term)
		}
	}
	return b.String()
}
