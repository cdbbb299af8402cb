package check

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"wgnin/gpu"
)

// Sizes describes the cases of an op at shapes that a user chooses.
type Sizes struct {
	Op      string // the op's name, which may be followed by a point and a suffix
	Example string // a shape in the form that Check and Cases read

	// Check returns an error if text is not a shape of the op. A shape is written as its fields,
	// including those of embedded structs: N=8 C=96 InH=54. Omitted fields are zero.
	Check func(text string) error
	// Cases returns the cases at a shape, in every variant that runs on the device.
	Cases func(d *gpu.Device, text string) ([]Case, error)
}

// maxValues bounds the size of a case's tensor, because the twin holds it in float64. It also
// bounds each number of a shape, so that products of a few of them do not overflow.
const maxValues = 1 << 27

// tooLarge is the value of Rand's panics. Only shapes that users choose are so large.
type tooLarge int

// At describes the cases of shapes of type S.
func At[S interface{ Check() error }](op, example string, cases func(d *gpu.Device, s S, r Rand) []Case) Sizes {
	parse := func(text string) (shape S, err error) {
		fields := map[string]reflect.Value{}
		var names []string
		for _, f := range reflect.VisibleFields(reflect.TypeFor[S]()) { // including those of embedded structs
			switch f.Type.Kind() {
			case reflect.Int, reflect.Float32, reflect.Float64, reflect.Bool, reflect.String:
				fields[f.Name] = reflect.ValueOf(&shape).Elem().FieldByIndex(f.Index)
				names = append(names, f.Name)
			}
		}
		for _, word := range strings.Fields(text) {
			name, value, ok := strings.Cut(word, "=")
			f, known := fields[name]
			if !ok || !known {
				return shape, fmt.Errorf("%s: %q in the shape; want NAME=VALUE, of %s, such as %q", op, word,
					strings.Join(names, ", "), example)
			}
			if err := set(f, value); err != nil {
				return shape, fmt.Errorf("%s: %s: %w; a shape is such as %q", op, word, err, example)
			}
		}
		if err := shape.Check(); err != nil {
			return shape, fmt.Errorf("%s: %w; a shape is such as %q", op, err, example)
		}
		return shape, nil
	}
	return Sizes{
		Op: op, Example: example,
		Check: func(text string) error { _, err := parse(text); return err },
		Cases: func(d *gpu.Device, text string) (cs []Case, err error) {
			shape, err := parse(text)
			if err != nil {
				return nil, err
			}
			defer func() {
				switch v := recover().(type) {
				case nil:
				case tooLarge:
					err = fmt.Errorf("%s: a tensor of %d values; want at most %d", op, int(v), maxValues)
				default:
					err = fmt.Errorf("%s: the op's cases do not support this shape: %v", op, v)
				}
			}()
			return cases(d, shape, NewRand(1)), nil
		},
	}
}

func set(f reflect.Value, text string) error {
	switch f.Kind() {
	case reflect.Bool:
		v, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("want true or false")
		}
		f.SetBool(v)
	case reflect.String:
		f.SetString(text)
	case reflect.Float32, reflect.Float64:
		v, err := strconv.ParseFloat(text, 32)
		if err != nil {
			return errors.New("want a number")
		}
		f.SetFloat(v)
	case reflect.Int:
		v, err := strconv.Atoi(text)
		if err != nil || v < -maxValues || v > maxValues {
			return fmt.Errorf("want a whole number up to %d", maxValues)
		}
		f.SetInt(int64(v))
	}
	return nil
}
