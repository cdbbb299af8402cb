package gpu

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"wgnin/gpu/internal/webgpu"
)

// Kernel is a compute shader for fixed shapes. A is its argument struct, which is also its
// bind-group layout: each field is a [View], and field i is @binding(i). The WGSL variable is named
// after the field, with a lower-case first letter (dY for DY). The tag gives access and type:
//
//	X View `wgsl:"read array<vec4<f32>>"`
//
// The access is one of
//
//   - read: the kernel reads it,
//   - write: the kernel writes every element and reads none,
//   - part: the kernel writes some elements and reads none, so that several kernels make one
//     tensor together,
//   - update: the kernel reads and writes,
//   - uniform: a struct that all invocations read, declared by [Struct].
//
// A device compiles kernels with equal WGSL only once.
type Kernel[A any] struct {
	Name   string // op and pass, such as conv2d/forward
	Detail string // shape and variant, for people
	Source string // WGSL with a function run, without the bindings
	Groups int    // workgroups, in one dimension
	Lanes  int    // invocations in a workgroup
	Flops  int64  // arithmetic of one dispatch, for benchmarks

	// Replaces is the arithmetic of the plain algorithm, if the kernel is part of an algorithm that
	// needs less. The default, 0, means Flops. Costs and rates count it, so that algorithms can be
	// compared.
	Replaces int64

	// Bytes is the number of bytes that one dispatch reads and writes, for benchmarks. 0 means the
	// size of all arguments.
	Bytes int64

	// Sizes is a flat struct of int with further constants, which Source uses by name. On software
	// adapters, whose drivers compile slowly, they are passed in a uniform buffer instead, so that
	// kernels which differ only in them are compiled once. They are then not constant expressions.
	// The bounds of a short loop that should be unrolled therefore belong in Source, and the bounds
	// of a long sum belong here, because llvmpipe takes seconds to unroll it.
	Sizes any

	// SharedBytes is the workgroup memory that Source declares. A plan checks it against
	// Limits.MaxSharedBytes.
	SharedBytes int

	// Iterations is an upper bound on the iterations of all loops of one invocation. A plan checks
	// it against Limits.MaxIterations. 0 means few.
	Iterations int

	// Broadcast declares the WGSL functions same12 and same24, for addresses that are the same in
	// all lanes. The kernel then needs a device for which [Device.Broadcast] reports true.
	Broadcast bool
}

// Record adds a dispatch of k to r. The recorder keeps the first error, such as an argument without
// a buffer, and [Recorder.Plan] returns it.
func (k Kernel[A]) Record(r *Recorder, args A) {
	if r.err != nil {
		return
	}
	if k.Broadcast && !r.d.broadcast {
		r.fail(k.Name, fmt.Errorf("%s has no broadcast", r.d.adapter.Name))
		return
	}
	e := k.entry(r.d)
	if err := e.bind(args); err != nil {
		r.fail(k.Name, err)
		return
	}
	e.layer = r.layer
	r.entries = append(r.entries, e)
}

// Ahead is a kernel that will be recorded later; see [Device.CompileAhead].
type Ahead struct{ entry entry }

// Ahead returns k for [Device.CompileAhead] of d.
func (k Kernel[A]) Ahead(d *Device) Ahead { return Ahead{k.entry(d)} }

