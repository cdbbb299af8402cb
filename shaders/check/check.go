// Package check compares a kernel with its float64 twin on a device.
//
// A [Case] is one kernel at one size. [Of] makes it from the kernel, its arguments on the host, the
// twin and a [Bound]:
//
//	check.Of(s.Forward(), forwardArgs{x, make([]float64, s.Elems)}, s.ForwardRef,
//		check.Bound[forwardArgs]{Terms: 1})
//
// Running a case runs the kernel three times on outputs filled with poison. It fails if an element
// is further from the twin's than the bound that follows from float32 arithmetic, if an element is
// not written, if an input changes, or if two runs differ in a bit. A [Gradient] compares a twin's
// backward pass with central differences of its forward pass, in float64 and without a device.
//
// Package checktest runs cases in tests, and package conformance lists those of all ops.
package check

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"

	"wgnin/gpu"
	"wgnin/shaders"
)

// Case is one kernel at one size, with inputs and its twin.
type Case struct {
	Kernel, Detail string
	Variant        string // which of several ways to compute the same; empty where there is one
	WGSL           string // the whole text
	Flops          int64
	SharedBytes    int // workgroup memory
	run            func(d *gpu.Device, then func(*gpu.Plan) error) (Result, error)
	patched        func(patch func(source string) string) Case
	ahead          func(*gpu.Device) gpu.Ahead
}

// CompileAhead prepares d for the cases.
func CompileAhead(d *gpu.Device, cases []Case) {
	ks := make([]gpu.Ahead, len(cases))
	for i, c := range cases {
		ks[i] = c.ahead(d)
	}
	d.CompileAhead(ks)
}

// Result is how far a kernel is from its twin.
type Result struct {
	Worst float64 // largest error, in units of its tolerance; above 1 is a failure
	Where string  // argument and element where it is
}

// ErrBuild is wrapped by the error of a kernel that did not compile.
var ErrBuild = errors.New("did not compile")

// Run runs the kernel three times, with poisoned outputs, and compares. An
// error means that the kernel did not compile, left part of its output
// unwritten, changed its input, or gave different bits in two runs.
func (c Case) Run(d *gpu.Device) (Result, error) { return c.run(d, nil) }

// Measure runs the case as Run does, and then calls measure with the plan of the kernel, whose
// arguments are as Run left them.
func (c Case) Measure(d *gpu.Device, measure func(*gpu.Plan) error) (Result, error) {
	return c.run(d, measure)
}

// Patched returns the case with the kernel's source changed, to show that a broken kernel is
// caught.
func (c Case) Patched(patch func(source string) string) Case {
	p := c.patched(patch)
	p.Variant = c.Variant
	return p
}

// Bound says how exact a kernel must be. A float32 output may differ from the twin's by
// [shaders.Tolerance] of Terms, Ulps and the output's magnitude: up to 63 terms, that is about
// (Terms + 1 + 2 Ulps) * 2^-24 * magnitude. The zero Bound is for kernels that move, select or
// compare values: it asks for exactly the twin's value, rounded to float32.
type Bound[R any] struct {
	// Terms is the number of rounded products that are summed into one output, where what the
	// output held before is one more. For a formula without a long sum, count its additions,
	// multiplications and rounded constants: Slope * x has 1, and x * (x + 3) * (1.0 / 6.0) has 4.
	Terms int
	// Magnitude computes, in place of the outputs, the sums of the terms' absolute values, from
	// arguments whose inputs have been made absolute. Nil means the twin itself, which is right for
	// sums of products. Give a function where the twin of absolute inputs may be less than these
	// sums, because it subtracts, has negative constants or branches on its input: of 1 - x the
	// twin makes 1 - |x|, and the sum is 1 + |x|. Where a function is applied to a rounded value,
	// that value's magnitude times the function's slope is a term.
	Magnitude func(R)
	// Ulps is the error of built-in functions and divisions, which WGSL allows to be wrong by more
	// than a rounding, in units in the last place of the magnitude. Add up what the section
	// "Floating Point Accuracy" of the WGSL specification allows those of one output: 2.5 for a
	// division, 2 for inverseSqrt, 3 + 2|x| for exp(x). A part that depends on x, or that is
	// absolute as log's and sin's, belongs in Magnitude; the cases of shaders/activation do so.
	Ulps float64
}

