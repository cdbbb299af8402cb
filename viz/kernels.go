package viz

import (
	_ "embed"
	"fmt"

	"wgnin/gpu"
)

var (
	//go:embed stats.wgsl
	statsText string
	//go:embed merge.wgsl
	mergeText string
	//go:embed level.wgsl
	levelText string
	//go:embed maps.wgsl
	mapsText string
	//go:embed cam.wgsl
	camText string
)

// Shapes are uniforms here, not constants as in the kernels for training. They change with every
// key and every window size, and this way each kernel compiles only once.

// stats holds the parameters of a dispatch of stats.wgsl.
type stats struct {
	Maps, Planes, Rows, Cols                     uint32
	Offset                                       uint32
	MapStride, PlaneStride, RowStride, ColStride uint32
	To                                           uint32 // entry of the first row
}

type statsArgs[U, F any] struct {
	P     U `wgsl:"uniform stats"`
	X     F `wgsl:"read array<f32>"`
	Entry F `wgsl:"update array<vec4<f32>>"`
}

func (s stats) kernel() gpu.Kernel[statsArgs[gpu.View, gpu.View]] {
	return kernel[statsArgs[gpu.View, gpu.View]]("stats", s, int(s.Maps*s.Planes*s.Rows), int(s.Cols), statsText)
}

// merge holds the parameters of a dispatch of merge.wgsl.
type merge struct {
	Sets, Parts uint32
	Src, To     uint32 // entries
}

type mergeArgs[U, F any] struct {
	P     U `wgsl:"uniform merge"`
	Entry F `wgsl:"update array<vec4<f32>>"`
}

func (m merge) kernel() gpu.Kernel[mergeArgs[gpu.View, gpu.View]] {
	return kernel[mergeArgs[gpu.View, gpu.View]]("merge", m, int(m.Sets), int(m.Parts), mergeText)
}

// maps holds the parameters of a dispatch of maps.wgsl. Sizes are in pixels.
type maps struct {
	Left, Top, Width, Height, FrameWidth         uint32
	Columns, CellWidth, CellHeight, Gap          uint32 // of the grid
	Maps, Planes, Rows, Cols                     uint32
	Offset                                       uint32
	MapStride, PlaneStride, RowStride, ColStride uint32
	Range, RangeStep                             uint32 // entry of map 0, and the distance to the entry of the next map
	Symmetric                                    uint32 // 1: the range is symmetric about zero
	Colours                                      uint32 // index of the first of the 256 colours
	Background                                   uint32 // packed
	Mark, Border, MarkColour                     uint32 // map with a border, if it exists; its width, colour
}

type mapsArgs[U, F any] struct {
	P       U `wgsl:"uniform maps"`
	X       F `wgsl:"read array<f32>"`
	Entry   F `wgsl:"read array<vec4<f32>>"`
	Colours U `wgsl:"read array<u32>"`
	Frame   U `wgsl:"update array<u32>"`
}

func (m maps) kernel() gpu.Kernel[mapsArgs[gpu.View, gpu.View]] {
	return kernel[mapsArgs[gpu.View, gpu.View]]("maps", m, int(m.Width*m.Height), 0, levelText+mapsText)
}

// cam holds the parameters of a dispatch of cam.wgsl. Sizes are in pixels.
type cam struct {
	Left, Top, Width, Height, FrameWidth                           uint32
	Planes, Rows, Cols, Offset, PlaneStride, RowStride, ColStride  uint32 // of the image
	MapRows, MapCols, MapOffset, MapRowStride, MapColStride, Range uint32
	Hue                                                            uint32  // packed
	Opacity                                                        float32 // of the largest value
}

type camArgs[U, F any] struct {
	P     U `wgsl:"uniform cam"`
	Image F `wgsl:"read array<f32>"`
	Map   F `wgsl:"read array<f32>"`
	Entry F `wgsl:"read array<vec4<f32>>"`
	Frame U `wgsl:"update array<u32>"`
}

func (c cam) kernel() gpu.Kernel[camArgs[gpu.View, gpu.View]] {
	return kernel[camArgs[gpu.View, gpu.View]]("cam", c, int(c.Width*c.Height), 0, levelText+camText)
}

// kernel returns a kernel of 64 invocations per workgroup, and n invocations or a few more in all.
func kernel[A any](name string, params any, n, iterations int, text string) gpu.Kernel[A] {
	return gpu.Kernel[A]{
		Name: "viz/" + name, Detail: fmt.Sprint(n), Source: gpu.Struct(params) + text,
		Groups: (n + 63) / 64, Lanes: 64, Iterations: iterations,
	}
}
