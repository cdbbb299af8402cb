package gpu

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"

	"github.com/rajveermalviya/go-webgpu/wgpu"
)

// Window is a window of the operating system, as the window library's glue to
// WebGPU describes it.
type Window = wgpu.SurfaceDescriptor

// ErrNoPresent is wrapped by the error of [Open] when no adapter that it may
// choose can draw in the window.
var ErrNoPresent = errors.New("no adapter can draw in a window here")

// Surface is the inside of the window that a device was opened with.
type Surface struct {
	d      *Device
	h      *wgpu.Surface
	format wgpu.TextureFormat
	blit   *blit

	chain         *wgpu.SwapChain
	width, height int
}

// canPresent says that adapter can draw in the window of h.
func canPresent(h *wgpu.Surface, adapter *wgpu.Adapter) bool {
	caps := h.GetCapabilities(adapter)
	return len(caps.Formats) > 0 && len(caps.PresentModes) > 0 && len(caps.AlphaModes) > 0
}

// open compiles what draws in the window. It may be called on nil.
func (s *Surface) open() (err error) {
	if s == nil {
		return nil
	}
	s.format = presentFormat(s.h.GetCapabilities(s.d.handle).Formats)
	s.blit, err = s.d.newBlit(s.format)
	return err
}

// presentFormat is a format of 8 bits a channel, if there is one: first those
// that store a pixel's bytes as they are.
func presentFormat(formats []wgpu.TextureFormat) wgpu.TextureFormat {
	for _, f := range []wgpu.TextureFormat{
		wgpu.TextureFormat_BGRA8Unorm, wgpu.TextureFormat_RGBA8Unorm, wgpu.TextureFormat_BGRA8UnormSrgb, wgpu.TextureFormat_RGBA8UnormSrgb,
	} {
		if slices.Contains(formats, f) {
			return f
		}
	}
	return formats[0]
}

// Surface is where the device draws in the window of [Options]; nil if it was
// opened without one.
func (d *Device) Surface() *Surface { return d.surface }

// Present shows a picture in the window, whose inside has that many pixels:
// pixels is [height,width] words, RGBA8 with red in the lowest byte, rows
// without gaps. It waits for the queue when the size has changed. A picture is
// not shown, which is no error, while the window has no area, as when it is
// minimised, and when the system cannot take it because the window is changing.
func (s *Surface) Present(pixels View, width, height int) (shown bool, err error) {
	if width < 1 || height < 1 {
		return false, nil
	}
	if err := pixels.check(); err != nil {
		return false, err
	}
	if want := int64(width) * int64(height) * 4; pixels.bytes < want {
		return false, fmt.Errorf("gpu: a picture of %dx%d needs %d bytes; %s has %d", width, height, want, pixels.Label(), pixels.bytes)
	}
	if width != s.width || height != s.height || s.chain == nil {
		if err := s.configure(width, height); err != nil {
			return false, err
		}
	}
	view, err := s.chain.GetCurrentTextureView()
	if err != nil {
		// Outdated, lost or late: the next picture gets a new chain.
		s.dropChain()
		return false, nil
	}
	defer view.Release()
	err = s.blit.draw(view, pixels, width, height)
	s.chain.Present() // also after an error: what is acquired must be given back
	return err == nil, err
}

// configure makes a swap chain of that size. What wgpu would end the process
// for is checked before.
func (s *Surface) configure(width, height int) error {
	if side := int(s.d.handle.GetLimits().Limits.MaxTextureDimension2D); max(width, height) > side {
		return fmt.Errorf("gpu: a window of %dx%d; %s draws at most %d pixels a side", width, height, s.d.adapter.Name, side)
	}
	caps := s.h.GetCapabilities(s.d.handle)
	if !canPresent(s.h, s.d.handle) || !slices.Contains(caps.Formats, s.format) {
		return fmt.Errorf("gpu: %s can no longer draw in the window", s.d.adapter.Name)
	}
	// wgpu waits for the queue, and ends the process when that takes it longer
	// than five seconds.
	s.d.Wait()
	s.dropChain()
	mode := wgpu.PresentMode_Fifo
	if slices.Contains(caps.PresentModes, wgpu.PresentMode_Mailbox) { // does not make training wait for the screen
		mode = wgpu.PresentMode_Mailbox
	}
	alpha := caps.AlphaModes[0]
	if slices.Contains(caps.AlphaModes, wgpu.CompositeAlphaMode_Opaque) {
		alpha = wgpu.CompositeAlphaMode_Opaque
	}
	err := s.d.call("present", func() (err error) {
		s.chain, err = s.d.dev.CreateSwapChain(s.h, &wgpu.SwapChainDescriptor{
			Usage: wgpu.TextureUsage_RenderAttachment, Format: s.format,
			Width: uint32(width), Height: uint32(height), PresentMode: mode, AlphaMode: alpha,
		})
		return err
	})
	if err != nil {
		s.chain = nil
		return fmt.Errorf("gpu: window of %dx%d: %w", width, height, err)
	}
	s.width, s.height = width, height
	return nil
}

func (s *Surface) dropChain() {
	if s.chain != nil {
		s.chain.Release()
		s.chain = nil
	}
}

