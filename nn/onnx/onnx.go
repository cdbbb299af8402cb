// Package onnx writes networks to files in the ONNX format, for other programs to run, and reads
// weights from such files.
//
// An ONNX file is a message ModelProto in the format of protocol buffers. The field numbers below
// come from https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3.
package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"wgnin/nn/files"
	"wgnin/nn/internal/protobuf"
	"wgnin/nn/safetensors"
)

// ModelProto is a network: nodes in the order in which they run.
type ModelProto struct {
	Name          string
	Doc           string // for human readers
	Nodes         []Node
	Input, Output Value
	Weights       []safetensors.Tensor // nodes refer to them as inputs
	Metadata      map[string]string
}

// Node is an operator of the default domain applied to values, with the attributes that it has in
// opset 13 or, if a later one added it, in that one. See [Opset] for the operators.
type Node struct {
	Op     string // such as Conv
	Name   string
	Inputs []string
	Output string
	Ints   map[string][]int // attributes that are lists
	Int    map[string]int   // attributes that are numbers
	Float  map[string]float32
	Text   map[string]string
}

// Rename gives a value another name in the outputs and inputs of all nodes.
func (m *ModelProto) Rename(from, to string) {
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if n.Output == from {
			n.Output = to
		}
		for k, input := range n.Inputs {
			if input == from {
				n.Inputs[k] = to
			}
		}
	}
}

// Value is a float32 tensor that is an input or output of the network. A size of 0 stands for the
// batch size, which may be any number.
type Value struct {
	Name  string
	Shape []int
}

const (
	batch = "N"

	typeFloat = 1 // TensorProto.FLOAT

	attributeFloat = 1 // AttributeProto.FLOAT
	attributeInt   = 2 // AttributeProto.INT
	attributeText  = 3 // AttributeProto.STRING
	attributeInts  = 7 // AttributeProto.INTS
)

// Write writes m to a file, whole or not at all. The file needs the opset that [ModelProto.Opset]
// returns. An operator that ONNX does not have is an error.
func (m ModelProto) Write(path string) error {
	opset, err := m.Opset()
	if err != nil {
		return fmt.Errorf("onnx: %w", err)
	}
	file := m.encode(opset)
	if len(file) > math.MaxInt32 {
		return fmt.Errorf("onnx: %s: %d bytes; a protocol buffer holds at most %d", path, len(file), math.MaxInt32)
	}
	if err := files.Write(path, file); err != nil {
		return fmt.Errorf("onnx: %w", err)
	}
	return nil
}

// message is a protocol buffer being written.
type message []byte

func (m *message) int(field protowire.Number, v int) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), uint64(v))
}

func (m *message) bytes(field protowire.Number, v []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), v)
}

func (m *message) float(field protowire.Number, v float32) {
	*m = protowire.AppendFixed32(protowire.AppendTag(*m, field, protowire.Fixed32Type), math.Float32bits(v))
}

func (m *message) string(field protowire.Number, v string) { m.bytes(field, []byte(v)) }

func (m ModelProto) encode(opset int) []byte {
	var graph message
	for _, n := range m.Nodes {
		graph.bytes(1, n.encode())
	}
	graph.string(2, m.Name)
	for _, t := range m.Weights {
		graph.bytes(5, encodeTensor(t))
	}
	graph.bytes(11, m.Input.encode())
	graph.bytes(12, m.Output.encode())

	var model, ops message
	model.int(1, format(opset))
	model.string(2, "nin")
	model.string(6, m.Doc)
	model.bytes(7, graph)
	ops.int(2, opset)
	model.bytes(8, ops)
	for _, k := range slices.Sorted(maps.Keys(m.Metadata)) {
		var entry message
		entry.string(1, k)
		entry.string(2, m.Metadata[k])
		model.bytes(14, entry)
	}
	return model
}

func (n Node) encode() message {
	var node message
	for _, in := range n.Inputs {
		node.string(1, in)
	}
	node.string(2, n.Output)
	node.string(3, n.Name)
	node.string(4, n.Op)
	for _, k := range slices.Sorted(maps.Keys(n.Int)) {
		node.attribute(k, attributeInt, func(a *message) { a.int(3, n.Int[k]) })
	}
	for _, k := range slices.Sorted(maps.Keys(n.Float)) {
		node.attribute(k, attributeFloat, func(a *message) { a.float(2, n.Float[k]) })
	}
	for _, k := range slices.Sorted(maps.Keys(n.Text)) {
		node.attribute(k, attributeText, func(a *message) { a.string(4, n.Text[k]) })
	}
	for _, k := range slices.Sorted(maps.Keys(n.Ints)) {
		node.attribute(k, attributeInts, func(a *message) {
			for _, v := range n.Ints[k] {
				a.int(8, v)
			}
		})
	}
	return node
}

