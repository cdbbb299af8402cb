//go:build !js

package webgpu

import (
	"slices"

	"github.com/rajveermalviya/go-webgpu/wgpu"
)

// NativeWindow describes a window of the operating system, in the form that the window library's
// glue returns.
type NativeWindow = wgpu.SurfaceDescriptor

// Surface is the drawing area of a window.
type Surface struct {
	h     *wgpu.Surface
	chain *wgpu.SwapChain // nil until Configure
}

// NewSurface makes a surface of a window, which must outlive it.
func (in *Instance) NewSurface(w *NativeWindow) *Surface { return &Surface{h: in.h.CreateSurface(w)} }

// Formats returns the formats in which the adapter can draw on the surface. Those that store the
// bytes of a pixel unchanged come first. The result is empty if the adapter cannot draw.
func (s *Surface) Formats(a *Adapter) []Format {
	caps := s.h.GetCapabilities(a.h)
	if len(caps.PresentModes) == 0 || len(caps.AlphaModes) == 0 {
		return nil
	}
	var all []Format
	for _, f := range []Format{BGRA8, RGBA8, BGRA8SRGB, RGBA8SRGB} {
		if slices.Contains(caps.Formats, formats[f]) {
			all = append(all, f)
		}
	}
	return all
}

var formats = map[Format]wgpu.TextureFormat{
	BGRA8:     wgpu.TextureFormat_BGRA8Unorm,
	RGBA8:     wgpu.TextureFormat_RGBA8Unorm,
	BGRA8SRGB: wgpu.TextureFormat_BGRA8UnormSrgb,
	RGBA8SRGB: wgpu.TextureFormat_RGBA8UnormSrgb,
}

// Configure sets the size and the format of the pictures, one of Formats. The queue must be empty,
// because wgpu waits for it, and aborts the process if that takes longer than five seconds.
func (s *Surface) Configure(d *Device, a *Adapter, f Format, width, height int) error {
	s.unconfigure()
	caps := s.h.GetCapabilities(a.h)
	if len(caps.AlphaModes) == 0 || !slices.Contains(caps.Formats, formats[f]) { // wgpu would abort the process
		return &Error{a.Info.Name + " can no longer draw in the window"}
	}
	desc := &wgpu.SwapChainDescriptor{
		Usage: wgpu.TextureUsage_RenderAttachment, Format: formats[f], Width: uint32(width), Height: uint32(height),
		PresentMode: wgpu.PresentMode_Fifo, AlphaMode: caps.AlphaModes[0],
	}
	if slices.Contains(caps.PresentModes, wgpu.PresentMode_Mailbox) { // the queue does not wait for the screen
		desc.PresentMode = wgpu.PresentMode_Mailbox
	}
	if slices.Contains(caps.AlphaModes, wgpu.CompositeAlphaMode_Opaque) {
		desc.AlphaMode = wgpu.CompositeAlphaMode_Opaque
	}
	chain, err := d.h.CreateSwapChain(s.h, desc)
	if err != nil {
		return check(err)
	}
	s.chain = chain
	return nil
}

func (s *Surface) unconfigure() {
	if s.chain != nil {
		s.chain.Release()
		s.chain = nil
	}
}

// Configured reports whether Next can be called.
func (s *Surface) Configured() bool { return s.chain != nil }

// Next returns the texture of the next picture. Show it with Present, then release it. After an
// error, as when the window is changing, configure the surface again.
func (s *Surface) Next() (*Texture, error) {
	view, err := s.chain.GetCurrentTextureView()
	if err != nil {
		s.unconfigure()
		return nil, check(err)
	}
	return &Texture{view: view}, nil
}

// Present shows the picture that Next returned.
func (s *Surface) Present() { s.chain.Present() }

// Release releases the surface, but not the window.
func (s *Surface) Release() {
	s.unconfigure()
	s.h.Release()
}

// Texture is a picture to draw on.
type Texture struct {
	h             *wgpu.Texture // nil for a texture of a surface
	view          *wgpu.TextureView
	width, height int
}

