package gpu

import (
	"time"

	"wgnin/gpu/internal/webgpu"
)

// BlitFormats are the formats of windows, with the byte offsets of red, green and blue in a pixel.
var BlitFormats = map[webgpu.Format][3]int{
	webgpu.BGRA8:     {2, 1, 0},
	webgpu.RGBA8:     {0, 1, 2},
	webgpu.BGRA8SRGB: {2, 1, 0},
	webgpu.RGBA8SRGB: {0, 1, 2},
}

// Blit draws pixels on a texture, as Present does, and returns the texture's bytes. A row begins
// every pitch bytes.
func (d *Device) Blit(format webgpu.Format, pixels View, width, height int) (out []byte, pitch int, err error) {
	b, err := d.newBlit(format)
	if err != nil {
		return nil, 0, err
	}
	defer b.release()
	texture, err := d.dev.NewTexture(format, width, height)
	if err != nil {
		return nil, 0, err
	}
	defer texture.Release()
	if err := b.draw(texture, pixels, width, height); err != nil {
		return nil, 0, err
	}
	pitch = int(roundUp(int64(width)*4, 256))
	out = make([]byte, pitch*height)
	to, err := d.newBuffer("texture", int64(len(out)), stagingUsage)
	if err != nil {
		return nil, 0, err
	}
	defer to.Release()
	if err := d.encode(func(enc *webgpu.Encoder) { enc.CopyTexture(to.h, pitch, texture) }); err != nil {
		return nil, 0, err
	}
	return out, pitch, d.readMapped(to, piece{0, out})
}

// Partition splits each dispatch of p into n parts.
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

// Parts returns the number of dispatches that p puts into the queue.
func (p *Plan) Parts() (n int) {
	for _, s := range p.steps {
		n += len(s.parts)
	}
	return n
}

// DriverBytes is the memory that is left to a software driver.
const DriverBytes = driverBytes

// Others returns the memory that is not available to buffers, in bytes.
func (d *Device) Others() int64 { return d.others() }

// SetMaxBytes sets the adapter's Limits.MaxBytes and returns the old value.
func (d *Device) SetMaxBytes(n int64) (before int64) {
	before, d.adapter.Limits.MaxBytes = d.adapter.Limits.MaxBytes, n
	return before
}