// Checked is a case's shape; it panics on one that its own Check refuses.
func Checked[S interface{ Check() error }](shape S) S {
	if err := shape.Check(); err != nil {
		panic(fmt.Sprintf("check: a case of %+v: %v", shape, err))
	}
	return shape
}

// Of makes a case of kernel k. D is its argument struct with views on the device, and R the same
// struct on the host, with fields of type []float64, []uint32, []int32 or shaders.Batch. In args,
// inputs are filled in (values exact in float32, NaN and infinities included) and outputs have the
// right length; an output that is tagged update also has the values that it held before. The twin
// computes outputs from inputs in a copy of args.
//
// A case finds only the mistakes that its values show. Sizes are odd, with one below and one above
// a workgroup, and inputs contain the points where the formula changes, such as 0.
func Of[D, R any](k gpu.Kernel[D], args R, twin func(R), bound Bound[R]) Case {
	return Case{
		Kernel: k.Name, Detail: k.Detail, WGSL: k.WGSL(0), Flops: k.Flops, SharedBytes: k.SharedBytes, ahead: k.Ahead,
		run: func(d *gpu.Device, then func(*gpu.Plan) error) (Result, error) {
			return run(d, k, args, twin, bound, then)
		},
		patched: func(patch func(source string) string) Case {
			k := k
			k.Source = patch(k.Source)
			return Of(k, args, twin, bound)
		},
	}
}

// poison is what outputs hold before a run: a NaN that no kernel makes.
const poison = 0x7fedcba9

func run[D, R any](d *gpu.Device, k gpu.Kernel[D], args R, twin func(R), bound Bound[R],
	then func(*gpu.Plan) error) (Result, error) {
	var res Result
	want := clone(args)
	twin(want)
	magnitude := clone(args)
	absolute(magnitude)
	if bound.Magnitude != nil {
		bound.Magnitude(magnitude)
	} else {
		twin(magnitude)
	}

	rec := d.NewRecorder()
	var dev D
	devV, argV := reflect.ValueOf(&dev).Elem(), reflect.ValueOf(args)
	fields := make([]field, devV.NumField())
	for i := range fields {
		f := devV.Type().Field(i)
		access, _, _ := strings.Cut(f.Tag.Get("wgsl"), " ")
		words, isFloat := wordsOf(argV.Field(i).Interface())
		buf, err := d.NewBuffer(f.Name, int64(len(words))*4)
		if err != nil {
			return res, err
		}
		defer buf.Release()
		fields[i] = field{name: f.Name, access: access, words: words, isFloat: isFloat, buf: buf}
		devV.Field(i).Set(reflect.ValueOf(buf.All()))
	}
	k.Record(rec, dev)
	plan, err := rec.Plan()
	if err != nil {
		return res, fmt.Errorf("%w: %w", ErrBuild, err)
	}
	defer plan.Release()

	var first [][]uint32
	for round := range 3 {
		for _, f := range fields {
			if err := gpu.Write(f.buf.All(), f.initial()); err != nil {
				return res, err
			}
		}
		if err := d.Run(plan); err != nil {
			return res, err
		}
		var got [][]uint32
		for _, f := range fields {
			w := make([]uint32, len(f.words))
			if err := gpu.Read(f.buf.All(), w); err != nil {
				return res, err
			}
			got = append(got, w)
		}
		if round == 0 {
			first = got
			continue
		}
		for i, f := range fields {
			for j := range got[i] {
				if got[i][j] != first[i][j] {
					return res, fmt.Errorf("%s[%d] differs between two runs: %08x and %08x", f.name, j,
						first[i][j], got[i][j])
				}
			}
		}
	}
	for i, f := range fields {
		if err := f.compare(first[i], reflect.ValueOf(want).Field(i).Interface(),
			reflect.ValueOf(magnitude).Field(i).Interface(), bound.Terms, bound.Ulps, &res); err != nil {
			return res, err
		}
	}
	if then == nil {
		return res, nil
	}
	return res, then(plan)
}

type field struct {
	name, access string
	words        []uint32
	isFloat      bool
	buf          *gpu.Buffer
}

