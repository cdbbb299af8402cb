// Package safetensors reads and writes weights in the safetensors format, which PyTorch programs
// read and write too.
//
// A file is the header's length (8 bytes, little-endian), a JSON header that gives each tensor's
// type, shape and byte range, then the bytes. Source of the format:
// https://github.com/huggingface/safetensors (section Format).
//
// This package does not use github.com/nlpodyssey/safetensors, because that accepts files that name
// a tensor twice and silently keeps the last, writes tensors in the order of their names instead of
// the given order, and has no tagged release.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"wgnin/nn/files"
)

// maxHeader is the reference implementation's limit (MAX_HEADER_SIZE).
const maxHeader = 100_000_000

// metadataKey is the only name in the header that is not a tensor's.
const metadataKey = "__metadata__"

// Tensor is a named array of float32.
type Tensor struct {
	Name string
	// sizes, outermost first, as in PyTorch ([Out,In,H,W] for a convolution); empty for a scalar
	Shape []int
	Data  []float32 // row-major; its length is the product of Shape

	Integer bool // the file has integers or booleans; Write writes F32 nevertheless
}

// NotFinite returns the index of the first value that is infinite or NaN, or -1.
func (t Tensor) NotFinite() int {
	return slices.IndexFunc(t.Data, func(v float32) bool { return v-v != 0 })
}

// entry describes a tensor in the header.
type entry struct {
	DType   string  `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"` // first byte and the one after the last, counted from the end of the header
}

// decoders convert the bytes of one element to float32, by the name of the type.
var decoders = map[string]struct {
	size    int64
	decode  func([]byte) float32
	integer bool
}{
	"I64":  {8, func(b []byte) float32 { return float32(int64(binary.LittleEndian.Uint64(b))) }, true},
	"U64":  {8, func(b []byte) float32 { return float32(binary.LittleEndian.Uint64(b)) }, true},
	"I32":  {4, func(b []byte) float32 { return float32(int32(binary.LittleEndian.Uint32(b))) }, true},
	"U32":  {4, func(b []byte) float32 { return float32(binary.LittleEndian.Uint32(b)) }, true},
	"I16":  {2, func(b []byte) float32 { return float32(int16(binary.LittleEndian.Uint16(b))) }, true},
	"U16":  {2, func(b []byte) float32 { return float32(binary.LittleEndian.Uint16(b)) }, true},
	"I8":   {1, func(b []byte) float32 { return float32(int8(b[0])) }, true},
	"U8":   {1, func(b []byte) float32 { return float32(b[0]) }, true},
	"BOOL": {1, func(b []byte) float32 { return float32(b[0]) }, true},
	"F64":  {8, func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }, false},
	"F32":  {4, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }, false},
	"F16":  {2, func(b []byte) float32 { return half(binary.LittleEndian.Uint16(b)) }, false},
	"BF16": {2, func(b []byte) float32 {
		return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
	}, false},
}

// Read returns the tensors of a file, in the order of their bytes in it, and its metadata (nil if
// it has none).
//
// It converts the types F32, F16, BF16 and F64 to float32: F16 and BF16 exactly, F64 rounded to
// nearest, or to infinity beyond the range of float32. It also reads integers and booleans, exactly
// up to 2^24, and marks them as such, because PyTorch keeps counters among the weights.
//
// Errors: any other type; a name that is empty or occurs twice; and a file that the reference
// implementation refuses, because it is cut short, or because the byte ranges overlap, leave holes
// or do not fit the shapes. NaN and infinities are not errors; the caller decides whether weights
// are sound.
func Read(path string) ([]Tensor, map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("safetensors: %s: not a regular file; want one such as model.safetensors", path)
	}
	tensors, metadata, err := decode(f, info.Size())
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors: %s: %w", path, err)
	}
	return tensors, metadata, nil
}

