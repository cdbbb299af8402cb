package nn

import (
	"fmt"
	"io"
	"reflect"
)

// Summary writes the output shape of each layer of s, one a line, for n images
// of shape in, as the chapter's layer_summary does.
func Summary(w io.Writer, s Sequential, n int, in Shape) error {
	for i, l := range s {
		out, err := walk(join("", i), l, in, func(string, Layer, Shape, Shape) error { return nil })
		if err != nil {
			return err
		}
		in = out
		if _, err := fmt.Fprintf(w, "%-16s output shape: %s\n", reflect.TypeOf(l).Name(), out.Batch(n)); err != nil {
			return err
		}
	}
	return nil
}
