// Package check compares a kernel with its float64 twin on a device.
//
// A [Case] is one kernel at one size. [Of] makes it from the kernel, its arguments on the host, the
// twin and a [Bound]:
//
//	check.Of(s.Forward(), forwardArgs{x, make([]float64, s.Elems)}, s.ForwardRef,
//		check.Bound[forwardArgs]{Terms: 1})
//
// Running a case runs the kernel three times on outputs filled with poison. It fails if an element
// differs from the twin's by more than the bound that follows from float32 arithmetic, if an
// element is not written, if an input changes, or if two runs differ in a bit. A [Gradient]
// compares a twin's backward pass with central differences of its forward pass, in float64 and
// without a device.
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
	Variant        string // which of several ways to compute the result; empty if there is only one
	WGSL           string // complete source
	Flops          int64
	SharedBytes    int // workgroup memory
	run            func(d *gpu.Device, then func(*gpu.Plan) error) (Result, error)
	patched        func(patch func(source string) string) Case
	ahead          func(*gpu.Device) gpu.Ahead
}

// CompileAhead passes the kernels of the cases to [gpu.Device.CompileAhead].
func CompileAhead(d *gpu.Device, cases []Case) {
	ks := make([]gpu.Ahead, len(cases))
	for i, c := range cases {
		ks[i] = c.ahead(d)
	}
	d.CompileAhead(ks)
}

// Result is the largest difference between the outputs of a kernel and of its twin.
type Result struct {
	Worst float64 // largest error, in units of its tolerance; above 1 is a failure
	Where string  // argument and element with this error
}

// ErrBuild is wrapped by the errors of kernels that do not compile.
var ErrBuild = errors.New("did not compile")

// Run runs the kernel three times on poisoned outputs, and compares these with the twin's. Errors:
// the kernel does not compile, leaves part of an output unwritten, changes an input, or computes
// different bits in two runs.
func (c Case) Run(d *gpu.Device) (Result, error) { return c.run(d, nil) }

// Measure is like Run, and then calls measure with the plan of the kernel. The arguments are as Run
// left them.
func (c Case) Measure(d *gpu.Device, measure func(*gpu.Plan) error) (Result, error) {
	return c.run(d, measure)
}

// Patched returns the case with the kernel's source changed, to show that it detects a broken
// kernel.
func (c Case) Patched(patch func(source string) string) Case {
	p := c.patched(patch)
	p.Variant = c.Variant
	return p
}

// Bound sets how exact a kernel must be. A float32 output may differ from the twin's by
// [shaders.Tolerance] of Terms, Ulps and the output's magnitude. For up to 63 terms, that is about
// (Terms + 1 + 2 Ulps) * 2^-24 * magnitude. The zero Bound is for kernels that move, select or
// compare values. It requires exactly the twin's value, rounded to float32.
type Bound[R any] struct {
	// Terms is the number of rounded products that are summed into one output. If the kernel adds
	// to the output, count the previous value as one more. For a formula without a long sum, count
	// its additions, multiplications and rounded constants: Slope * x has 1, and
	// x * (x + 3) * (1.0 / 6.0) has 4.
	Terms int
	// Magnitude stores the sums of the terms' absolute values in the outputs, given arguments with
	// the absolute values of the inputs. Nil means the twin itself, which is right for sums of
	// products. Set a function if the twin of absolute inputs may be less than these sums, because
	// it subtracts, has negative constants or branches on its input: for 1 - x, the twin computes
	// 1 - |x|, but the sum is 1 + |x|. If a function is applied to a rounded value, count that
	// value's magnitude times the function's slope as a term.
	Magnitude func(R)
	// Ulps is the error of built-in functions and divisions, for which WGSL allows more than a
	// rounding, in units in the last place of the magnitude. Add up the errors that the section
	// "Floating Point Accuracy" of the WGSL specification allows for one output: 2.5 for a
	// division, 2 for inverseSqrt, 3 + 2|x| for exp(x). Errors that depend on x, or that are
	// absolute like those of log and sin, belong in Magnitude, as in the cases of
	// shaders/activation.
	Ulps float64
}

// Checked returns the shape of a case. It panics if the shape's Check returns an error.
func Checked[S interface{ Check() error }](shape S) S {
	if err := shape.Check(); err != nil {
		panic(fmt.Sprintf("check: a case of %+v: %v", shape, err))
	}
	return shape
}

// Of returns a case of kernel k. D is its argument struct with views on the device, and R is the
// same struct on the host, with fields of type []float64, []uint32, []int32 or shaders.Batch. In
// args, inputs must have values that are exact in float32, which may be NaN or infinite. Outputs
// must have the right length. An output that is tagged update must also have its previous values.
// The twin computes outputs from inputs in a copy of args.
//
// A case finds only mistakes that its values reveal. Choose odd sizes, among them one below and one
// above a workgroup, and inputs that contain the points where the formula changes, such as 0.
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

// poison fills outputs before a run. It is a NaN that no kernel computes.
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

// initial returns the contents of the buffer before a run.
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
		case shaders.Overflows(w): // infinite or NaN, and the kernel's must be too
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

// Rand generates inputs that are the same in every run.
type Rand struct{ *rand.Rand }

// NewRand returns a generator with the seed.
func NewRand(seed uint64) Rand { return Rand{rand.New(rand.NewPCG(seed, 1))} }

// Size returns n, the number of values of a case's tensor. It panics if n is too large.
func (r Rand) Size(n int) int {
	if n < 0 || n > maxValues {
		panic(tooLarge(n))
	}
	return n
}

// Zeros returns n zeros, for an output.
func (r Rand) Zeros(n int) []float64 { return make([]float64, r.Size(n)) }

// Floats returns n values in [-1,1) that are exact in float32.
func (r Rand) Floats(n int) []float64 {
	x := r.Zeros(n)
	for i := range x {
		x[i] = float64(r.Float32()*2 - 1)
	}
	return x
}

// Tensor returns a tensor of pixels with the given channel stride. The first c channels of each
// pixel are random, and the padding is zero.
func (r Rand) Tensor(pixels, c, stride int) []float64 {
	x := r.Zeros(pixels * stride)
	for p := range pixels {
		copy(x[p*stride:], r.Floats(c))
	}
	return x
}