// decode allocates only what size, the actual number of bytes, allows.
func decode(r io.Reader, size int64) ([]Tensor, map[string]string, error) {
	var length uint64
	if err := binary.Read(r, binary.LittleEndian, &length); err != nil {
		return nil, nil,
			fmt.Errorf("too short for a safetensors file, which starts with 8 bytes for the header's length")
	}
	if length > maxHeader || int64(length) > size-8 {
		return nil, nil,
			fmt.Errorf("not a safetensors file, or cut short: its header would have %d bytes, but the file has %d (and %d are allowed)",
				length, size, maxHeader)
	}
	header := make([]byte, length)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, nil, fmt.Errorf("cannot read the header: %w", err)
	}
	names, entries, metadata, err := decodeHeader(header)
	if err != nil {
		return nil, nil, fmt.Errorf("bad header: %w", err)
	}

	// The ranges must tile the data, so in their order each starts where the last one ended.
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return slices.Compare(entries[a].Offsets, entries[b].Offsets) })
	size -= 8 + int64(length)
	var end int64
	for _, i := range order {
		e := entries[i]
		if e.Offsets[0] != end || e.Offsets[1] < end || e.Offsets[1] > size {
			return nil, nil,
				fmt.Errorf("tensor %q has bytes %d to %d, but it must start at %d, where the one before ends, and end within the %d bytes of data",
					names[i], e.Offsets[0], e.Offsets[1], end, size)
		}
		end = e.Offsets[1]
		n, err := elements(e.Shape)
		if bytes := e.Offsets[1] - e.Offsets[0]; err == nil &&
			(bytes%decoders[e.DType].size != 0 || int64(n) != bytes/decoders[e.DType].size) {
			err = fmt.Errorf("does not fit its %d bytes of %s", bytes, e.DType)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %q: shape %v %w", names[i], e.Shape, err)
		}
	}
	if end != size {
		return nil, nil, fmt.Errorf("the tensors take %d bytes, but there are %d of data", end, size)
	}

	tensors := make([]Tensor, 0, len(names))
	for _, i := range order {
		e := entries[i]
		d := decoders[e.DType]
		raw := make([]byte, e.Offsets[1]-e.Offsets[0])
		if _, err := io.ReadFull(r, raw); err != nil {
			return nil, nil, fmt.Errorf("cannot read tensor %q: %w", names[i], err)
		}
		t := Tensor{Name: names[i], Shape: e.Shape, Data: make([]float32, int64(len(raw))/d.size), Integer: d.integer}
		for j := range t.Data {
			t.Data[j] = d.decode(raw[int64(j)*d.size:])
		}
		tensors = append(tensors, t)
	}
	return tensors, metadata, nil
}

// decodeHeader reads the object's keys one by one, because decoding into a map would hide a name
// that occurs twice.
func decodeHeader(header []byte) (names []string, entries []entry, metadata map[string]string, err error) {
	if !bytes.HasPrefix(header, []byte("{")) {
		return nil, nil, nil, errors.New("it must start with {")
	}
	if !utf8.Valid(header) { // encoding/json would replace invalid bytes, and two names could become equal
		return nil, nil, nil, errors.New("it must be UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(header))
	if _, err := dec.Token(); err != nil {
		return nil, nil, nil, err
	}
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, nil, nil, err
		}
		name := key.(string) // the decoder accepts only strings as keys
		if seen[name] {
			return nil, nil, nil, fmt.Errorf("%q occurs twice", name)
		}
		seen[name] = true
		if name == metadataKey {
			if err := dec.Decode(&metadata); err != nil {
				return nil, nil, nil, fmt.Errorf("%s: %w", metadataKey, err)
			}
			continue
		}
		var e entry
		if err := dec.Decode(&e); err != nil {
			return nil, nil, nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		if name == "" || e.Shape == nil || len(e.Offsets) != 2 {
			return nil, nil, nil, fmt.Errorf("tensor %q needs a name, a dtype, a shape and two data_offsets", name)
		}
		if _, ok := decoders[e.DType]; !ok {
			return nil, nil, nil, fmt.Errorf("tensor %q has type %q: only F32, F16, BF16, F64 and integers can be read",
				name, e.DType)
		}
		names, entries = append(names, name), append(entries, e)
	}
	if _, err := dec.Token(); err != nil {
		return nil, nil, nil, err
	}
	if rest := header[dec.InputOffset():]; len(bytes.TrimLeft(rest, " ")) > 0 {
		return nil, nil, nil, errors.New("only spaces may follow its }")
	}
	return names, entries, metadata, nil
}

// elements returns the product of shape. Its error is phrased to follow the shape.
func elements(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, errors.New("has a negative size")
		}
		if d > 0 && n > math.MaxInt/d {
			return 0, errors.New("is too large")
		}
		n *= d
	}
	return n, nil
}

