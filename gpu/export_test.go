package gpu

import (
	"time"

	"github.com/rajveermalviya/go-webgpu/wgpu"
)

// BlitFormats are the formats that a window is drawn in, with the places of
// red, green and blue in a pixel.
var BlitFormats = map[string]struct {
	format wgpu.TextureFormat
	RGB    [3]int
}{
	"bgra8unorm":      {wgpu.TextureFormat_BGRA8Unorm, [3]int{2, 1, 0}},
	"rgba8unorm":      {wgpu.TextureFormat_RGBA8Unorm, [3]int{0, 1, 2}},
	"bgra8unorm-srgb": {wgpu.TextureFormat_BGRA8UnormSrgb, [3]int{2, 1, 0}},
	"rgba8unorm-srgb": {wgpu.TextureFormat_RGBA8UnormSrgb, [3]int{0, 1, 2}},
}

// Blit draws pixels as Present does, on a texture, and returns its bytes, a row
// every pitch bytes.
func (d *Device) Blit(format string, pixels View, width, height int) (out []byte, pitch int, err error) {
	b, err := d.newBlit(BlitFormats[format].format)
	if err != nil {
		return nil, 0, err
	}
	defer b.release()
	size := wgpu.Extent3D{Width: uint32(width), Height: uint32(height), DepthOrArrayLayers: 1}
	texture, err := d.dev.CreateTexture(&wgpu.TextureDescriptor{
		Usage: wgpu.TextureUsage_RenderAttachment | wgpu.TextureUsage_CopySrc, Dimension: wgpu.TextureDimension_2D, Size: size,
		Format: BlitFormats[format].format, MipLevelCount: 1, SampleCount: 1,
	})
	if err != nil {
		return nil, 0, err
	}
	defer texture.Release()
	view, err := texture.CreateView(nil)
	if err != nil {
		return nil, 0, err
	}
	defer view.Release()
	if err := b.draw(view, pixels, width, height); err != nil {
		return nil, 0, err
	}
	pitch = int(roundUp(int64(width)*4, 256))
	words := make([]uint32, pitch/4*height)
	to, err := d.newBuffer("texture", int64(len(words))*4, wgpu.BufferUsage_MapRead|wgpu.BufferUsage_CopyDst)
	if err != nil {
		return nil, 0, err
	}
	defer to.Release()
	err = d.encode(func(enc *wgpu.CommandEncoder) error {
		return enc.CopyTextureToBuffer(&wgpu.ImageCopyTexture{Texture: texture, Aspect: wgpu.TextureAspect_All},
			&wgpu.ImageCopyBuffer{Buffer: to.h, Layout: wgpu.TextureDataLayout{BytesPerRow: uint32(pitch), RowsPerImage: uint32(height)}}, &size)
	})
	if err != nil {
		return nil, 0, err
	}
	return bytesOf(words), pitch, d.readMapped(to, bytesOf(words))
}

// Partition makes n parts of each dispatch of p.
func (p *Plan) Partition(n int) error {
	defer func(was time.Duration) { p.d.maxSubmit = was }(p.d.maxSubmit)
	p.d.maxSubmit = time.Second
	for _, s := range p.steps {
		if err := p.d.partition(s, time.Duration(n)*time.Second-1); err != nil {
			return err
		}
	}
	return nil
}

// Parts is the number of dispatches that p has in the queue.
func (p *Plan) Parts() (n int) {
	for _, s := range p.steps {
		n += len(s.parts)
	}
	return n
}
