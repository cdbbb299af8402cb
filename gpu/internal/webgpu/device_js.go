package webgpu

import (
	_ "embed"
	"strings"
	"syscall/js"
	"time"
)

// Instance gives access to the adapters.
type Instance struct{}

// NewInstance makes an instance.
func NewInstance() *Instance { return &Instance{} }

// Release releases the instance.
func (*Instance) Release() {}

// Adapter is a processor with its driver.
type Adapter struct {
	Info Info

	h js.Value
}

// Adapters returns the adapters: the browser's choice, and its software adapter if that is another.
// The caller releases each.
func (*Instance) Adapters() []*Adapter {
	gpu := js.Global().Get("navigator").Get("gpu")
	if gpu.IsUndefined() {
		return nil
	}
	var all []*Adapter
	for _, options := range []map[string]any{{"powerPreference": "high-performance"}, {"forceFallbackAdapter": true}} {
		h, err := await(gpu.Call("requestAdapter", options))
		if err != nil || h.IsNull() {
			continue
		}
		a := &Adapter{describe(h), h}
		if len(all) == 0 || all[0].Info.Name != a.Info.Name {
			all = append(all, a)
		}
	}
	return all
}

func describe(h js.Value) Info {
	info, limits := h.Get("info"), h.Get("limits")
	text := func(key string) string {
		if v := info.Get(key); v.Type() == js.TypeString {
			return v.String()
		}
		return ""
	}
	limit := func(key string) uint32 { return uint32(min(limits.Get(key).Float(), 1<<32-1)) }
	name := text("description")
	if name == "" {
		name = text("device")
	}
	if name == "" {
		name = strings.TrimSpace(text("vendor") + " " + text("architecture"))
	}
	if name == "" {
		name = "the browser's adapter"
	}
	i := Info{
		Name:    name,
		Backend: "webgpu",
		Limits: Limits{
			BufferBytes:    uint64(limits.Get("maxBufferSize").Float()),
			StorageBytes:   uint64(limits.Get("maxStorageBufferBindingSize").Float()),
			UniformBytes:   uint64(limits.Get("maxUniformBufferBindingSize").Float()),
			OffsetAlign:    max(limit("minStorageBufferOffsetAlignment"), limit("minUniformBufferOffsetAlignment")),
			StorageBuffers: limit("maxStorageBuffersPerShaderStage"),
			Groups:         limit("maxComputeWorkgroupsPerDimension"),
			GroupSize:      min(limit("maxComputeInvocationsPerWorkgroup"), limit("maxComputeWorkgroupSizeX")),
			SharedBytes:    limit("maxComputeWorkgroupStorageSize"),
			TextureSide:    limit("maxTextureDimension2D"),
		},
		Timestamps: h.Get("features").Call("has", "timestamp-query").Bool(),
	}
	// A browser does not tell a card from a GPU that shares the processor's memory.
	if info.Get("isFallbackAdapter").Truthy() || h.Get("isFallbackAdapter").Truthy() ||
		text("architecture") == "swiftshader" {
		i.Processor = CPU
	}
	return i
}

// Release releases the adapter. Devices opened on it remain usable.
func (*Adapter) Release() {}

// Device is an open adapter, with its queue.
type Device struct {
	h, glue js.Value
	event   js.Func

	lost    bool
	err     error               // of commands or writes, not yet returned by a call
	wake    chan struct{}       // receives a value for each event
	asked   map[int]func(error) // callbacks, by the number of the event
	next    int                 // number of the last event
	busy    bool                // commands were submitted since the queue was found empty
	asking  bool                // an event is due when the queue becomes empty
	free    []int               // numbers of objects that were released
	count   int                 // of numbers, in use and free
	numbers []float64           // room for the commands of an encoder
}

//go:embed glue.js
var glue string

// limitNames are the limits that Open requests.
var limitNames = []string{
	"maxBufferSize", "maxStorageBufferBindingSize", "maxUniformBufferBindingSize", "minStorageBufferOffsetAlignment",
	"minUniformBufferOffsetAlignment", "maxStorageBuffersPerShaderStage", "maxComputeWorkgroupsPerDimension",
	"maxComputeInvocationsPerWorkgroup", "maxComputeWorkgroupSizeX", "maxComputeWorkgroupStorageSize",
	"maxTextureDimension2D",
}