// half converts an IEEE 754 binary16 to float32.
func half(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 0: // zero and subnormals: multiples of 2^-24, which float32 holds exactly
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	case 31: // infinities and NaNs
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// Write writes the tensors as F32, in the given order, with metadata (nil for none) under
// __metadata__.
//
// The same input gives the same bytes. The data starts at a multiple of 8 bytes. Write writes the
// file with [files.Write], so path has either the old content or the new. An existing file keeps
// its permissions; a new one gets 0644.
//
// Errors: a name that is empty, occurs twice, is __metadata__ or is not UTF-8; Data that does not
// fit Shape; and those of the file system.
func Write(path string, tensors []Tensor, metadata map[string]string) error {
	file, err := encode(tensors, metadata)
	if err != nil {
		return fmt.Errorf("safetensors: %s: %w", path, err)
	}
	if err := files.Write(path, file); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	return nil
}

func encode(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	var fields []string // joined by hand, because a map would lose the order
	field := func(name string, value any) error {
		k, err := json.Marshal(name)
		if err != nil {
			return err
		}
		v, err := json.Marshal(value)
		if err != nil {
			return err
		}
		fields = append(fields, string(k)+":"+string(v))
		return nil
	}
	if len(metadata) > 0 {
		if err := field(metadataKey, metadata); err != nil {
			return nil, err
		}
	}
	seen := map[string]bool{"": true, metadataKey: true}
	var end int64
	for _, t := range tensors {
		if seen[t.Name] || !utf8.ValidString(t.Name) {
			return nil, fmt.Errorf("tensor %q: the name must be UTF-8, not empty, not %s, and occur once", t.Name,
				metadataKey)
		}
		seen[t.Name] = true
		n, err := elements(t.Shape)
		if err == nil && n != len(t.Data) {
			err = fmt.Errorf("does not fit its %d values", len(t.Data))
		}
		if err != nil {
			return nil, fmt.Errorf("tensor %q: shape %v %w", t.Name, t.Shape, err)
		}
		start := end
		end += 4 * int64(n)
		shape := append([]int{}, t.Shape...) // a nil shape must print as [], not null
		if err := field(t.Name, entry{"F32", shape, []int64{start, end}}); err != nil {
			return nil, err
		}
	}
	header := "{" + strings.Join(fields, ",") + "}"
	header += strings.Repeat(" ", (8-len(header)%8)%8)
	if len(header) > maxHeader {
		return nil, fmt.Errorf("names and metadata take %d bytes, but %d are allowed", len(header), maxHeader)
	}

	file := make([]byte, 0, 8+int64(len(header))+end)
	file = binary.LittleEndian.AppendUint64(file, uint64(len(header)))
	file = append(file, header...)
	var err error
	for _, t := range tensors {
		if file, err = binary.Append(file, binary.LittleEndian, t.Data); err != nil {
			return nil, err
		}
	}
	return file, nil
}

// Hash adds the names, shapes and bits of tensors to h.
func Hash(h hash.Hash, tensors []Tensor) {
	for _, t := range tensors {
		fmt.Fprintf(h, "%s %v\n", t.Name, t.Shape)
		_ = binary.Write(h, binary.LittleEndian, t.Data) // writing to a hash never fails
	}
}