// initial is what the buffer holds before a run.
func (f field) initial() []uint32 {
	if f.access != "write" {
		return f.words
	}
	w := make([]uint32, len(f.words))
	for i := range w {
		w[i] = poison
	}
	return w
}

func (f field) compare(got []uint32, want, magnitude any, terms int, ulps float64, res *Result) error {
	if f.access == "read" || f.access == "uniform" {
		for j := range got {
			if got[j] != f.words[j] {
				return fmt.Errorf("input %s[%d] was changed: %08x to %08x", f.name, j, f.words[j], got[j])
			}
		}
		return nil
	}
	for j := range got {
		if got[j] == poison {
			return fmt.Errorf("output %s[%d] was not written", f.name, j)
		}
		if !f.isFloat {
			if w := want.([]uint32)[j]; got[j] != w {
				return fmt.Errorf("%s[%d] is %d; the twin has %d", f.name, j, got[j], w)
			}
			continue
		}
		g, w, m := float64(math.Float32frombits(got[j])), want.([]float64)[j], magnitude.([]float64)[j]
		var e float64
		switch {
		case shaders.Overflows(w): // infinite or not a number, as the kernel's must be
			if g != float64(float32(w)) && !(math.IsNaN(g) && math.IsNaN(w)) {
				e = math.Inf(1)
			}
		case terms == 0 && ulps == 0:
			if g != float64(float32(w)) {
				e = math.Inf(1)
			}
		case math.IsNaN(g) || math.IsInf(g, 0):
			e = math.Inf(1)
		default:
			e = math.Abs(g-w) / shaders.Tolerance(terms, ulps, math.Abs(m))
		}
		if math.IsNaN(e) {
			e = math.Inf(1)
		}
		if e > res.Worst || res.Where == "" {
			res.Worst, res.Where = e, fmt.Sprintf("%s[%d] is %g; the twin has %g", f.name, j, g, w)
		}
	}
	return nil
}

func wordsOf(v any) (words []uint32, isFloat bool) {
	switch v := v.(type) {
	case []float64:
		words = make([]uint32, len(v))
		for i, x := range v {
			words[i] = math.Float32bits(float32(x))
		}
		return words, true
	case []uint32:
		return v, false
	case []int32:
		words = make([]uint32, len(v))
		for i, x := range v {
			words[i] = uint32(x)
		}
		return words, false
	case shaders.Batch:
		return v.Words(), false
	}
	panic(fmt.Sprintf("check: argument of type %T", v))
}

func clone[R any](args R) R {
	v := reflect.ValueOf(&args).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice {
			c := reflect.MakeSlice(f.Type(), f.Len(), f.Len())
			reflect.Copy(c, f)
			f.Set(c)
		}
	}
	return args
}

func absolute[R any](args R) {
	v := reflect.ValueOf(args)
	for i := range v.NumField() {
		if f, ok := v.Field(i).Interface().([]float64); ok {
			for j := range f {
				f[j] = math.Abs(f[j])
			}
		}
	}
}

// Rand makes inputs that do not change from run to run.
type Rand struct{ *rand.Rand }

// NewRand starts a sequence.
func NewRand(seed uint64) Rand { return Rand{rand.New(rand.NewPCG(seed, 1))} }

// Size is n, the number of values of a tensor of a case.
func (r Rand) Size(n int) int {
	if n < 0 || n > maxValues {
		panic(tooLarge(n))
	}
	return n
}

// Zeros are n zeros, for an output.
func (r Rand) Zeros(n int) []float64 { return make([]float64, r.Size(n)) }

// Floats are n values in [-1,1), exact in float32.
func (r Rand) Floats(n int) []float64 {
	x := r.Zeros(n)
	for i := range x {
		x[i] = float64(r.Float32()*2 - 1)
	}
	return x
}

// Tensor is [N,H,W,C] with channel stride stride: random in the first c
// channels of each pixel, zero in the padding.
func (r Rand) Tensor(pixels, c, stride int) []float64 {
	x := r.Zeros(pixels * stride)
	for p := range pixels {
		copy(x[p*stride:], r.Floats(c))
	}
	return x
}
