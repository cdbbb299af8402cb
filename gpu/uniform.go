package gpu

import (
	"fmt"
	"math"
	"reflect"
	"strings"
)

// Struct returns the WGSL declaration of v's type, for a uniform argument. The type must be a flat
// struct of uint32, int32 and float32. Field names begin with a lower-case letter in WGSL.
func Struct(v any) string {
	t := reflect.TypeOf(v)
	var b strings.Builder
	fmt.Fprintf(&b, "struct %s {\n", t.Name())
	for i := range t.NumField() {
		f := t.Field(i)
		typ := map[reflect.Kind]string{reflect.Uint32: "u32", reflect.Int32: "i32",
			reflect.Float32: "f32"}[f.Type.Kind()]
		fmt.Fprintf(&b, "  %s : %s,\n", lowerFirst(f.Name), typ)
	}
	b.WriteString("}\n")
	return b.String()
}

// Words returns the 32-bit words of v in the device's layout. v must be a struct that [Struct] can
// declare.
func Words(v any) []uint32 {
	s := reflect.ValueOf(v)
	words := make([]uint32, s.NumField())
	for i := range words {
		switch f := s.Field(i); f.Kind() {
		case reflect.Uint32:
			words[i] = uint32(f.Uint())
		case reflect.Int32:
			words[i] = uint32(f.Int())
		case reflect.Float32:
			words[i] = math.Float32bits(float32(f.Float()))
		}
	}
	return words
}