// attribute adds an attribute to a node. value writes the field that depends on the attribute's
// type.
func (m *message) attribute(name string, typ int, value func(a *message)) {
	var a message
	a.string(1, name)
	value(&a)
	a.int(20, typ)
	m.bytes(5, a)
}

func (v Value) encode() message {
	var shape, tensor, typ, value message
	for _, size := range v.Shape {
		var dim message
		if size == 0 {
			dim.string(2, batch)
		} else {
			dim.int(1, size)
		}
		shape.bytes(1, dim)
	}
	tensor.int(1, typeFloat)
	tensor.bytes(2, shape)
	typ.bytes(1, tensor)
	value.string(1, v.Name)
	value.bytes(2, typ)
	return value
}

func encodeTensor(t safetensors.Tensor) message {
	var m message
	for _, size := range t.Shape {
		m.int(1, size)
	}
	m.int(2, typeFloat)
	m.string(8, t.Name)
	raw := make([]byte, 0, 4*len(t.Data))
	for _, v := range t.Data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	m.bytes(9, raw)
	return m
}

// ReadWeights returns the initialisers of a model's graph, in the order of the file, and the
// model's metadata. Weights of other types than float32, or in other files, are errors.
func ReadWeights(path string) ([]safetensors.Tensor, map[string]string, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("onnx: %w", err)
	}
	weights, metadata, err := decode(file)
	if err != nil {
		return nil, nil, fmt.Errorf("onnx: %s: %w", path, err)
	}
	return weights, metadata, nil
}

// fields calls [protobuf.Fields], and reports a malformed message as one that is not ONNX.
func fields(m []byte, visit func(field protowire.Number, v uint64, b []byte) error) error {
	err := protobuf.Fields(m, visit)
	if errors.As(err, new(protobuf.Malformed)) {
		return errNoONNX
	}
	return err
}

var errNoONNX = errors.New("not an ONNX file, or cut short")

func decode(file []byte) (weights []safetensors.Tensor, metadata map[string]string, err error) {
	var graph []byte
	metadata = map[string]string{}
	err = fields(file, func(field protowire.Number, _ uint64, b []byte) error {
		switch field {
		case 7:
			graph = b
		case 14:
			var k, v string
			err := fields(b, func(field protowire.Number, _ uint64, b []byte) error {
				switch field {
				case 1:
					k = string(b)
				case 2:
					v = string(b)
				}
				return nil
			})
			metadata[k] = v
			return err
		}
		return nil
	})
	if err == nil && graph == nil {
		err = errNoONNX
	}
	if err != nil {
		return nil, nil, err
	}
	err = fields(graph, func(field protowire.Number, _ uint64, b []byte) error {
		if field != 5 {
			return nil
		}
		t, err := decodeTensor(b)
		weights = append(weights, t)
		return err
	})
	return weights, metadata, err
}

func decodeTensor(m []byte) (safetensors.Tensor, error) {
	t := safetensors.Tensor{Shape: []int{}}
	typ, outside := uint64(0), false
	var raw []byte
	err := fields(m, func(field protowire.Number, v uint64, b []byte) error {
		switch field {
		case 1: // dims: one number for each field, or packed
			if b == nil {
				t.Shape = append(t.Shape, int(v))
				return nil
			}
			for len(b) > 0 {
				v, n := protowire.ConsumeVarint(b)
				if n < 0 {
					return errNoONNX
				}
				t.Shape, b = append(t.Shape, int(v)), b[n:]
			}
		case 2:
			typ = v
		case 4: // float_data, packed
			raw = b
		case 8:
			t.Name = string(b)
		case 9:
			raw = b
		case 14:
			outside = v == 1
		}
		return nil
	})
	if err != nil {
		return t, err
	}
	switch {
	case outside:
		return t, fmt.Errorf("tensor %q is stored in another file; save the model as a single file", t.Name)
	case typ != typeFloat:
		return t, fmt.Errorf("tensor %q has data type %d: only %d, float32, can be read", t.Name, typ, typeFloat)
	}
	n := 1
	for _, size := range t.Shape {
		if size < 0 || size > 0 && n > len(raw)/size {
			n = -1
			break
		}
		n *= size
	}
	if n < 0 || len(raw) != 4*n {
		return t, fmt.Errorf("tensor %q: shape %v does not fit its %d bytes", t.Name, t.Shape, len(raw))
	}
	t.Data = make([]float32, n)
	for i := range t.Data {
		t.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return t, nil
}
