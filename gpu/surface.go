package gpu

import (
	_ "embed"
	"errors"
	"fmt"

	"wgnin/gpu/internal/webgpu"
)

// NativeWindow describes a window of the operating system, in the form that the window library's
// glue to WebGPU returns.
type NativeWindow = webgpu.NativeWindow

// ErrNoPresent reports that no adapter can draw in the window of [Options].
var ErrNoPresent = errors.New("no adapter can draw in a window here")

// Surface is the drawing area of the window that a device was opened with.
type Surface struct {
	d      *Device
	h      *webgpu.Surface
	format webgpu.Format
	blit   *blit

	width, height int
}

// open compiles the pipeline that draws in the window. It may be called on nil.
func (s *Surface) open() (err error) {
	if s == nil {
		return nil
	}
	s.format = s.h.Formats(s.d.handle)[0] // choose takes only adapters that have one
	s.blit, err = s.d.newBlit(s.format)
	return err
}

// Surface returns the surface of the window that the device was opened with, or nil if there is
// none.
func (d *Device) Surface() *Surface { return d.surface }

// Present shows a picture in the window, whose drawing area has width x height pixels. pixels is
// [height,width] words, RGBA8 with red in the lowest byte, without gaps between rows. Present waits
// for the queue if the size has changed. It reports whether the picture was shown. It is not shown,
// without an error, while the window has no area, as when it is minimised, or while the system
// cannot take a picture because the window is changing.
func (s *Surface) Present(pixels View, width, height int) (shown bool, err error) {
	if width < 1 || height < 1 {
		return false, nil
	}
	if err := pixels.check(); err != nil {
		return false, err
	}
	if want := int64(width) * int64(height) * 4; pixels.bytes < want {
		return false, fmt.Errorf("gpu: a picture of %dx%d needs %d bytes; %s has %d", width, height, want,
			pixels.Label(), pixels.bytes)
	}
	if width != s.width || height != s.height || !s.h.Configured() {
		if err := s.configure(width, height); err != nil {
			return false, err
		}
	}
	picture, err := s.h.Next()
	if err != nil { // outdated, lost or late; the next call configures the surface again
		return false, nil
	}
	defer picture.Release()
	err = s.blit.draw(picture, pixels, width, height)
	s.h.Present() // also after an error: an acquired texture must be returned
	return err == nil, err
}

// configure sets the size of the pictures.
func (s *Surface) configure(width, height int) error {
	if side := int(s.d.handle.Info.Limits.TextureSide); max(width, height) > side {
		return fmt.Errorf("gpu: a window of %dx%d; %s draws at most %d pixels a side", width, height,
			s.d.adapter.Name, side)
	}
	s.d.Wait()
	err := s.d.call("present", func() error { return s.h.Configure(s.d.dev, s.d.handle, s.format, width, height) })
	if err != nil {
		return fmt.Errorf("gpu: window of %dx%d: %w", width, height, err)
	}
	s.width, s.height = width, height
	return nil
}

func (s *Surface) release() {
	if s == nil || s.d.lost {
		return
	}
	s.blit.release()
	s.h.Release()
}

//go:embed present.wgsl
var presentWGSL string

// blit draws a buffer of pixels on a texture.
type blit struct {
	d        *Device
	pipeline *webgpu.RenderPipeline
	size     *Buffer

	group         *webgpu.BindGroup // of pixels
	pixels        View
	width, height int // in size
}

// newBlit compiles a blit for textures of a format.
func (d *Device) newBlit(format webgpu.Format) (b *blit, err error) {
	b = &blit{d: d}
	if b.size, err = d.NewBuffer("picture size", 8); err == nil {
		err = d.call("present", func() error { return b.compile(format) })
	}
	if err != nil {
		b.release()
		return nil, fmt.Errorf("gpu: present: %w", err)
	}
	return b, nil
}

// compile makes the pipeline for textures of a format.
func (b *blit) compile(format webgpu.Format) (err error) {
	entry := "stored"
	if format == webgpu.BGRA8SRGB || format == webgpu.RGBA8SRGB {
		entry = "linear"
	}
	b.pipeline, err = b.d.dev.NewRenderPipeline(webgpu.Drawing{
		Label: "present", WGSL: presentWGSL, Vertex: "corner", Fragment: entry, Format: format,
		Bindings: []webgpu.BindingType{webgpu.UniformBinding, webgpu.ReadOnlyStorageBinding},
	})
	return err
}

// draw submits commands that draw pixels on a texture of the same size.
func (b *blit) draw(to *webgpu.Texture, pixels View, width, height int) error {
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
		group, err := b.pipeline.Bind("present", []webgpu.Binding{b.size.Slice(0, 8).binding(), pixels.binding()})
		if err != nil {
			return fmt.Errorf("gpu: present: %w", err)
		}
		b.dropGroup()
		b.group, b.pixels = group, pixels
	}
	return b.d.encode(func(enc *webgpu.Encoder) { enc.Draw(to, b.pipeline, b.group, 3) })
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
	b.size.Release()
}
