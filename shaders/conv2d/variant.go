package conv2d

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"

	"wgnin/gpu"
	"wgnin/shaders"
)

// Pass is one of the three matrix products of a convolution.
type Pass int

// The passes.
const (
	Forward Pass = iota
	InputGradient
	WeightGradient
	Passes int = iota // how many there are
)

func (p Pass) String() string { return [...]string{"forward", "dx", "dw"}[p] }

// Variant is one way to run a pass: a family of kernels, and its sizes.
//
//   - Block has 8 pixels x 12 channels in the registers of a lane and no
//     workgroup memory: for any device, 8 lanes on a software adapter, whose
//     vectors are as wide, and 64 on a GPU.
//   - Broadcast is for llvmpipe, see gpu.Device.Broadcast.
//   - Tile is for GPUs: a workgroup takes Rows x Columns through its memory,
//     Depth at a time, and a lane has 8 x 8 of them in registers.
type Variant struct {
	Family               Family
	Lanes                int // of a workgroup
	Rows, Columns, Depth int // of a Tile
}

// Family is a way to write the kernels.
type Family string

// The families.
const (
	Block     Family = "block"
	Broadcast Family = "broadcast"
	Tile      Family = "tile"
)

// String is the variant's name: unlike the others of a shape's candidates.
func (v Variant) String() string {
	switch v.Family {
	case Tile:
		return fmt.Sprintf("tile %dx%dx%d", v.Rows, v.Columns, v.Depth)
	case Block:
		return fmt.Sprintf("block %d", v.Lanes)
	}
	return string(v.Family)
}

func block(lanes int) Variant { return Variant{Family: Block, Lanes: lanes} }

var broadcast = Variant{Family: Broadcast, Lanes: 8}

func tile(rows, columns, depth int) Variant {
	return Variant{Tile, rows / 8 * columns / 8, rows, columns, depth}
}

// tiles are worth trying. Rows/4 divides the lanes, so that a lane always brings
// in the same rows. The largest take 16 KiB of workgroup memory, which every
// device has.
var tiles = []Variant{
	tile(128, 128, 16), tile(128, 96, 16), tile(128, 64, 16), tile(128, 32, 16),
	tile(64, 96, 16), tile(64, 64, 16), tile(64, 32, 16), tile(256, 16, 8),
}

// sharedBytes is the workgroup memory of v: both operands, Depth of each at a time.
func (v Variant) sharedBytes() int { return (v.Rows + v.Columns) * v.Depth * 4 }

// fills is the number of workgroups that keep a GPU busy.
const fills = 512

// Candidates are the variants of a pass that are worth trying on the device, the
// one that On takes first. The others may be faster: see package nn's tuning.
func (s Shape) Candidates(d *gpu.Device, p Pass) []Variant {
	if d.Adapter().Class != gpu.Software {
		fit := slices.DeleteFunc(slices.Clone(tiles), func(v Variant) bool { return !s.runs(d, p, v) })
		slices.SortStableFunc(fit, func(a, b Variant) int { return s.cost(p, a) - s.cost(p, b) })
		return append(fit, block(64))
	}
	if s.runs(d, p, broadcast) {
		return []Variant{broadcast, block(8)}
	}
	return []Variant{block(8)} // a barrier costs it more than memory: no tile
}

// Named is the variant of that name, if the pass has it on the device.
func (s Shape) Named(d *gpu.Device, p Pass, name string) (Variant, bool) {
	i := slices.IndexFunc(allVariants, func(v Variant) bool { return v.String() == name && s.runs(d, p, v) })
	if i < 0 {
		return Variant{}, false
	}
	return allVariants[i], true
}

// allVariants is all variants there are.
var allVariants = append(slices.Clone(tiles), broadcast, block(8), block(64))

// Names are those of all variants there are.
func Names() (names []string) {
	for _, v := range allVariants {
		names = append(names, v.String())
	}
	return names
}

// runs reports whether the device can run the variant.
func (s Shape) runs(d *gpu.Device, p Pass, v Variant) bool {
	l := d.Adapter().Limits
	switch v.Family {
	case Tile:
		return v.Lanes <= l.MaxGroupSize && v.sharedBytes() <= l.MaxSharedBytes
	case Broadcast:
		return d.Broadcast() && s.broadcasts(p)
	}
	return true
}

// cost ranks tiles, by counting: the multiply-adds of whole tiles, doubled where
// there are too few workgroups to fill a GPU, and for each the loads of its two
// operands (which large tiles have fewer of). No GPU was measured for it.
func (s Shape) cost(p Pass, v Variant) int {
	rows, columns := s.N*s.OutH()*s.OutW(), s.OutStride()
	switch p {
	case InputGradient:
		rows, columns = s.N*s.InH*s.InW, s.InStride
	case WeightGradient:
		rows = s.Rows()
	}
	groups := shaders.DivUp(rows, v.Rows) * shaders.DivUp(columns, v.Columns)
	work := groups * v.Rows * v.Columns
	work += work * 16 / v.Rows
	work += work * 16 / v.Columns
	if p != WeightGradient && groups < fills { // that one splits its sums instead
		work *= 2
	}
	return work
}

// broadcasts reports whether the pass has a Broadcast variant.
func (s Shape) broadcasts(p Pass) bool {
	switch p {
	case Forward:
		return s.OutStride() >= broadcastColumns && s.InC < 1<<12
	case InputGradient:
		return s.InStride >= broadcastColumns && s.OutC < 1<<12
	}
	return s.InC%4 == 0 && s.InStride%4 == 0 && s.OutStride() >= broadcastColumns && s.InC < 1<<14 && s.InW < 1<<12
}

// broadcastColumns is the least number of channels: the last workgroup of 32
// should not be mostly empty.
const broadcastColumns = 24

// On is s with the variants that suit the device.
func (s Shape) On(d *gpu.Device) Shape {
	for p := range Pass(Passes) {
		s.Variants[p] = s.Candidates(d, p)[0]
	}
	return s
}

// with is s with one variant for each pass that has it, and the others as they
// are.
func (s Shape) with(v Variant) Shape {
	for p := range s.Variants {
		if v.Family != Broadcast || s.broadcasts(Pass(p)) {
			s.Variants[p] = v
		}
	}
	return s
}

//go:embed *.wgsl
var files embed.FS

// SourceHash identifies the text of the kernels and the variants there are.
func SourceHash() string {
	h := sha256.New()
	fmt.Fprintln(h, tiles, fills)
	names, _ := fs.Glob(files, "*") // the pattern is right
	for _, name := range names {
		text, _ := files.ReadFile(name) // it is in memory
		fmt.Fprintf(h, "%s %d\n%s", name, len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil))
}
