package safetensors

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// file builds a safetensors file from its parts.
func file(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")
	bias := Tensor{Name: "net.0.0.bias", Shape: []int{2}, Data: []float32{0.5, -1}}
	if err := Write(path, []Tensor{bias}, map[string]string{"format": "pt"}); err != nil {
		panic(err)
	}
	tensors, metadata, err := Read(path)
	fmt.Println(tensors, metadata, err)
	// Output: [{net.0.0.bias [2] [0.5 -1] false}] map[format:pt] <nil>
}

// TestIntegers checks that integers and booleans are read and marked as such.
func TestIntegers(t *testing.T) {
	for dtype, bytes := range map[string][]byte{
		"I64": {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "I32": {0xfe, 0xff, 0xff, 0xff}, "I16": {0xfe, 0xff},
		"I8":  {0xfe},
		"U64": {7, 1, 0, 0, 0, 0, 0, 0}, "U32": {7, 1, 0, 0}, "U16": {7, 1}, "U8": {7}, "BOOL": {1},
	} {
		want := map[byte]float32{'I': -2, 'U': 263, 'B': 1}[dtype[0]]
		if dtype == "U8" {
			want = 7
		}
		raw := file(fmt.Sprintf(`{"x":{"dtype":%q,"shape":[],"data_offsets":[0,%d]}}`, dtype, len(bytes)), bytes...)
		got, _, err := decode(strings.NewReader(string(raw)), int64(len(raw)))
		require.NoError(t, err, dtype)
		assert.Equal(t, []Tensor{{Name: "x", Shape: []int{}, Data: []float32{want}, Integer: true}}, got, dtype)
	}
}

func TestRoundTrip(t *testing.T) {
	tensors := []Tensor{
		{Name: "z", Shape: []int{2, 3},
			Data: []float32{1, -2, 3.5, math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Inf(-1))}},
		{Name: "a <&\" ünïcode", Shape: []int{}, Data: []float32{7}},
		{Name: "empty", Shape: []int{0, 4}, Data: []float32{}},
		{Name: "m", Shape: []int{1, 1, 1, 2}, Data: []float32{float32(math.Copysign(0, -1)), 9}},
	}
	metadata := map[string]string{"format": "pt", "b": "2", "a": "1"}
	path := filepath.Join(t.TempDir(), "w.safetensors")
	require.NoError(t, Write(path, tensors, metadata))
	got, gotMetadata, err := Read(path)
	require.NoError(t, err)
	assert.Equal(t, tensors, got, "order, shapes and values stay")
	assert.Equal(t, metadata, gotMetadata)

	first, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Zero(t, binary.LittleEndian.Uint64(first)%8, "data aligned to 8 bytes")
	for range 20 { // map order changes from one iteration to the next
		again, err := encode(tensors, metadata)
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
	assert.Equal(t, file(`{"__metadata__":{"a":""}}       `), mustEncode(t, nil, map[string]string{"a": ""}))
}

func mustEncode(t *testing.T, tensors []Tensor, metadata map[string]string) []byte {
	b, err := encode(tensors, metadata)
	require.NoError(t, err)
	return b
}

func TestNaNKeepsItsBits(t *testing.T) {
	b := mustEncode(t, []Tensor{{Name: "n", Shape: []int{1}, Data: []float32{math.Float32frombits(0x7fc12345)}}}, nil)
	got, metadata, err := decode(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	assert.Nil(t, metadata)
	assert.Equal(t, uint32(0x7fc12345), math.Float32bits(got[0].Data[0]))
}

// TestOrder reads a file whose header names the tensors in a different order than that of their
// bytes.
func TestOrder(t *testing.T) {
	b := file(`{"b":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},`+
		`"e":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}`, 0, 0, 128, 63, 0, 64)
	got, _, err := decode(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	assert.Equal(t, []Tensor{{Name: "a", Shape: []int{1}, Data: []float32{1}},
		{Name: "e", Shape: []int{0}, Data: []float32{}}, {Name: "b", Shape: []int{1}, Data: []float32{2}}}, got)
}

// TestTypes uses numpy's bytes of the values, e.g. numpy.array([0.1], "<f2").tobytes().
func TestTypes(t *testing.T) {
	for _, c := range []struct {
		dtype string
		bytes []byte
		want  float32
	}{
		{"F64", []byte{0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f}, 0.1},
		{"F64", []byte{0xa0, 0xc8, 0xeb, 0x85, 0xf3, 0xcc, 0xe1, 0x7f}, float32(math.Inf(1))}, // 1e308
		{"F32", []byte{0xcd, 0xcc, 0xcc, 0x3d}, 0.1},
		{"BF16", []byte{0xcd, 0x3d}, 0.10009765625},
		{"F16", []byte{0x66, 0x2e}, 0.0999755859375},
		{"F16", []byte{0x00, 0xc0}, -2},
		{"F16", []byte{0xff, 0x7b}, 65504},
		{"F16", []byte{0x00, 0x04}, 0x1p-14},                           // smallest normal
		{"F16", []byte{0xff, 0x03}, 1023 * 0x1p-24},                    // largest subnormal
		{"F16", []byte{0x01, 0x80}, -0x1p-24},                          // smallest subnormal
		{"F16", []byte{0x00, 0x80}, float32(math.Copysign(0, -1))},     //
		{"F16", []byte{0x00, 0xfc}, float32(math.Inf(-1))},             //
		{"F16", []byte{0x01, 0x7e}, math.Float32frombits(0x7fc02000)},  // NaN
		{"BF16", []byte{0xc1, 0x7f}, math.Float32frombits(0x7fc10000)}, // NaN
	} {
		b := file(fmt.Sprintf(`{"x":{"dtype":%q,"shape":[],"data_offsets":[0,%d]}}`, c.dtype, len(c.bytes)), c.bytes...)
		got, _, err := decode(bytes.NewReader(b), int64(len(b)))
		require.NoError(t, err)
		assert.Equal(t, math.Float32bits(c.want), math.Float32bits(got[0].Data[0]), "%s % x: %v", c.dtype, c.bytes,
			got[0].Data[0])
	}
}

// bad lists files that must be refused, with a part of the message.
var bad = []struct {
	name string
	file []byte
	want string
}{
	{"empty", nil, "too short"},
	{"seven bytes", make([]byte, 7), "too short"},
	{"no header", make([]byte, 8), "must start with {"},
	{"header longer than the file", binary.LittleEndian.AppendUint64(nil, 1), "cut short"},
	{"header over int64", binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "cut short"},
	{"not JSON", file(`{not`), "bad header"},
	{"unfinished JSON", file(`{"x":{"dtype":"F32"`), "bad header"},
	{"unfinished object", file(`{"__metadata__":{}`), "bad header"},
	{"array", file(`[]`), "must start with {"},
	{"more after the object", file(`{}{}`), "only spaces"},
	{"not UTF-8", file("{\"\xff\":{}}"), "UTF-8"},
	{"metadata not text", file(`{"__metadata__":{"a":1}}`), "__metadata__"},
	{"no name", file(`{"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 0, 0, 0, 0), "needs a name"},
	{"no shape", file(`{"x":{"dtype":"F32","data_offsets":[0,4]}}`, 0, 0, 0, 0), "needs a name, a dtype, a shape"},
	{"null", file(`{"x":null}`), "needs a name"},
	{"one offset", file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0]}}`), "two data_offsets"},
	{"three offsets", file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}`, 0, 0, 0, 0), "two data_offsets"},
	{"complex numbers", file(`{"x":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}`, make([]byte, 8)...),
		`type "C64"`},
	{"half a whole number", file(`{"x":{"dtype":"I64","shape":[1],"data_offsets":[0,4]}}`, make([]byte, 4)...),
		"does not fit"},
	{"no type", file(`{"x":{"shape":[1],"data_offsets":[0,4]}}`, 0, 0, 0, 0), `type ""`},
	{"fractional shape", file(`{"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, 0, 0, 0, 0), "shape"},
	{"negative shape", file(`{"x":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}`, 0, 0, 0, 0), "negative size"},
	{"shape overflows", file(`{"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`),
		"too large"},
	{"size overflows", file(`{"x":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}`),
		"does not fit"},
	{"number overflows", file(`{"x":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}`, 0, 0, 0, 0),
		"bad header"},
	{"shape too small", file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`, make([]byte, 8)...),
		"does not fit its 8 bytes"},
	{"half an element", file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,6]}}`, make([]byte, 6)...),
		"does not fit its 6 bytes"},
	{"negative offset", file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, 0, 0, 0, 0), "must start at 0"},
	{"end before start", file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,-4]}}`, 0, 0, 0, 0), "bytes 0 to -4"},
	{"range beyond the data", file(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 0, 0, 0, 0),
		"within the 4 bytes"},
	{"huge range", file(`{"x":{"dtype":"F32","shape":[2305843009213693951],"data_offsets":[0,9223372036854775804]}}`),
		"within the 0 bytes"},
	{"overlap",
		file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`,
			make([]byte, 6)...), "must start at 4"},
	{"hole", file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, make([]byte, 8)...), "must start at 0"},
	{"rest", file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, make([]byte, 5)...),
		"take 4 bytes, but there are 5"},
	{"name twice",
		file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`,
			0, 0, 0, 0), `"x" occurs twice`},
}

func TestBad(t *testing.T) {
	for _, c := range bad {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.safetensors")
			require.NoError(t, os.WriteFile(path, c.file, 0o600))
			_, _, err := Read(path)
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, path)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
	_, _, err := decode(bytes.NewReader(binary.LittleEndian.AppendUint64(nil, maxHeader+1)), 1<<40)
	assert.ErrorContains(t, err, "100000000 are allowed")
	_, _, err = Read(filepath.Join(t.TempDir(), "none"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, _, err = Read(t.TempDir())
	assert.ErrorContains(t, err, "not a regular file")
}

func TestWriteRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	ok := Tensor{Name: "x", Shape: []int{1}, Data: []float32{1}}
	for name, c := range map[string]struct {
		tensors []Tensor
		want    string
	}{
		"no name":    {[]Tensor{{Name: "", Shape: []int{1}, Data: []float32{1}}}, "not empty"},
		"metadata":   {[]Tensor{{Name: metadataKey, Shape: []int{1}, Data: []float32{1}}}, metadataKey},
		"not UTF-8":  {[]Tensor{{Name: "\xff", Shape: []int{1}, Data: []float32{1}}}, "UTF-8"},
		"twice":      {[]Tensor{ok, ok}, "occur once"},
		"too few":    {[]Tensor{{Name: "y", Shape: []int{2}, Data: []float32{1}}}, "does not fit its 1 values"},
		"negative":   {[]Tensor{{Name: "y", Shape: []int{-1, -1}, Data: []float32{1}}}, "negative"},
		"overflow":   {[]Tensor{{Name: "y", Shape: []int{math.MaxInt, 4}, Data: nil}}, "too large"},
		"long names": {[]Tensor{{Name: strings.Repeat("n", maxHeader), Shape: []int{0}}}, "are allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, Write(path, c.tensors, nil), c.want)
			assert.NoFileExists(t, path)
		})
	}
}

func TestWriteReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "w.safetensors")
	for i := range 2 {
		require.NoError(t, Write(path, []Tensor{{Name: "x", Shape: nil, Data: []float32{float32(i)}}}, nil))
		got, _, err := Read(path)
		require.NoError(t, err)
		assert.Equal(t, []Tensor{{Name: "x", Shape: []int{}, Data: []float32{float32(i)}}}, got)
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, files, 1, "no temporary file stays")
	assert.Error(t, Write(filepath.Join(dir, "none", "w"), nil, nil))
}

// FuzzDecode checks that accepted files have the same content after they are written and read
// again.
func FuzzDecode(f *testing.F) {
	for _, c := range bad {
		f.Add(c.file)
	}
	f.Add(file(`{"__metadata__":{"format":"pt"},"x":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}`,
		make([]byte, 8)...))
	f.Add(file(`{"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"y":{"dtype":"F64","shape":[],"data_offsets":[4,12]}}  `, make([]byte, 12)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		tensors, metadata, err := decode(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		once := mustEncode(t, tensors, metadata)
		again, metadata, err := decode(bytes.NewReader(once), int64(len(once)))
		require.NoError(t, err)
		require.Equal(t, once, mustEncode(t, again, metadata))
	})
}
