// Package protobuf reads the fields of protocol buffers by their numbers.
package protobuf

import "google.golang.org/protobuf/encoding/protowire"

// Malformed reports a message that is invalid or cut short.
type Malformed struct{ error }

// Fields calls visit with each field of a message in order. bits is the field's value if it is a
// number, and b holds its bytes if it has bytes. Fields returns the first error of visit, or a
// [Malformed].
func Fields(message []byte, visit func(number protowire.Number, bits uint64, b []byte) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return Malformed{protowire.ParseError(n)}
		}
		message = message[n:]
		var bits uint64
		var b []byte
		switch kind {
		case protowire.VarintType:
			bits, n = protowire.ConsumeVarint(message)
		case protowire.Fixed64Type:
			bits, n = protowire.ConsumeFixed64(message)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(message)
			bits = uint64(v)
		case protowire.BytesType:
			b, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return Malformed{protowire.ParseError(n)}
		}
		message = message[n:]
		if err := visit(number, bits, b); err != nil {
			return err
		}
	}
	return nil
}
