package webgpu

import "syscall/js"

// NativeWindow is a canvas of the page or an OffscreenCanvas.
type NativeWindow = js.Value

// Surface is the drawing area of a canvas.
type Surface struct {
	canvas, context js.Value
	d               *Device // nil until Configure
}

// NewSurface makes a surface of a canvas.
func (*Instance) NewSurface(w *NativeWindow) *Surface {
	return &Surface{canvas: *w, context: w.Call("getContext", "webgpu")}
}

// Formats returns the formats in which the adapter can draw on the surface. The one that the
// browser prefers comes first. The result is empty if the adapter cannot draw.
func (s *Surface) Formats(*Adapter) []Format {
	if !s.context.Truthy() {
		return nil
	}
	if js.Global().Get("navigator").Get("gpu").Call("getPreferredCanvasFormat").String() == string(RGBA8) {
		return []Format{RGBA8, BGRA8}
	}
	return []Format{BGRA8, RGBA8}
}

// Configure sets the size and the format of the pictures, one of Formats.
func (s *Surface) Configure(d *Device, _ *Adapter, f Format, width, height int) error {
	s.canvas.Set("width", width)
	s.canvas.Set("height", height)
	s.context.Call("configure", map[string]any{"device": d.h, "format": string(f), "alphaMode": "opaque"})
	s.d = d
	return d.failed()
}

// Configured reports whether Next can be called.
func (s *Surface) Configured() bool { return s.d != nil }

// Next returns the texture of the next picture. Release it after Present.
func (s *Surface) Next() (*Texture, error) {
	if s.d.lost { // the call that draws returns every other error
		return nil, ErrLost
	}
	return &Texture{s.d.number(s.d.glue.Call("canvas", s.context)), false}, nil
}

// Present does nothing, because the browser shows the picture once all goroutines wait.
func (s *Surface) Present() {}

// Release releases the surface, but not the canvas.
func (s *Surface) Release() {
	if s.d != nil {
		s.context.Call("unconfigure")
		s.d = nil
	}
}

// Texture is a picture to draw on.
type Texture struct {
	object
	own bool // false for a texture of a surface
}

// NewTexture makes a texture that can be drawn on and copied to a buffer.
func (d *Device) NewTexture(f Format, width, height int) (*Texture, error) {
	const copySrc, renderAttachment = 0x1, 0x10 // GPUTextureUsage of the WebGPU standard
	h, err := d.create("createTexture", map[string]any{
		"size": []any{width, height}, "format": string(f), "usage": copySrc | renderAttachment,
	})
	if err != nil {
		return nil, err
	}
	return &Texture{d.number(h), true}, nil
}

// Release releases the texture.
func (t *Texture) Release() {
	if t.own {
		t.h.Call("destroy")
	}
	t.object.Release()
}

// RenderPipeline is a compiled [Drawing].
type RenderPipeline struct{ compiling }

// NewRenderPipeline compiles r.
func (d *Device) NewRenderPipeline(r Drawing) (*RenderPipeline, error) {
	c, err := d.begin("createRenderPipelineAsync", map[string]any{
		"label":  r.Label,
		"vertex": map[string]any{"entryPoint": r.Vertex},
		"fragment": map[string]any{"entryPoint": r.Fragment,
			"targets": []any{map[string]any{"format": string(r.Format)}}},
	}, []any{"vertex", "fragment"}, fragmentStage, r.Bindings, r.WGSL)
	if err != nil {
		return nil, err
	}
	p := &RenderPipeline{c}
	return p, p.Wait()
}

// Draw clears a texture and draws triangles on it, of three vertices each.
func (e *Encoder) Draw(to *Texture, p *RenderPipeline, g *BindGroup, vertices int) {
	e.add(draw, to.id(), p.id(), g.id(), float64(vertices))
}

// CopyTexture copies a texture to the start of a buffer. A row begins every pitch bytes, a multiple
// of 256.
func (e *Encoder) CopyTexture(to *Buffer, pitch int, from *Texture) {
	e.add(copyTexture, to.id(), float64(pitch), from.id())
}
