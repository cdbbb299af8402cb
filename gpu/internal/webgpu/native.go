//go:build !js

package webgpu

import (
	"strings"
	"sync"
	"time"

	"github.com/rajveermalviya/go-webgpu/wgpu"
)

// Instance gives access to the adapters.
type Instance struct{ h *wgpu.Instance }

// quiet turns off the log of wgpu in this process. Everything in it is also returned as an error.
var quiet = sync.OnceFunc(func() { wgpu.SetLogLevel(wgpu.LogLevel_Off) })

// NewInstance makes an instance. It uses only the primary backends, because the GL backend prints
// messages if there is no display.
func NewInstance() *Instance {
	quiet()
	return &Instance{wgpu.CreateInstance(&wgpu.InstanceDescriptor{Backends: wgpu.InstanceBackend_Primary})}
}

// Release releases the instance. Release the objects made with it first.
func (in *Instance) Release() { in.h.Release() }

// Adapter is a processor with its driver.
type Adapter struct {
	Info Info

	h *wgpu.Adapter
}

// Adapters returns the adapters. The caller releases each.
func (in *Instance) Adapters() []*Adapter {
	var all []*Adapter
	options := &wgpu.InstanceEnumerateAdapterOptons{Backends: wgpu.InstanceBackend_Primary}
	for _, h := range in.h.EnumerateAdapters(options) {
		all = append(all, &Adapter{describe(h), h})
	}
	return all
}

func describe(h *wgpu.Adapter) Info {
	p, l := h.GetProperties(), h.GetLimits().Limits
	info := Info{
		Name:    p.Name,
		Driver:  strings.TrimSpace(p.DriverDescription),
		Backend: strings.ToLower(p.BackendType.String()),
		Vendor:  p.VendorId,
		Limits: Limits{
			BufferBytes:    l.MaxBufferSize,
			StorageBytes:   l.MaxStorageBufferBindingSize,
			UniformBytes:   l.MaxUniformBufferBindingSize,
			OffsetAlign:    max(l.MinStorageBufferOffsetAlignment, l.MinUniformBufferOffsetAlignment),
			StorageBuffers: l.MaxStorageBuffersPerShaderStage,
			Groups:         l.MaxComputeWorkgroupsPerDimension,
			GroupSize:      l.MaxComputeInvocationsPerWorkgroup,
			SharedBytes:    l.MaxComputeWorkgroupStorageSize,
			TextureSide:    l.MaxTextureDimension2D,
		},
		Timestamps: h.HasFeature(wgpu.FeatureName_TimestampQuery),
	}
	switch p.AdapterType {
	case wgpu.AdapterType_DiscreteGPU:
		info.Processor = DiscreteGPU
	case wgpu.AdapterType_IntegratedGPU:
		info.Processor = IntegratedGPU
	case wgpu.AdapterType_CPU:
		info.Processor = CPU
	}
	if p.BackendType == wgpu.BackendType_D3D12 {
		info.Compiler = "FXC"
	}
	if canPush() && h.HasFeature(wgpu.NativeFeature_PushConstants) {
		info.ConstantBytes = int(l.MaxPushConstantSize)
	}
	return info
}

// Release releases the adapter. Devices opened on it remain usable.
func (a *Adapter) Release() { a.h.Release() }

// Device is an open adapter, with its queue.
type Device struct {
	h     *wgpu.Device
	queue *wgpu.Queue
}

// Open opens the adapter, with the adapter's own limits.
func (a *Adapter) Open(label string, f Features) (*Device, error) {
	desc := &wgpu.DeviceDescriptor{Label: label, RequiredLimits: &wgpu.RequiredLimits{Limits: a.h.GetLimits().Limits}}
	if f.Timestamps {
		desc.RequiredFeatures = append(desc.RequiredFeatures, wgpu.FeatureName_TimestampQuery)
	}
	if f.Constants {
		desc.RequiredFeatures = append(desc.RequiredFeatures, wgpu.NativeFeature_PushConstants)
	}
	h, err := a.h.RequestDevice(desc)
	if err != nil {
		return nil, check(err)
	}
	return &Device{h, h.GetQueue()}, nil
}

// Release releases the device. Release the objects made with it first. wgpu waits for the queue,
// and aborts the process if that takes longer than five seconds, so Poll until the queue is empty.
func (d *Device) Release() {
	d.queue.Release()
	d.h.Release()
}

// Poll lets the device make progress for up to limit, and reports whether the queue is empty. It
// never asks wgpu to wait, because wgpu assumes after five seconds that the work is done, and frees
// memory that is in use.
func (d *Device) Poll(limit time.Duration) (idle bool) {
	if limit > 0 {
		time.Sleep(limit)
	}
	return d.h.Poll(false, nil)
}

