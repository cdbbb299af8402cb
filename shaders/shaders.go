// Package shaders holds what the kernels share: functions that compose their WGSL, and the values
// that change from run to run.
//
// # A first op
//
// An op is a folder: WGSL, a Go file that embeds the WGSL and checks shapes, float64 twins, cases
// that compare kernels with twins, and tests. Copy leakyrelu, the smallest, and change each file;
// shaders/README.md leads through them. In the Go file, [Source] puts the sizes before the text of
// a kernel, as constants:
//
//	func kernel[A any](s Shape, name, text string) gpu.Kernel[A] {
//		c := struct {
//			Count int // of vec4
//			Slope float32
//		}{shaders.DivUp(s.Elems, 4), s.Slope}
//		return gpu.Kernel[A]{
//			Name: "leakyrelu/" + name, Detail: fmt.Sprintf("%d slope=%g", s.Elems, s.Slope),
//			Source: shaders.Source(c, text),
//			Groups: shaders.DivUp(c.Count, 64), Lanes: 64, Flops: int64(s.Elems),
//		}
//	}
//
// A method of the shape makes each kernel, with the text of its file:
//
//	func (s Shape) Forward() gpu.Kernel[ForwardArgs[gpu.View]] {
//		return kernel[ForwardArgs[gpu.View]](s, "forward", forward)
//	}
//
// The cases pair each kernel with its twin, and this test compares them:
//
//	func TestConformance(t *testing.T) { checktest.Run(t, Cases()) }
//
// A layer of package nn records the kernels; nn/README.md shows how.
//
// # Ops
//
// Each op has a folder that contains everything about it. To remove an op, delete its folder and
// its row in package conformance. The tests of that package check that every op keeps this
// contract:
//
//   - A type, Shape, holds the sizes and settings. Check returns an error if they are invalid.
//     After Check, the methods that make kernels cannot fail.
//   - A kernel is a [gpu.Kernel] of an argument struct. Its fields are views on the device and
//     slices in the twin. Constants come from a Go struct, by [Source], or from the kernel's Sizes,
//     so that layers of other sizes share its machine code on software adapters. A kernel writes
//     every element of an output that is tagged write, sums in a fixed order, and writes zeros to
//     the padding of channels.
//   - ref.go has the float64 twins, in plain loops. The twin of method Forward is ForwardRef, and
//     that of Kernel is Ref. Only cases and tests use twins.
//   - cases.go has the conformance cases, at awkward sizes, and the checks of the twins' gradients
//     by finite differences. The selftest command runs them too.
//   - The tests run both, and mutants: broken versions of each kernel that the cases must catch.
//
// Code that both the host, without a device, and a twin use is in a package below the op's. It
// imports neither gpu nor this package. These are input/pillow and gcn/contrast.
//
// # Layout
//
// Activations are stored as [N,H,W,C], with channels innermost. C is padded with zeros to a
// multiple of 4 wherever a convolution wrote them, so that kernels can load four channels at a
// time. Shapes are written [N,C,H,W], as in PyTorch.
package shaders

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math"
	"reflect"
	"strconv"
	"strings"

	"wgnin/gpu"
)

// Batch holds the values that differ between two runs of a plan. Kernels read it as a uniform
// struct of the same name.
type Batch struct {
	Rows      uint32  // images in this run; rows from here on are masked
	Row0      uint32  // place of row 0 in the whole batch; this run may be a part of it
	Offset    uint32  // place of row 0 in the order of the epoch
	First     uint32  // 1 if gradients and metrics start from zero, 0 if they add up
	Step      uint32  // number of the update; determines the random numbers
	Seed      uint32  // seed of the random numbers
	InvImages float32 // 1 / images in the whole batch, or over the sum of their weights: scales the mean's gradient
	Rate      float32 // learning rate

	Correction1, Correction2 float32 // of Adam's running means; see package adam
}

// BatchBytes is the size of a Batch on the device, in bytes.
const BatchBytes = 10 * 4

// Words returns the 32-bit words of b in the device's layout.
func (b Batch) Words() []uint32 { return gpu.Words(b) }

// Random is the WGSL of random(seed, step, stream, row, i) -> u32. Its twin is [RandomBits].
//
//go:embed random.wgsl
var Random string

// Rectify is the WGSL of rectify(v), the ReLU of a vec4<f32>. Its twin is Go's max(v, 0).
//
//go:embed rectify.wgsl
var Rectify string

// Metrics is the WGSL of the struct that a step leaves for the host, and of overflows(v). The twin
// of the latter is [Overflows].
//
//go:embed metrics.wgsl
var Metrics string

// The indices of the 32-bit words in a Metrics.
const (
	MetricLoss = iota
	MetricCorrect
	MetricDiverged
	MetricOverflow
	metricWords
)

// MetricsBytes is the size of a Metrics on the device, in bytes.
const MetricsBytes = metricWords * 4