// Open opens the adapter, with the adapter's own limits.
func (a *Adapter) Open(label string, f Features) (*Device, error) {
	limits, features := map[string]any{}, []any{}
	for _, name := range limitNames {
		limits[name] = a.h.Get("limits").Get(name)
	}
	if f.Timestamps {
		features = append(features, "timestamp-query")
	}
	h, err := await(a.h.Call("requestDevice",
		map[string]any{"label": label, "requiredLimits": limits, "requiredFeatures": features}))
	if err != nil {
		return nil, err
	}
	d := &Device{h: h, wake: make(chan struct{}, 1), asked: map[int]func(error){}}
	d.event = js.FuncOf(func(_ js.Value, args []js.Value) any {
		d.happened(args[0].Int(), args[1].String())
		return nil
	})
	d.glue = js.Global().Get("Function").New("device", "event", glue).Invoke(h, d.event)
	return d, nil
}

// happened handles an event. number is that of ask for an answer, 0 for an error outside any
// request, or -1 for the end of a pause.
func (d *Device) happened(number int, text string) {
	err := check(text)
	if number == 0 {
		if err == ErrLost {
			d.end()
		} else if d.err == nil {
			d.err = err
		}
	} else if answer := d.asked[number]; answer != nil {
		delete(d.asked, number)
		answer(err)
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// ask returns a new number for an event. When the event arrives, answer is called.
func (d *Device) ask(answer func(error)) int {
	d.next++
	d.asked[d.next] = answer
	return d.next
}

// failed returns the error of earlier commands and writes, and clears it.
func (d *Device) failed() error {
	if d.lost {
		return ErrLost
	}
	err := d.err
	d.err = nil
	return err
}

// Release releases the device. Release the objects made with it first.
func (d *Device) Release() {
	d.h.Call("destroy")
	d.end()
}

// end answers all pending requests with ErrLost, because a lost device has no more events.
func (d *Device) end() {
	d.lost = true
	for _, answer := range d.asked {
		answer(ErrLost)
	}
	clear(d.asked)
	d.glue.Call("close")
	d.event.Release()
}

// Poll lets the browser run its event loop for up to limit, and reports whether the queue
// is empty. It returns early when something has happened on the device.
func (d *Device) Poll(limit time.Duration) (idle bool) {
	if d.busy && !d.asking && !d.lost {
		d.busy, d.asking = false, true
		d.glue.Call("whenIdle", d.ask(func(error) { d.asking = false }))
	}
	if limit > 0 && len(d.asked) > 0 && !d.lost {
		select {
		case <-d.wake: // of an earlier event
		default:
		}
		d.glue.Call("pause", limit.Milliseconds()) // a Go timer can end without running the event loop
		<-d.wake
	}
	return d.lost || !d.busy && !d.asking
}

// create makes an object by calling a method of the device.
func (d *Device) create(method string, descriptor map[string]any) (js.Value, error) {
	if d.lost {
		return js.Value{}, ErrLost
	}
	return d.made(settled(d.glue.Call("create", method, descriptor)))
}

// made waits for an object of the device.
func (d *Device) made(wait func() (js.Value, error)) (js.Value, error) {
	h, err := wait()
	if d.lost { // a lost device makes useless objects without an error
		err = ErrLost
	}
	return h, err
}

// object is a browser object that commands refer to by its number.
type object struct {
	d *Device
	h js.Value
	n int
}

// number assigns a number to an object.
func (d *Device) number(h js.Value) object {
	o := object{d: d, h: h}
	if last := len(d.free) - 1; last >= 0 {
		o.n, d.free = d.free[last], d.free[:last]
	} else {
		d.count++
		o.n = d.count
	}
	o.set(h)
	return o
}

// set makes the object's number refer to h in commands.
func (o object) set(h js.Value) { o.d.glue.Call("set", o.n, h) }

// Release frees the object's number.
func (o object) Release() {
	o.set(js.Undefined())
	o.d.free = append(o.d.free, o.n)
}

// await parks the goroutine until a promise is settled.
func await(promise js.Value) (js.Value, error) { return settled(promise)() }

// settled observes a promise, and returns a function that parks the goroutine until the promise is
// settled.
func settled(promise js.Value) (wait func() (js.Value, error)) {
	type result struct {
		v   js.Value
		err error
	}
	done := make(chan result, 1)
	var kept, broken js.Func
	settle := func(r result) {
		kept.Release()
		broken.Release()
		done <- r
	}
	kept = js.FuncOf(func(_ js.Value, args []js.Value) any {
		settle(result{v: args[0]})
		return nil
	})
	broken = js.FuncOf(func(_ js.Value, args []js.Value) any {
		text := args[0]
		if text.Type() == js.TypeObject { // an error that did not come through glue.js
			text = js.ValueOf("error: " + text.Get("message").String())
		}
		settle(result{err: check(text.String())})
		return nil
	})
	promise.Call("then", kept, broken)
	return func() (js.Value, error) {
		r := <-done
		return r.v, r.err
	}
}

// check converts an error text of glue.js, a kind and a message, to a typed error. It returns nil
// for an empty text.
func check(text string) error {
	kind, message, _ := strings.Cut(text, ": ")
	switch kind {
	case "":
		return nil
	case "lost":
		return ErrLost
	case "out-of-memory":
		return ErrOutOfMemory
	}
	line, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	return &Error{line}
}

// The stages of a pipeline to which its buffers are visible, as in GPUShaderStage of the WebGPU
// standard.
const (
	fragmentStage = 2
	computeStage  = 4
)

// compiling is a pipeline that is being compiled, with the layout of its bindings.
type compiling struct {
	object
	layout js.Value
	wait   func() (js.Value, error) // nil when it is compiled
}

// begin begins to compile a pipeline by calling a method of the device.
func (d *Device) begin(method string, descriptor map[string]any, stages []any, visible int, types []BindingType,
	wgsl string) (compiling, error) {
	if d.lost {
		return compiling{}, ErrLost
	}
	names := make([]any, len(types))
	for i, t := range types {
		names[i] = bindingTypes[t]
	}
	begun := d.glue.Call("pipeline", method, descriptor, stages, visible, names, wgsl)
	return compiling{d.number(js.Undefined()), begun.Get("layout"), settled(begun.Get("made"))}, nil
}

// Wait waits until the pipeline is compiled, and returns the compiler's error. It may be called
// again.
func (c *compiling) Wait() error {
	if c.wait == nil {
		return nil
	}
	h, err := c.d.made(c.wait)
	if err != nil {
		c.wait = func() (js.Value, error) { return h, err }
		return err
	}
	c.wait = nil
	c.set(h)
	return nil
}

var bindingTypes = map[BindingType]string{
	StorageBinding:         "storage",
	ReadOnlyStorageBinding: "read-only-storage",
	UniformBinding:         "uniform",
}

// Pipeline is a compute shader.
type Pipeline struct{ compiling }

// NewPipeline begins to compile s.
func (d *Device) NewPipeline(s Shader) (*Pipeline, error) {
	c, err := d.begin("createComputePipelineAsync", map[string]any{
		"label": s.Label, "compute": map[string]any{"entryPoint": "main"},
	}, []any{"compute"}, computeStage, s.Bindings, s.WGSL)
	if err != nil {
		return nil, err
	}
	return &Pipeline{c}, nil
}

// Bind binds buffers for the pipeline, bindings[i] at index i.
func (c *compiling) Bind(label string, bindings []Binding) (*BindGroup, error) {
	if c.d.lost {
		return nil, ErrLost
	}
	entries := make([]any, len(bindings))
	for i, b := range bindings {
		entries[i] = map[string]any{
			"binding": i, "resource": map[string]any{"buffer": b.Buffer.h, "offset": b.Offset, "size": b.Bytes},
		}
	}
	h := c.d.glue.Call("bind", map[string]any{"label": label, "layout": c.layout, "entries": entries})
	if h.Type() == js.TypeString {
		return nil, check(h.String())
	}
	return &BindGroup{c.d.number(h)}, nil
}

// BindGroup is a set of buffers bound for a pipeline.
type BindGroup struct{ object }

// QuerySet holds timestamps.
type QuerySet struct{ object }

// NewQuerySet makes a set of n timestamps.
func (d *Device) NewQuerySet(label string, n int) (*QuerySet, error) {
	h, err := d.create("createQuerySet", map[string]any{"label": label, "type": "timestamp", "count": n})
	if err != nil {
		return nil, err
	}
	return &QuerySet{d.number(h)}, nil
}
