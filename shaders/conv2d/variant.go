package conv2d

import (
	"cmp"
	"embed"
	"fmt"
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
	Passes int = iota // the number of passes
)

func (p Pass) String() string { return [...]string{"forward", "dx", "dw"}[p] }

// Variant is one way to run a pass: a family of kernels, with sizes.
//
//   - Block computes 8 pixels x 12 channels in the registers of a lane, without workgroup memory.
//     It runs on any device: with 8 lanes on a software adapter, whose vectors are that wide, and
//     with 64 on a GPU.
//   - Broadcast is for llvmpipe (see gpu.Device.Broadcast). It computes a [Product] of matrices, or
//     else 24 x 4 results in the registers of a lane.
//   - Tile is for GPUs. A workgroup computes Rows x Columns results with Depth terms at a time in
//     its memory, and each lane 8 x 8 of them in registers. If the memory is cleared first, a
//     workgroup computes Each such tiles.
type Variant struct {
	Family               Family
	Lanes                int // in a workgroup
	Rows, Columns, Depth int // of a Tile
	Each                 int // tiles of a workgroup, one after the other; 0 means one, and memory that is not cleared

	// Alpha is the number of points of package winograd in each direction. Its products then run on
	// the family. 0 means the direct sum over the taps.
	Alpha int
}

// Family is a set of kernels that compute in the same way.
type Family string

// The families.
const (
	Block     Family = "block"
	Broadcast Family = "broadcast"
	Tile      Family = "tile"
)

// String returns the variant's name, which is unique among a shape's candidates.
func (v Variant) String() string {
	if alpha := v.Alpha; alpha > 0 {
		v.Alpha = 0
		return fmt.Sprintf("winograd %d ", alpha) + v.String()
	}
	switch v.Family {
	case Tile:
		name := fmt.Sprintf("tile %dx%dx%d", v.Rows, v.Columns, v.Depth)
		if v.Each > 1 {
			name += fmt.Sprintf(" times %d", v.Each)
		}
		return name
	case Block:
		return fmt.Sprintf("block %d", v.Lanes)
	}
	return string(v.Family)
}

func block(lanes int) Variant { return Variant{Family: Block, Lanes: lanes} }

var broadcast = Variant{Family: Broadcast, Lanes: 8}

func tile(rows, columns, depth int) Variant {
	return Variant{Family: Tile, Lanes: rows / 8 * columns / 8, Rows: rows, Columns: columns, Depth: depth}
}

// tiles are the Tile variants that are worth trying. Rows/4 divides the lanes, so that a lane
// always loads the same rows. The largest need 16 KiB of workgroup memory, which every device has.
var tiles = []Variant{
	tile(128, 128, 16), tile(128, 96, 16), tile(128, 64, 16), tile(128, 32, 16),
	tile(64, 96, 16), tile(64, 64, 16), tile(64, 32, 16), tile(256, 16, 8),
}

// each returns v with n tiles for each workgroup, for devices that clear workgroup memory with one
// lane.
func (v Variant) each(n int) Variant {
	v.Each = n
	return v
}

// several are the numbers of tiles for each workgroup that are worth trying if one lane clears its
// memory.
var several = []int{1, 2, 4, 8}

// SharedBytes returns the workgroup memory of v in bytes, for Depth terms of both operands.
func (v Variant) SharedBytes() int { return (v.Rows + v.Columns) * v.Depth * 4 }

// fills is the number of workgroups that keep a GPU busy. fillsCleared is that number for GPUs on
// which one lane clears the memory; these have 7 to 80 cores.
const fills, fillsCleared = 512, 128

// clearing is the cost, in multiply-adds, of one lane clearing 16 bytes of its workgroup's memory:
// 4 cycles, during which half of the 128 lanes of a core are idle.
const clearing = 256

