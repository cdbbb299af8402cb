package viz

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/shaders/check"
	"wgnin/shaders/checktest"
)

type (
	f64 = []float64
	u32 = []uint32
)

// ints are n whole numbers from low to high: sums of them, and places of them in
// ranges whose length divides 255, are exact to a byte on any device.
func ints(r check.Rand, n, low, high int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(low + r.IntN(high-low+1))
	}
	return x
}

func words(r check.Rand, n int) []uint32 {
	w := make([]uint32, n)
	for i := range w {
		w[i] = r.Uint32()
	}
	return w
}

// cases are the conformance cases.
func cases() []check.Case {
	r := check.NewRand(41)
	var cs []check.Case
	for _, s := range []stats{
		{Maps: 1, Planes: 1, Rows: 1, Cols: 1, To: 2},
		{Maps: 7, Planes: 1, Rows: 13, Cols: 11, Offset: 3, MapStride: 1, RowStride: 11 * 8, ColStride: 8, To: 5},
		{Maps: 5, Planes: 3, Rows: 5, Cols: 3, MapStride: 1, PlaneStride: 8, RowStride: 3 * 3 * 8, ColStride: 3 * 8},
		{Maps: 65, Planes: 1, Rows: 1, Cols: 130, MapStride: 1, ColStride: 68},
	} {
		rows := int(s.Maps * s.Planes * s.Rows)
		x := r.Floats(int(s.Offset+s.Maps*s.MapStride+s.Planes*s.PlaneStride+s.Rows*s.RowStride+s.Cols*s.ColStride) + 1)
		x[s.Offset] = 0
		cs = append(cs, check.Of(s.kernel(), statsArgs[u32, f64]{
			P: gpu.Words(s), X: x, Entry: r.Floats(4 * (int(s.To) + rows + 1)),
			// WGSL allows a division 2.5 units in the last place.
		}, s.ref, check.Bound[statsArgs[u32, f64]]{Terms: int(s.Cols), Ulps: 2.5,
			Magnitude: func(a statsArgs[u32, f64]) {
				for i := range a.Entry {
					a.Entry[i] = 1 // all values are in [-1,1], and so are their means
				}
			}}))
	}
	for _, m := range []merge{{1, 1, 0, 1}, {1, 71, 3, 1}, {67, 5, 70, 2}, {3, 2, 0, 6}} {
		n := 4 * int(max(m.Src+m.Sets*m.Parts, m.To+m.Sets)+1)
		cs = append(cs, check.Of(m.kernel(), mergeArgs[u32, f64]{P: gpu.Words(m), Entry: r.Floats(n)}, m.ref,
			check.Bound[mergeArgs[u32, f64]]{Terms: int(m.Parts), Ulps: 2.5, Magnitude: func(a mergeArgs[u32, f64]) {
				for i := range a.Entry {
					a.Entry[i] = 1
				}
			}}))
	}
	const none = 1 << 20
	for _, m := range []maps{
		{Left: 3, Top: 2, Width: 50, Height: 31, FrameWidth: 57, Columns: 4, CellWidth: 10, CellHeight: 8, Gap: 2,
			Maps: 7, Planes: 1, Rows: 4, Cols: 5,
			Offset: 4, MapStride: 1, RowStride: 40, ColStride: 8, Range: 1, RangeStep: 1, Colours: 256,
			Background: 0xff302010, Mark: 5, Border: 1, MarkColour: 0xffffffff},
		{Width: 33, Height: 29, FrameWidth: 33, Columns: 3, CellWidth: 7, CellHeight: 6, Gap: 3, Maps: 9, Planes: 1,
			Rows: 13, Cols: 11,
			MapStride: 1, RowStride: 132, ColStride: 12, Range: 2, Symmetric: 1, Mark: none, Background: 1},
		{Left: 1, Width: 20, Height: 20, FrameWidth: 21, Columns: 1, CellWidth: 17, CellHeight: 17, Gap: 1, Maps: 1,
			Planes: 3, Rows: 5, Cols: 3,
			PlaneStride: 1, RowStride: 9, ColStride: 3, Range: 0, Mark: 0, Border: 1, MarkColour: 7},
		{Width: 5, Height: 3, FrameWidth: 5, Columns: 1, CellWidth: 5, CellHeight: 3, Maps: 1, Planes: 1, Rows: 1,
			Cols: 2, ColStride: 1, Range: 3, Mark: none, Colours: 100},
	} {
		x := ints(r, int(m.Offset+m.Maps*m.MapStride+2*m.PlaneStride+m.Rows*m.RowStride+m.Cols*m.ColStride)+1, -300,
			300)
		entry := make([]float64, 4*(m.Range+m.Maps*m.RangeStep+1))
		for i := range len(entry) / 4 {
			span := [...]float64{255, 51, 85, 0}[i%4]
			copy(entry[4*i:], []float64{-20, span - 20, 9, 9})
			if m.Symmetric == 1 { // the length is twice the larger end
				copy(entry[4*i:], []float64{-127.5, 100})
			}
		}
		cs = append(cs, check.Of(m.kernel(), mapsArgs[u32, f64]{
			P: gpu.Words(m), X: x, Entry: entry, Colours: words(r, 512),
			Frame: words(r, int((m.Top+m.Height+1)*m.FrameWidth)),
		}, m.ref, check.Bound[mapsArgs[u32, f64]]{}))
	}
	for _, c := range []cam{
		{Left: 2, Top: 1, Width: 32, Height: 16, FrameWidth: 37, Planes: 1, Rows: 28, Cols: 28, PlaneStride: 9,
			RowStride: 28, ColStride: 1,
			MapRows: 4, MapCols: 8, MapOffset: 3, MapRowStride: 64, MapColStride: 8, Range: 1, Hue: 0xff50a6f5,
			Opacity: camOpacity},
		{Width: 16, Height: 32, FrameWidth: 16, Planes: 3, Rows: 5, Cols: 7, Offset: 2, PlaneStride: 1, RowStride: 21,
			ColStride: 3,
			MapRows:   2, MapCols: 1, MapRowStride: 1, MapColStride: 1, Hue: 0xffc86432, Opacity: camOpacity},
	} {
		// Halves of halves, so that what is interpolated and blended has no rounding that could
		// differ.
		image := ints(r, int(c.Offset+2*c.PlaneStride+c.Rows*c.RowStride+c.Cols*c.ColStride), 0, 1)
		m := ints(r, int(c.MapOffset+c.MapRows*c.MapRowStride+c.MapCols*c.MapColStride), -2, 5)
		cs = append(cs, check.Of(c.kernel(), camArgs[u32, f64]{
			P: gpu.Words(c), Image: image, Map: m, Entry: []float64{-1, 2, 0, 0, 0, 4, 0, 0},
			Frame: words(r, int((c.Top+c.Height+1)*c.FrameWidth)),
		}, c.ref, check.Bound[camArgs[u32, f64]]{}))
	}
	return cs
}