// entry returns a dispatch of k on d whose arguments have no buffers yet.
func (k Kernel[A]) entry(d *Device) entry {
	var args A
	t := reflect.TypeOf(args)
	binds := make([]bind, t.NumField())
	for i := range binds {
		access, _, _ := strings.Cut(t.Field(i).Tag.Get("wgsl"), " ")
		binds[i] = bind{name: lowerFirst(t.Field(i).Name), access: access}
	}
	e := entry{
		name: k.Name, detail: k.Detail,
		groups: k.Groups, flops: cmp.Or(k.Replaces, k.Flops), work: k.Flops, bytes: k.Bytes, binds: binds,
		broadcast: k.Broadcast, iterations: k.Iterations,
		sharedBytes: k.SharedBytes, lanes: k.Lanes,
	}
	names, sizes := k.sizes()
	// the latter exceed same24
	if len(sizes) == 0 || !d.adapter.sharesCode() || k.Broadcast && slices.Max(sizes) >= 1<<24 {
		e.text = k.WGSL(d.adapter.Limits.MaxGroupsPerDim)
		return e
	}
	e.sizes, e.begin = sizes, assign(names, k.Broadcast)
	e.text = "// " + k.Name + "\n" + declare(names, len(binds)) + k.bound() +
		e.entryPoint(0, k.Groups, d.adapter.Limits.MaxGroupsPerDim)
	return e
}

// WGSL returns the whole text of the shader for an adapter that allows maxPerDim workgroups in one
// dimension (0 means WebGPU's 65,535). It consists of the bindings, Source, and an entry point that
// calls
//
//	fn run(group : u32, lane : u32)
//
// in each of the Lanes invocations of each of the Groups workgroups.
func (k Kernel[A]) WGSL(maxPerDim int) string {
	var sizes strings.Builder
	names, values := k.sizes()
	for i, name := range names {
		fmt.Fprintf(&sizes, "const %s : u32 = %du;\n", name, values[i])
	}
	e := entry{lanes: k.Lanes}
	return fmt.Sprintf("// %s %s\n", k.Name, k.Detail) + sizes.String() + k.bound() +
		e.entryPoint(0, k.Groups, maxPerDim)
}

// sizes returns the names and the values of the fields of k.Sizes.
func (k Kernel[A]) sizes() (names []string, values []uint32) {
	if k.Sizes == nil {
		return nil, nil
	}
	v := reflect.ValueOf(k.Sizes)
	for i := range v.NumField() {
		names = append(names, v.Type().Field(i).Name)
		values = append(values, uint32(v.Field(i).Int()))
	}
	return names, values
}

// declare returns WGSL that declares names as variables of an invocation, and the uniform argument
// that holds their values.
func declare(names []string, binding int) string {
	var fields, variables strings.Builder
	for _, name := range names {
		fmt.Fprintf(&fields, " %s : u32,", name)
		fmt.Fprintf(&variables, "var<private> %s : u32;\n", name)
	}
	return fmt.Sprintf("struct Sizes {%s }\n@group(0) @binding(%d) var<uniform> sizes : Sizes;\n%s", &fields,
		binding, &variables)
}

// assign returns WGSL that sets the variables at the start of an invocation. For a kernel with
// Broadcast, it does so by same24, so that the driver can tell that they are the same in all lanes.
func assign(names []string, broadcast bool) string {
	var b strings.Builder
	format := "  %s = sizes.%s;\n"
	if broadcast {
		format = "  %s = same24(sizes.%s);\n"
	}
	for _, name := range names {
		fmt.Fprintf(&b, format, name, name)
	}
	return b.String()
}

// bound returns Source with the bindings before it.
func (k Kernel[A]) bound() string {
	var b strings.Builder
	var zero A
	t := reflect.TypeOf(zero)
	for i := range t.NumField() {
		f := t.Field(i)
		access, typ, _ := strings.Cut(f.Tag.Get("wgsl"), " ")
		space := map[string]string{
			"read": "storage, read", "uniform": "uniform",
			"write": "storage, read_write", "part": "storage, read_write", "update": "storage, read_write",
		}[access]
		fmt.Fprintf(&b, "@group(0) @binding(%d) var<%s> %s : %s;\n", i, space, lowerFirst(f.Name), typ)
	}
	if k.Broadcast {
		b.WriteString(digits)
	}
	b.WriteString(k.Source)
	return b.String()
}