// Candidates returns the variants of a pass that are worth trying on the device. The first is the
// one that [Shape.On] chooses. Others may be faster; see the tuning in package nn.
func (s Shape) Candidates(d *gpu.Device, p Pass) []Variant {
	direct, software := s.direct(d, p), d.Adapter().Class == gpu.Software
	var points []Variant
	for _, alpha := range alphas {
		for _, v := range direct[:min(3, len(direct))] { // a few of each number are enough
			if v.Alpha = alpha; v.Each > 0 {
				v = s.cleared(p, v)
			}
			if s.runs(d, p, v) {
				points = append(points, v)
			}
		}
	}
	byCost := func(a, b Variant) int { return cmp.Compare(s.cost(p, a, software), s.cost(p, b, software)) }
	slices.SortStableFunc(points, byCost)
	if len(points) > 0 && byCost(points[0], direct[0]) < 0 {
		return append(points, direct...)
	}
	return append(direct, points...)
}

// direct returns the candidates without points, in order of preference.
func (s Shape) direct(d *gpu.Device, p Pass) []Variant {
	if d.Adapter().Class != gpu.Software {
		fit := slices.DeleteFunc(slices.Clone(tiles), func(v Variant) bool { return !s.runs(d, p, v) })
		if d.Adapter().ClearsShared() {
			for i, v := range fit {
				fit[i] = s.cleared(p, v)
			}
		}
		slices.SortStableFunc(fit, func(a, b Variant) int {
			return cmp.Compare(s.cost(p, a, false), s.cost(p, b, false))
		})
		return append(fit, block(64))
	}
	if s.runs(d, p, broadcast) {
		return []Variant{broadcast, block(8)}
	}
	return []Variant{block(8)} // no tile, because a barrier costs it more than memory
}

// cleared returns v with the number of tiles for each workgroup that suits the pass best, if one
// lane clears the memory.
func (s Shape) cleared(p Pass, v Variant) Variant {
	numbers := several
	switch {
	case v.Alpha > 0: // package winograd takes a batch in parts, of a few hundred workgroups each
		numbers = several[:2]
	case p == WeightGradient: // its sums are long, and are split until there are enough workgroups
		numbers = several[:1]
	}
	return v.each(slices.MinFunc(numbers, func(a, b int) int {
		return cmp.Compare(s.cost(p, v.each(a), false), s.cost(p, v.each(b), false))
	}))
}

// Named returns the variant with that name, and whether the device can run it for the pass.
func (s Shape) Named(d *gpu.Device, p Pass, name string) (Variant, bool) {
	i := slices.IndexFunc(allVariants, func(v Variant) bool { return v.String() == name && s.runs(d, p, v) })
	if i < 0 {
		return Variant{}, false
	}
	return allVariants[i], true
}

// allVariants holds all variants.
var allVariants = func() []Variant {
	direct := append(slices.Clone(tiles), broadcast, block(8), block(64))
	for _, v := range tiles {
		for _, n := range several[1:] {
			direct = append(direct, v.each(n))
		}
	}
	all := slices.Clone(direct)
	for _, alpha := range alphas {
		for _, v := range direct {
			v.Alpha = alpha
			all = append(all, v)
		}
	}
	return all
}()

// Families returns a variant of each family that runs on the device.
func Families(d *gpu.Device) []Variant {
	return slices.DeleteFunc(append([]Variant{broadcast, block(8)}, sampleVariants...), func(v Variant) bool {
		return v.Family == Broadcast && !d.Broadcast() || v.Family == Tile &&
			v.SharedBytes() > d.Adapter().Limits.MaxSharedBytes
	})
}

// alphas are the numbers of points that package winograd supports.
var alphas = []int{6, 8}

// winograd reports whether the shape has variants with points.
func (s Shape) winograd() bool {
	h, w := s.Dilation()
	return h*w == 1 && (s.KH == 3 || s.KH == 5) && s.KW == s.KH && s.StrideH == 1 && s.StrideW == 1 &&
		s.InStride == shaders.RoundUp(s.InC, 4)
}

// maxPoints is the largest size of a tensor of points in bytes. The points of the images that
// package winograd processes at a time are a few times smaller, unless the images are large or of
// odd sizes.
const maxPoints = 128 << 20