// layout describes the bindings of a pipeline.
type layout struct {
	d *Device
	h *wgpu.BindGroupLayout
}

// newLayout makes a layout, and the layout of a pipeline with so many bytes of constants. The
// caller releases the latter after making the pipeline.
func (d *Device) newLayout(label string, stage wgpu.ShaderStage, types []BindingType, constants int) (layout,
	*wgpu.PipelineLayout, error) {
	entries := make([]wgpu.BindGroupLayoutEntry, len(types))
	for i, t := range types {
		entries[i] = wgpu.BindGroupLayoutEntry{Binding: uint32(i), Visibility: stage,
			Buffer: wgpu.BufferBindingLayout{Type: bindingTypes[t]}}
	}
	l := layout{d: d}
	var err error
	if l.h,
		err = d.h.CreateBindGroupLayout(&wgpu.BindGroupLayoutDescriptor{Label: label, Entries: entries}); err != nil {
		return l, nil, err
	}
	desc := &wgpu.PipelineLayoutDescriptor{Label: label, BindGroupLayouts: []*wgpu.BindGroupLayout{l.h}}
	if constants > 0 {
		desc.PushConstantRanges = []wgpu.PushConstantRange{{Stages: stage, End: uint32(constants)}}
	}
	pl, err := d.h.CreatePipelineLayout(desc)
	if err != nil {
		l.h.Release()
	}
	return l, pl, err
}

var bindingTypes = map[BindingType]wgpu.BufferBindingType{
	StorageBinding:         wgpu.BufferBindingType_Storage,
	ReadOnlyStorageBinding: wgpu.BufferBindingType_ReadOnlyStorage,
	UniformBinding:         wgpu.BufferBindingType_Uniform,
}

func (d *Device) newModule(label, wgsl string) (*wgpu.ShaderModule, error) {
	return d.h.CreateShaderModule(&wgpu.ShaderModuleDescriptor{
		Label: label, WGSLDescriptor: &wgpu.ShaderModuleWGSLDescriptor{Code: wgsl},
	})
}

// Pipeline is a compiled compute shader.
type Pipeline struct {
	layout
	h         *wgpu.ComputePipeline
	constants []uint32
}

// NewPipeline compiles s.
func (d *Device) NewPipeline(s Shader) (*Pipeline, error) {
	l, pl, err := d.newLayout(s.Label, wgpu.ShaderStage_Compute, s.Bindings, len(s.Constants)*4)
	if err != nil {
		return nil, check(err)
	}
	defer pl.Release()
	module, err := d.newModule(s.Label, s.WGSL)
	if err != nil {
		l.h.Release()
		return nil, check(err)
	}
	defer module.Release()
	h, err := d.h.CreateComputePipeline(&wgpu.ComputePipelineDescriptor{
		Label: s.Label, Layout: pl, Compute: wgpu.ProgrammableStageDescriptor{Module: module, EntryPoint: "main"},
	})
	if err != nil {
		l.h.Release()
		return nil, check(err)
	}
	return &Pipeline{l, h, s.Constants}, nil
}

// Wait does nothing, because NewPipeline has compiled the pipeline.
func (*Pipeline) Wait() error { return nil }

// Release releases the pipeline.
func (p *Pipeline) Release() {
	p.h.Release()
	p.layout.h.Release()
}

// BindGroup is a set of buffers bound for a pipeline.
type BindGroup struct{ h *wgpu.BindGroup }

// Bind binds buffers for the pipeline, bindings[i] at index i.
func (l layout) Bind(label string, bindings []Binding) (*BindGroup, error) {
	entries := make([]wgpu.BindGroupEntry, len(bindings))
	for i, b := range bindings {
		entries[i] = wgpu.BindGroupEntry{Binding: uint32(i), Buffer: b.Buffer.h, Offset: uint64(b.Offset),
			Size: uint64(b.Bytes)}
	}
	h, err := l.d.h.CreateBindGroup(&wgpu.BindGroupDescriptor{Label: label, Layout: l.h, Entries: entries})
	if err != nil {
		return nil, check(err)
	}
	return &BindGroup{h}, nil
}

// Release releases the group, but not its buffers.
func (g *BindGroup) Release() { g.h.Release() }

// QuerySet holds timestamps.
type QuerySet struct{ h *wgpu.QuerySet }

// NewQuerySet makes a set of n timestamps.
func (d *Device) NewQuerySet(label string, n int) (*QuerySet, error) {
	h, err := d.h.CreateQuerySet(&wgpu.QuerySetDescriptor{Label: label, Type: wgpu.QueryType_Timestamp,
		Count: uint32(n)})
	if err != nil {
		return nil, check(err)
	}
	return &QuerySet{h}, nil
}

// Release releases the set.
func (s *QuerySet) Release() { s.h.Release() }