// Overflows reports whether v is not a finite float32: infinite, too large, or not a number.
func Overflows(v float64) bool { return !(math.Abs(v) <= math.MaxFloat32) }

// BatchStruct is the WGSL declaration of [Batch].
var BatchStruct = gpu.Struct(Batch{})

// Source composes a shader: a constant for each field of consts (a flat struct of int, uint32,
// float32, bool and [Alias]), with its Go name, then the parts.
func Source(consts any, parts ...string) string {
	var b strings.Builder
	v := reflect.ValueOf(consts)
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Name, v.Field(i)
		switch x := f.Interface().(type) {
		case Alias:
			fmt.Fprintf(&b, "alias %s = %s;\n", name, x)
		case bool:
			fmt.Fprintf(&b, "const %s = %t;\n", name, x)
		case float32:
			fmt.Fprintf(&b, "const %s : f32 = %s;\n", name, Literal(x))
		case int:
			fmt.Fprintf(&b, "const %s : u32 = %du;\n", name, x)
		case int32:
			fmt.Fprintf(&b, "const %s : i32 = %d;\n", name, x)
		case uint32:
			fmt.Fprintf(&b, "const %s : u32 = %du;\n", name, x)
		default:
			panic(fmt.Sprintf("shaders: constant %s has type %T", name, x))
		}
	}
	for _, p := range parts {
		b.WriteString(p)
	}
	return b.String()
}

// Constant returns k with its sizes as constants on every adapter. This pays where each invocation
// divides by them.
func Constant[A any](k gpu.Kernel[A]) gpu.Kernel[A] {
	k.Source, k.Sizes = Source(k.Sizes, k.Source), nil
	return k
}

// SourceHash returns a hash of the text of an op's kernels, and of settings that decide which of
// them run.
func SourceHash(files embed.FS, settings ...any) string {
	h := sha256.New()
	fmt.Fprintln(h, settings...)
	names, _ := fs.Glob(files, "*") // the pattern is valid
	for _, name := range names {
		text, _ := files.ReadFile(name) // files are in memory
		fmt.Fprintf(h, "%s %d\n%s", name, len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Alias is a constant that names a WGSL type.
type Alias string

// Literal returns x in WGSL, with the digits of a float64. Nine digits distinguish all float32s,
// but round the largest up to a number that WGSL refuses.
func Literal(x float32) string {
	s := strconv.FormatFloat(float64(x), 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s + "f"
}

// Elem holds the types with which a kernel processes a tensor: four channels at a time if the
// channel stride allows it.
type Elem struct {
	Elem  Alias // vec4<f32> or f32
	UElem Alias // vec4<u32> or u32
	Lanes int   // 4 or 1
}

// ElemOf returns the Elem for the channel strides and first channels c: four channels at a time if
// all are multiples of 4.
func ElemOf(c ...int) Elem {
	for _, n := range c {
		if n%4 != 0 {
			return Elem{"f32", "u32", 1}
		}
	}
	return Elem{"vec4<f32>", "vec4<u32>", 4}
}

var (
	//go:embed channels1.wgsl
	channels1 string
	//go:embed channels4.wgsl
	channels4 string
)

// Channels returns the WGSL of channels(c): a UElem with the channel numbers of the Elem that
// begins with channel c, for masks of the padding.
func (e Elem) Channels() string {
	if e.Lanes == 4 {
		return channels4
	}
	return channels1
}

// Variant returns "vec4" or "scalar", for the names of cases.
func (e Elem) Variant() string {
	if e.Lanes == 4 {
		return "vec4"
	}
	return "scalar"
}

// DivUp returns a / b, rounded up.
func DivUp(a, b int) int { return (a + b - 1) / b }

// RoundUp returns the smallest multiple of b that is at least a.
func RoundUp(a, b int) int { return DivUp(a, b) * b }

// Positive returns an error if one of sizes is below 1, for the Check of a shape. what names the
// sizes in the error.
func Positive(what string, sizes ...int) error {
	for _, n := range sizes {
		if n < 1 {
			return fmt.Errorf("%s are %d; want at least 1 of each", what, sizes)
		}
	}
	return nil
}

// Hash returns the PCG output permutation of a 32-bit word (Jarzynski and Olano, "Hash Functions
// for GPU Rendering", 2020). It is the twin of hash in random.wgsl.
func Hash(v uint32) uint32 {
	s := v*747796405 + 2891336453
	w := ((s >> ((s >> 28) + 4)) ^ s) * 277803737
	return (w >> 22) ^ w
}

// RandomBits returns 32 random bits that depend only on the arguments. It is the twin of random in
// random.wgsl.
func RandomBits(seed, step, stream, row, i uint32) uint32 {
	return Hash(Hash(Hash(Hash(Hash(seed)+step)+stream)+row) + i)
}