// bindsPoints reports whether the points of the filters, and those of the smallest number of images
// that package winograd processes at a time, can be bound.
func (s Shape) bindsPoints(d *gpu.Device, p Pass, alpha int) bool {
	l := d.Adapter().Limits
	s.N = s.Together(l.OffsetAlign)
	m := s.product(p, alpha)
	most := max(m.Rows*m.Terms, m.Terms*m.Columns, m.Rows*m.Columns)
	return int64(m.Shares)*int64(most)*4 <= min(l.MaxBindingBytes, l.MaxBufferBytes, maxPoints)
}

// Together returns the smallest number of images after which bindings of x and y may begin, at
// multiples of align bytes. It is N if no smaller number will do.
func (s Shape) Together(align int64) int {
	for n := 1; n < s.N; n++ {
		if int64(n*s.In()/s.N*4)%align == 0 && int64(n*s.Out()/s.N*4)%align == 0 {
			return n
		}
	}
	return s.N
}

// Names returns the names of all variants.
func Names() (names []string) {
	for _, v := range allVariants {
		names = append(names, v.String())
	}
	return names
}

// runs reports whether the device can run the variant.
func (s Shape) runs(d *gpu.Device, p Pass, v Variant) bool {
	l := d.Adapter().Limits
	if v.Alpha > 0 && (!s.winograd() || !s.bindsPoints(d, p, v.Alpha)) {
		return false
	}
	switch v.Family {
	case Tile:
		return v.Lanes <= l.MaxGroupSize && v.SharedBytes() <= l.MaxSharedBytes
	case Broadcast:
		return d.Broadcast() && (v.Alpha > 0 && s.product(p, v.Alpha).Columns >= broadcastColumns || v.Alpha == 0 &&
			s.broadcasts(p))
	}
	return true
}

// product returns the matrix products that a pass computes: with tiles of alpha points in each
// direction, or, if alpha is 0, over the taps.
func (s Shape) product(p Pass, alpha int) Product {
	h, w := s.OutH(), s.OutW()
	if p == InputGradient {
		h, w = s.InH, s.InW
	}
	m := Product{Shares: 1, Rows: s.N * h * w, Terms: s.KH * s.KW * s.InC, Columns: s.OutStride(),
		Strided: p == WeightGradient}
	if alpha > 0 {
		out := alpha + 1 - s.KH
		m.Shares, m.Rows, m.Terms = alpha*alpha, shaders.RoundUp(s.N*shaders.DivUp(h, out)*shaders.DivUp(w, out), 4),
			s.InStride
	}
	switch {
	case p == InputGradient && alpha > 0:
		m.Terms, m.Columns = m.Columns, m.Terms
	case p == InputGradient:
		m.Terms, m.Columns = s.KH*s.KW*s.OutC, s.InStride
	case p == WeightGradient && alpha > 0:
		m.Rows, m.Terms = m.Terms, m.Rows
	case p == WeightGradient:
		m.Rows, m.Terms = s.Rows(), m.Rows
	}
	return m
}

// The costs of a value that is transformed to or from points, which is moved twice, and of the
// dispatch of another kernel, in multiply-adds of a product. On llvmpipe they were measured, except
// that a dispatch counts as 0.3 ms instead of 0.04 ms, because the driver compiles each kernel for
// a second. For GPUs they are estimates: 8 bytes at 3 TB/s, and 5 us, at 20 Tmac/s.
const (
	softwareValue, softwareDispatch = 12, 1e7
	gpuValue, gpuDispatch           = 50, 1e8
)