func (s *Surface) release() {
	if s == nil || s.d.lost {
		return
	}
	s.dropChain()
	s.blit.release()
	s.h.Release()
}

//go:embed present.wgsl
var presentWGSL string

// blit draws a buffer of pixels on a texture.
type blit struct {
	d        *Device
	layout   *wgpu.BindGroupLayout
	pipeline *wgpu.RenderPipeline
	size     *Buffer

	group         *wgpu.BindGroup // of pixels
	pixels        View
	width, height int // in size
}

// newBlit compiles for textures of that format.
func (d *Device) newBlit(format wgpu.TextureFormat) (b *blit, err error) {
	b = &blit{d: d}
	defer func() {
		if err != nil {
			b.release()
			b, err = nil, fmt.Errorf("gpu: present: %w", err)
		}
	}()
	if b.size, err = d.NewBuffer("picture size", 8); err != nil {
		return b, err
	}
	return b, d.call("present", func() error { return b.compile(format) })
}

// compile makes the pipeline for textures of that format.
func (b *blit) compile(format wgpu.TextureFormat) (err error) {
	dev := b.d.dev
	b.layout, err = dev.CreateBindGroupLayout(&wgpu.BindGroupLayoutDescriptor{Label: "present", Entries: []wgpu.BindGroupLayoutEntry{
		{Binding: 0, Visibility: wgpu.ShaderStage_Fragment, Buffer: wgpu.BufferBindingLayout{Type: wgpu.BufferBindingType_Uniform}},
		{Binding: 1, Visibility: wgpu.ShaderStage_Fragment, Buffer: wgpu.BufferBindingLayout{Type: wgpu.BufferBindingType_ReadOnlyStorage}},
	}})
	if err != nil {
		return err
	}
	layout, err := dev.CreatePipelineLayout(&wgpu.PipelineLayoutDescriptor{Label: "present", BindGroupLayouts: []*wgpu.BindGroupLayout{b.layout}})
	if err != nil {
		return err
	}
	defer layout.Release()
	module, err := dev.CreateShaderModule(&wgpu.ShaderModuleDescriptor{
		Label: "present", WGSLDescriptor: &wgpu.ShaderModuleWGSLDescriptor{Code: presentWGSL},
	})
	if err != nil {
		return err
	}
	defer module.Release()
	entry := "stored"
	if format == wgpu.TextureFormat_BGRA8UnormSrgb || format == wgpu.TextureFormat_RGBA8UnormSrgb {
		entry = "linear"
	}
	b.pipeline, err = dev.CreateRenderPipeline(&wgpu.RenderPipelineDescriptor{
		Label: "present", Layout: layout,
		Vertex:      wgpu.VertexState{Module: module, EntryPoint: "corner"},
		Primitive:   wgpu.PrimitiveState{Topology: wgpu.PrimitiveTopology_TriangleList},
		Multisample: wgpu.MultisampleState{Count: 1, Mask: ^uint32(0)},
		Fragment: &wgpu.FragmentState{
			Module: module, EntryPoint: entry, Targets: []wgpu.ColorTargetState{{Format: format, WriteMask: wgpu.ColorWriteMask_All}},
		},
	})
	return err
}

// draw submits what draws pixels on a texture of the same size.
func (b *blit) draw(to *wgpu.TextureView, pixels View, width, height int) error {
	if b.width != width || b.height != height {
		if err := Write(b.size.All(), []uint32{uint32(width), uint32(height)}); err != nil {
			return err
		}
		b.width, b.height = width, height
	}
	if b.group == nil || b.pixels != pixels {
		if limit := b.d.adapter.Limits.MaxBindingBytes; pixels.bytes > limit {
			return fmt.Errorf("gpu: a picture of %d bytes; %s binds at most %d", pixels.bytes, b.d.adapter.Name, limit)
		}
		group, err := b.d.dev.CreateBindGroup(&wgpu.BindGroupDescriptor{Label: "present", Layout: b.layout, Entries: []wgpu.BindGroupEntry{
			{Binding: 0, Buffer: b.size.h, Size: 8},
			{Binding: 1, Buffer: pixels.buf.h, Offset: uint64(pixels.buf.base + pixels.offset), Size: uint64(pixels.bytes)},
		}})
		if err != nil {
			return fmt.Errorf("gpu: present: %w", err)
		}
		b.dropGroup()
		b.group, b.pixels = group, pixels
	}
	return b.d.encode(func(enc *wgpu.CommandEncoder) error {
		pass := enc.BeginRenderPass(&wgpu.RenderPassDescriptor{ColorAttachments: []wgpu.RenderPassColorAttachment{
			{View: to, LoadOp: wgpu.LoadOp_Clear, StoreOp: wgpu.StoreOp_Store},
		}})
		defer pass.Release()
		pass.SetPipeline(b.pipeline)
		pass.SetBindGroup(0, b.group, nil)
		pass.Draw(3, 1, 0, 0)
		return pass.End()
	})
}

func (b *blit) dropGroup() {
	if b.group != nil {
		b.group.Release()
		b.group = nil
	}
}

func (b *blit) release() {
	if b == nil {
		return
	}
	b.dropGroup()
	if b.pipeline != nil {
		b.pipeline.Release()
	}
	if b.layout != nil {
		b.layout.Release()
	}
	b.size.Release()
}