// NewTexture makes a texture that can be drawn on and copied to a buffer.
func (d *Device) NewTexture(f Format, width, height int) (*Texture, error) {
	h, err := d.h.CreateTexture(&wgpu.TextureDescriptor{
		Usage: wgpu.TextureUsage_RenderAttachment | wgpu.TextureUsage_CopySrc, Dimension: wgpu.TextureDimension_2D,
		Size:   wgpu.Extent3D{Width: uint32(width), Height: uint32(height), DepthOrArrayLayers: 1},
		Format: formats[f], MipLevelCount: 1, SampleCount: 1,
	})
	if err != nil {
		return nil, check(err)
	}
	view, err := h.CreateView(nil)
	if err != nil {
		h.Release()
		return nil, check(err)
	}
	return &Texture{h, view, width, height}, nil
}

// Release releases the texture.
func (t *Texture) Release() {
	t.view.Release()
	if t.h != nil {
		t.h.Release()
	}
}

// RenderPipeline is a compiled [Drawing].
type RenderPipeline struct {
	layout
	h *wgpu.RenderPipeline
}

// NewRenderPipeline compiles r.
func (d *Device) NewRenderPipeline(r Drawing) (*RenderPipeline, error) {
	l, pl, err := d.newLayout(r.Label, wgpu.ShaderStage_Fragment, r.Bindings, 0)
	if err != nil {
		return nil, check(err)
	}
	defer pl.Release()
	module, err := d.newModule(r.Label, r.WGSL)
	if err != nil {
		l.h.Release()
		return nil, check(err)
	}
	defer module.Release()
	h, err := d.h.CreateRenderPipeline(&wgpu.RenderPipelineDescriptor{
		Label: r.Label, Layout: pl,
		Vertex:      wgpu.VertexState{Module: module, EntryPoint: r.Vertex},
		Primitive:   wgpu.PrimitiveState{Topology: wgpu.PrimitiveTopology_TriangleList},
		Multisample: wgpu.MultisampleState{Count: 1, Mask: ^uint32(0)},
		Fragment: &wgpu.FragmentState{
			Module: module, EntryPoint: r.Fragment,
			Targets: []wgpu.ColorTargetState{{Format: formats[r.Format], WriteMask: wgpu.ColorWriteMask_All}},
		},
	})
	if err != nil {
		l.h.Release()
		return nil, check(err)
	}
	return &RenderPipeline{l, h}, nil
}

// Release releases the pipeline.
func (p *RenderPipeline) Release() {
	p.h.Release()
	p.layout.h.Release()
}

// Draw clears a texture and draws triangles on it, of three vertices each.
func (e *Encoder) Draw(to *Texture, p *RenderPipeline, g *BindGroup, vertices int) {
	if e.err != nil {
		return
	}
	pass := e.h.BeginRenderPass(&wgpu.RenderPassDescriptor{ColorAttachments: []wgpu.RenderPassColorAttachment{
		{View: to.view, LoadOp: wgpu.LoadOp_Clear, StoreOp: wgpu.StoreOp_Store},
	}})
	defer pass.Release()
	pass.SetPipeline(p.h)
	pass.SetBindGroup(0, g.h, nil)
	pass.Draw(uint32(vertices), 1, 0, 0)
	e.err = pass.End()
}

// CopyTexture copies a texture to the start of a buffer. A row begins every pitch bytes, a multiple
// of 256.
func (e *Encoder) CopyTexture(to *Buffer, pitch int, from *Texture) {
	if e.err != nil {
		return
	}
	e.err = e.h.CopyTextureToBuffer(&wgpu.ImageCopyTexture{Texture: from.h, Aspect: wgpu.TextureAspect_All},
		&wgpu.ImageCopyBuffer{Buffer: to.h,
			Layout: wgpu.TextureDataLayout{BytesPerRow: uint32(pitch), RowsPerImage: uint32(from.height)}},
		&wgpu.Extent3D{Width: uint32(from.width), Height: uint32(from.height), DepthOrArrayLayers: 1})
}