// cost returns an estimate by which variants are ranked. It counts the multiply-adds of whole
// tiles, doubled if there are too few workgroups to fill a GPU; for each, the loads of its two
// operands, which are fewer in large tiles; and the transforms. It was not calibrated on a GPU.
func (s Shape) cost(p Pass, v Variant, software bool) float64 {
	m := s.product(p, v.Alpha)
	work := float64(m.Shares) * float64(m.Terms)
	switch v.Family {
	case Tile:
		groups := shaders.DivUp(m.Rows, v.Rows) * shaders.DivUp(m.Columns, v.Columns)
		workgroups, busy, cleared := groups*m.Shares, fills, 0.0
		if v.Each > 0 {
			workgroups, busy = shaders.DivUp(workgroups, v.Each), fillsCleared
			cleared = clearing / 16 * float64(workgroups*v.SharedBytes())
		}
		work *= float64(groups*v.Rows*v.Columns) * (1 + 16/float64(v.Rows) + 16/float64(v.Columns))
		if (p != WeightGradient || v.Alpha > 0) && workgroups < busy { // the weight gradient splits its sums instead
			work *= 2
		}
		work += cleared
	case Broadcast:
		if v.Alpha > 0 {
			work = m.cost()
			break
		}
		work *= float64(shaders.RoundUp(m.Rows, 24)) * float64(shaders.RoundUp(m.Columns, 32))
	default: // Block loads more for each multiply-add
		work *= 2.5 * float64(shaders.RoundUp(m.Rows, 8)) * float64(shaders.RoundUp(m.Columns, 12))
	}
	if v.Alpha == 0 {
		return work
	}
	value, dispatch := float64(gpuValue), gpuDispatch
	if software {
		value, dispatch = softwareValue, softwareDispatch
	}
	values := m.Rows*m.Terms + m.Terms*m.Columns + m.Rows*m.Columns
	return work + value*float64(m.Shares*values) + 3*dispatch
}

// broadcastProduct returns the product of matrices that the pass computes, and whether Broadcast
// can run it as such. That needs a convolution without padding, and either a 1x1 kernel, all terms
// in one block, or a block of pixels in a line.
func (s Shape) broadcastProduct(p Pass) (Product, bool) {
	m := s.product(p, 0)
	channels := s.InC
	switch {
	case s.padding() > 0:
		return m, false
	case p == WeightGradient:
		m.Rows, m.Terms, m.Shares, m.Totals = m.Rows-s.biasRows(), s.perShare(), s.shares(), !s.NoBias
		if !s.pointwise() {
			m.Line = s.line()
		}
		return m, s.line() > 0
	case p == InputGradient:
		channels = s.OutC
	}
	m.Biased, m.Strided, m.Whole = p == Forward && !s.NoBias, channels%4 > 0 || p == Forward && s.InStride%4 > 0,
		!s.pointwise()
	return m, s.pointwise() || p == Forward && m.Terms <= blockVecs
}

// line returns the number of successive pixels of y whose pixels of x are at equal distances, for
// Broadcast's weight gradient. It returns 0 if there is padding, or if too few pixels make a block.
func (s Shape) line() int {
	switch {
	case s.padding() > 0 || s.KH*s.KW*s.InC >= 1<<12:
		return 0
	case s.pointwise():
		return s.N * s.OutH() * s.OutW()
	case divisor(s.OutW(), blockVecs/4) < pinned:
		return 0
	}
	return s.OutW()
}

// broadcasts reports whether the pass has a Broadcast variant.
func (s Shape) broadcasts(p Pass) bool {
	switch p {
	case Forward:
		return s.OutStride() >= broadcastColumns && s.InC < 1<<12
	case InputGradient:
		return s.InStride >= broadcastColumns && s.OutC < 1<<12
	}
	if s.OutStride() < broadcastColumns {
		return false
	}
	return s.line() > 0 || s.InC%4 == 0 && s.InStride%4 == 0 && s.InC < 1<<14 && s.InW < 1<<12
}

// broadcastColumns is the smallest number of channels for Broadcast, because the last workgroup of
// 32 should not be mostly empty.
const broadcastColumns = 24

// On returns s with the variants that suit the device best, by [Shape.Candidates].
func (s Shape) On(d *gpu.Device) Shape {
	for p := range Pass(Passes) {
		s.Variants[p] = s.Candidates(d, p)[0]
	}
	return s
}

// with returns s with the variant v for each pass that supports it. It leaves the other passes
// unchanged.
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

// SourceHash returns a hash of the text of the kernels and of the settings that define the
// variants.
func SourceHash() string {
	return shaders.SourceHash(files, tiles, several, fills, fillsCleared, clearing, alphas, blockVecs, blockRows,
		busy, pinned)
}