// entryPoint returns the WGSL of an entry point that runs the workgroups [first,end).
func (e *entry) entryPoint(first, end, maxPerDim int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n@compute @workgroup_size(%d)\n", e.lanes)
	b.WriteString("fn main(@builtin(workgroup_id) id : vec3<u32>, @builtin(local_invocation_index) lane : u32) {\n")
	b.WriteString(e.begin)
	group := "id.x"
	x, y := fold(end-first, maxPerDim)
	if y > 1 {
		group = fmt.Sprintf("id.y * %du + id.x", x)
	}
	if first > 0 {
		group = fmt.Sprintf("%du + %s", first, group)
	}
	if x*y == end-first {
		fmt.Fprintf(&b, "  run(%s, lane);\n}\n", group)
	} else {
		fmt.Fprintf(&b, "  let group = %s;\n  if (group < %du) { run(group, lane); }\n}\n", group, end)
	}
	return b.String()
}

// fold arranges n workgroups in two dimensions of at most maxPerDim each; the last row may be
// incomplete.
func fold(n, maxPerDim int) (x, y int) {
	if maxPerDim <= 0 {
		maxPerDim = 65535
	}
	y = (n + maxPerDim - 1) / maxPerDim
	x = (n + max(y, 1) - 1) / max(y, 1)
	return x, y
}

type bind struct {
	name   string
	access string
	view   View
}

func (b bind) writes() bool { return b.access == "write" || b.access == "part" || b.access == "update" }

var viewType = reflect.TypeOf(View{})

// bind sets the buffers of e's arguments.
func (e *entry) bind(args any) error {
	v := reflect.ValueOf(args)
	for i := range e.binds {
		b := &e.binds[i]
		if t := v.Field(i).Type(); t != viewType {
			return fmt.Errorf("argument %s is a %s, not a gpu.View", v.Type().Field(i).Name, t)
		}
		if b.view = v.Field(i).Interface().(View); b.view.buf == nil {
			return fmt.Errorf("argument %s has no buffer", v.Type().Field(i).Name)
		}
	}
	return nil
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

type pipeline struct {
	h        *webgpu.Pipeline
	ready    bool // it can be dispatched; see Device.wait
	compiled bool // to machine code; see compilesInPlan
}

// dispatch records p in pass.
func (p part) dispatch(pass *webgpu.Pass) { pass.Dispatch(p.pipeline.h, p.group, p.x, p.y) }

// wait returns when p can be dispatched. In a browser, that is when the kernel is compiled.
func (d *Device) wait(p *pipeline) error {
	if p.ready {
		return nil
	}
	if err := d.call("pipeline", p.h.Wait); err != nil {
		return err
	}
	p.ready, p.compiled = true, p.compiled || !d.adapter.compilesInQueue()
	return nil
}

// pipeline returns the pipeline for a text of e. Its first call for a text begins to compile it.
func (d *Device) pipeline(e *entry, text string) (p *pipeline, err error) {
	if p := d.pipelines[text]; p != nil {
		return p, nil
	}
	err = d.call("pipeline", func() (err error) {
		p, err = d.compile(e, text)
		return err
	})
	if err == nil {
		d.pipelines[text] = p
	}
	return p, err
}

// compile begins to compile a text of e.
func (d *Device) compile(e *entry, text string) (*pipeline, error) {
	shader := webgpu.Shader{Label: e.name, WGSL: text, Bindings: make([]webgpu.BindingType, len(e.binds))}
	for i, b := range e.binds {
		switch b.access {
		case "read":
			shader.Bindings[i] = webgpu.ReadOnlyStorageBinding
		case "uniform":
			shader.Bindings[i] = webgpu.UniformBinding
		}
	}
	if e.sizes != nil {
		shader.Bindings = append(shader.Bindings, webgpu.UniformBinding)
	}
	if e.broadcast {
		shader.Constants = digitValues
	}
	h, err := d.dev.NewPipeline(shader)
	if err != nil {
		return nil, err
	}
	return &pipeline{h: h, compiled: d.adapter.compilesInPlan()}, nil
}