// mutants have in each kernel a changed sign, an index that is off by one, a
// part that is not written, and mistakes of their own.
var mutants = []checktest.Mutant{
	{Kernel: "viz/stats", Kind: "sign", Right: "sum + v", Wrong: "sum - v"},
	{Kernel: "viz/stats", Kind: "index", Right: "c * p.colStride", Wrong: "(c + 1u) * p.colStride"},
	{Kernel: "viz/stats", Kind: "index", Right: "var c = 0u", Wrong: "var c = 1u"},
	{Kernel: "viz/stats", Kind: "index", Right: "(i / p.maps) % p.rows", Wrong: "(i / p.maps + 1u) % p.rows"},
	{Kernel: "viz/stats", Kind: "unwritten", Right: "i >= p.maps", Wrong: "i + 1u >= p.maps"},
	{Kernel: "viz/stats", Kind: "zero", Right: "v > 0.0", Wrong: "v >= 0.0"},
	{Kernel: "viz/stats", Kind: "largest", Right: "max(most, v)", Wrong: "max(most, abs(v))"},
	{Kernel: "viz/merge", Kind: "sign", Right: "all.zw + part.zw", Wrong: "all.zw - part.zw"},
	{Kernel: "viz/merge", Kind: "index", Right: "k * p.sets", Wrong: "(k - 1u) * p.sets"},
	{Kernel: "viz/merge", Kind: "unwritten", Right: "s >= p.sets", Wrong: "s + 1u >= p.sets"},
	{Kernel: "viz/merge", Kind: "smallest", Right: "min(all.x, part.x)", Wrong: "all.x"},
	{Kernel: "viz/maps", Kind: "sign", Right: "high = max(abs(low)", Wrong: "high = max(low"},
	{Kernel: "viz/maps", Kind: "index", Right: "(row - 1u) * p.columns", Wrong: "row * p.columns"},
	{Kernel: "viz/maps", Kind: "index", Right: "inX * p.cols / p.cellWidth",
		Wrong: "(inX + 1u) * p.cols / p.cellWidth"},
	{Kernel: "viz/maps", Kind: "index", Right: "2u * p.planeStride", Wrong: "p.planeStride"},
	{Kernel: "viz/maps", Kind: "unwritten", Right: "i >= p.width * p.height", Wrong: "i + 1u >= p.width * p.height"},
	{Kernel: "viz/maps", Kind: "gap", Right: "inY >= p.cellHeight", Wrong: "inY > p.cellHeight"},
	{Kernel: "viz/maps", Kind: "border", Right: "x0 + p.cellWidth + p.border", Wrong: "x0 + p.cellWidth"},
	{Kernel: "viz/maps", Kind: "range", Right: "m * p.rangeStep", Wrong: "m"},
	{Kernel: "viz/maps", Kind: "rounding", Right: "255.0 + 0.5", Wrong: "255.0"},
	{Kernel: "viz/cam", Kind: "sign", Right: "f32(p.height) - 0.5", Wrong: "f32(p.height) + 0.5"},
	{Kernel: "viz/cam", Kind: "index", Right: "map_at(row, col + 1)", Wrong: "map_at(row, col)"},
	{Kernel: "viz/cam", Kind: "unwritten", Right: "i >= p.width * p.height", Wrong: "i + 1u >= p.width * p.height"},
	{Kernel: "viz/cam", Kind: "edge", Right: "clamp(row, 0, i32(p.mapRows) - 1)",
		Wrong: "clamp(row, 0, i32(p.mapRows))"},
	{Kernel: "viz/cam", Kind: "blend", Right: "p.opacity * level", Wrong: "0.5 * level"},
	{Kernel: "viz/cam", Kind: "range", Right: "vec4<f32>(0.0, entry[p.range].y, 0.0, 0.0)", Wrong: "entry[p.range]"},
	{Kernel: "viz/cam", Kind: "grey", Right: "select(0u, p.planeStride, p.planes == 3u)", Wrong: "p.planeStride"},
}

func TestEveryFileHasACase(t *testing.T) {
	files, err := filepath.Glob("*.wgsl")
	require.NoError(t, err)
	all := strings.Join(checktest.Texts(cases()), "")
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.True(t, strings.Contains(all, string(text)), "no case runs %s", file)
	}
	assert.NotEmpty(t, files)
}

func TestCompilersAccept(t *testing.T) { checktest.Compile(t, checktest.Texts(cases())) }

func TestTranslates(t *testing.T) { checktest.Translate(t, cases()) }

func TestMutantsAreCaught(t *testing.T) { checktest.Mutants(t, cases(), mutants) }

func TestConformance(t *testing.T) { checktest.Run(t, cases()) }
