package nn

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"wgnin/nn/nearest"
)

// Layers are the layers of this package, each as its zero value, in the order of the documentation.
func Layers() []Layer {
	return []Layer{
		Sequential{}, Named{}, Residual{}, Concat{},
		Conv2D{}, Linear{}, BatchNorm2D{}, MaxPool2D{}, AvgPool2D{}, AdaptiveAvgPool2D{}, GlobalAvgPool2D{},
		ReLU{}, LeakyReLU{}, Sigmoid{}, Tanh{}, SiLU{}, GELU{}, Dropout{}, Flatten{},
	}
}

// Text returns l in the text form that model files have and [Parse] reads:
//
//	conv 96 11 stride 4; relu; maxpool 3 stride 2;
//	residual (conv 96 3 pad 1; relu) (conv 96 1); globalavgpool; flatten
//
// Semicolons separate successive layers. A layer is written as its name, its values in the order
// of its fields, and its options by name. Options that are zero are omitted, and so are trailing
// values that are zero. A layer inside another is in parentheses, and so is a [Sequential] inside a
// Sequential.
//
// The Go type determines the form. A layer is named after its type, in lower case and without 2D:
// [Conv2D] is conv. The name of another package's layer begins with that package's name:
// outside.prelu. A field is a value, unless a tag such as `text:"stride"` makes it an option of
// that name. A field can be a number, a layer, a list of layers, a boolean (an option without a
// value), or a type with MarshalText and UnmarshalText whose text is one word. Two numbers such as
// Kernel and KernelW are written together, as rows by columns: 3x5. Anything without a text form is
// written as ?, which Parse refuses.
func Text(l Layer) string {
	if s, ok := l.(Sequential); ok && len(s) != 1 {
		return list(s)
	}
	return item(l)
}

// list returns the text of successive layers.
func list(layers []Layer) string {
	items := make([]string, len(layers))
	for i, l := range layers {
		items[i] = item(l)
	}
	return strings.Join(items, "; ")
}

// item returns the text of a layer in a list.
func item(l Layer) string {
	if s, ok := l.(Sequential); ok {
		return "(" + list(s) + ")"
	}
	v := reflect.ValueOf(l)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() {
		return unwritable
	}
	words := []string{layerName(v.Type())}
	if layers, ok := asLayers(v); ok {
		for _, l := range layers {
			words = append(words, "("+Text(l)+")")
		}
		return strings.Join(words, " ")
	}
	fields, err := argumentsOf(v.Type())
	if err != nil {
		return words[0] + " " + unwritable
	}
	used := 1 // words, without trailing values that are zero
	for _, a := range fields {
		f := v.Field(a.index)
		zero := f.IsZero() && (a.wide == 0 || v.Field(a.wide).IsZero())
		switch {
		case a.option == "":
			words = append(words, a.text(v))
			if !zero {
				used = len(words)
			}
			continue
		case zero:
			continue
		}
		words = append(words[:used], a.option)
		if f.Kind() != reflect.Bool {
			words = append(words, a.text(v))
		}
		used = len(words)
	}
	return strings.Join(words[:used], " ")
}

// unwritable stands for anything without a text form.
const unwritable = "?"

var (
	layerType     = reflect.TypeFor[Layer]()
	layersType    = reflect.TypeFor[[]Layer]()
	marshalType   = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshalType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// pointee returns the type that a layer's type points to, or the type itself.
func pointee(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// layerName returns the name of a layer's type in the text form.
func layerName(t reflect.Type) string {
	name := strings.ToLower(strings.TrimSuffix(t.Name(), "2D"))
	if t.PkgPath() != reflect.TypeFor[Conv2D]().PkgPath() {
		name = strings.ToLower(strings.TrimSuffix(t.String(), t.Name())) + name
	}
	return name
}

// asLayers returns the layers of v, and whether v is a list of layers such as a Concat.
func asLayers(v reflect.Value) ([]Layer, bool) {
	if v.Kind() != reflect.Slice || !v.CanConvert(layersType) {
		return nil, false
	}
	return v.Convert(layersType).Interface().([]Layer), true
}

// argument is a field of a layer's type in the text form.
type argument struct {
	option string // name; empty for a value
	field  string // name in lower case, for errors
	index  int    // of the field in the struct
	wide   int    // index of the field with the columns; 0 if there is none
}

// argumentsOf returns the fields of a layer's type, values before options.
func argumentsOf(t reflect.Type) (all []argument, err error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is a %s; only structs and lists of layers have a text form", layerName(t), t.Kind())
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if n := len(all); n > 0 && f.Name == t.Field(all[n-1].index).Name+"W" && f.Type.Kind() == reflect.Int {
			all[n-1].wide = i
			continue
		}
		kind := f.Type.Kind()
		text := f.Type.Implements(marshalType) && reflect.PointerTo(f.Type).Implements(unmarshalType)
		number := kind == reflect.Int || kind == reflect.Float64 || kind == reflect.Bool
		if !f.IsExported() || !text && !number && !f.Type.Implements(layerType) && f.Type != layersType {
			return nil, fmt.Errorf("%s: the field %s has no text form", layerName(t), f.Name)
		}
		a := argument{option: f.Tag.Get("text"), field: strings.ToLower(f.Name), index: i}
		if kind == reflect.Bool && a.option == "" {
			a.option = a.field
		}
		all = append(all, a)
	}
	slices.SortStableFunc(all, func(a, b argument) int { return order(a) - order(b) })
	return all, nil
}

func order(a argument) int {
	if a.option == "" {
		return 0
	}
	return 1
}

// text returns the value of the argument in the layer v.
func (a argument) text(v reflect.Value) string {
	f := v.Field(a.index)
	switch x := f.Interface().(type) {
	case encoding.TextMarshaler:
		word, err := x.MarshalText()
		if err != nil || len(word) == 0 || strings.ContainsAny(string(word), " \t\r\n();") {
			return unwritable
		}
		return string(word)
	case Layer:
		if layers, ok := asLayers(f); ok {
			return "(" + list(layers) + ")"
		}
		return "(" + Text(x) + ")"
	case []Layer:
		return "(" + list(x) + ")"
	}
	if f.Type() == layerType {
		return unwritable // nil
	}
	if f.Kind() == reflect.Float64 {
		return strconv.FormatFloat(f.Float(), 'g', -1, 64)
	}
	text := fmt.Sprint(f.Interface())
	if a.wide != 0 && !v.Field(a.wide).IsZero() {
		text += fmt.Sprintf("x%d", v.Field(a.wide).Int())
	}
	return text
}

// form describes how a layer of type t is written, for errors.
func form(t reflect.Type) string {
	text := layerName(t)
	fields, err := argumentsOf(t)
	if err != nil {
		return text + " (LAYERS) ..."
	}
	for _, a := range fields {
		f := t.Field(a.index)
		value := strings.ToUpper(a.field)
		if f.Type.Implements(layerType) || f.Type == layersType {
			value = "(" + value + ")"
		}
		switch {
		case a.option == "":
			text += " " + value
		case f.Type.Kind() == reflect.Bool:
			text += " [" + a.option + "]"
		default:
			text += " [" + a.option + " " + value + "]"
		}
	}
	return text
}

// Parse reads a layer in the form of [Text]. It returns a single layer as it is, and several as a
// [Sequential]. It knows the layers of this package and the types of the given layers, such as
// outside.PReLU{}. Errors: an unknown layer, or wrong arguments, with the form that is expected.
func Parse(text string, known ...Layer) (Layer, error) {
	p := parser{types: map[string]reflect.Type{}, rest: text}
	for _, l := range append(Layers(), known...) {
		t := reflect.TypeOf(l)
		if t == nil {
			return nil, errors.New("one of the layers to know is nil")
		}
		if t == reflect.TypeFor[Sequential]() { // has no name in the text form
			continue
		}
		name := layerName(pointee(t))
		if other, ok := p.types[name]; ok && other != t {
			return nil, fmt.Errorf("two types of layers are called %s", name)
		}
		p.types[name] = t
	}
	p.next()
	layers, err := p.list(0)
	switch {
	case err != nil:
		return nil, err
	case p.token != "":
		return nil, errors.New("a ) closes nothing")
	case len(layers) == 1:
		return layers[0], nil
	}
	return Sequential(layers), nil
}

// parser reads the text form.
type parser struct {
	types map[string]reflect.Type // of layers, by name
	token string                  // a word, one of ( ) ; or empty at the end
	rest  string
	read  int // layers so far
}

const (
	maxDepth  = 100   // of layers inside layers
	maxLayers = 10000 // in total; a text with more must be damaged
	space     = " \t\r\n"
)

func (p *parser) next() {
	p.rest = strings.TrimLeft(p.rest, space)
	n := strings.IndexAny(p.rest, space+"();")
	switch {
	case n < 0:
		n = len(p.rest)
	case n == 0:
		n = 1 // one of ( ) ;
	}
	p.token, p.rest = p.rest[:n], p.rest[n:]
}

// list reads layers up to a closing parenthesis or the end. A semicolon may follow the last.
func (p *parser) list(depth int) (layers []Layer, err error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("layers are nested more than %d deep", maxDepth)
	}
	for p.token != "" && p.token != ")" {
		l, err := p.item(depth)
		if err != nil {
			return nil, err
		}
		layers = append(layers, l)
		if p.token == ";" {
			p.next()
		} else if p.token != "" && p.token != ")" {
			return nil, fmt.Errorf("%q after %q; want a semicolon between layers", p.token, item(l))
		}
	}
	return layers, nil
}

// group reads layers in parentheses.
func (p *parser) group(depth int) ([]Layer, error) {
	p.next()
	layers, err := p.list(depth + 1)
	if err == nil && p.token != ")" {
		err = errors.New("a ( is not closed")
	}
	p.next()
	return layers, err
}

// item reads one layer.
func (p *parser) item(depth int) (Layer, error) {
	if p.read++; p.read > maxLayers {
		return nil, fmt.Errorf("there are more than %d layers", maxLayers)
	}
	if p.token == "(" {
		layers, err := p.group(depth)
		return Sequential(layers), err
	}
	name := p.token
	t, ok := p.types[name]
	if !ok {
		known := slices.Sorted(maps.Keys(p.types))
		pkg, _, qualified := strings.Cut(name, ".")
		if qualified && !slices.ContainsFunc(known, func(k string) bool { return strings.HasPrefix(k, pkg+".") }) {
			return nil,
				fmt.Errorf("there is no layer %q here; only a program that has the layers of package %s can read it",
					name, pkg)
		}
		return nil, fmt.Errorf("there is no layer %q; %s", name, nearest.Hint(name, known))
	}
	p.next()
	base := pointee(t)
	v := reflect.New(base)
	if err := p.arguments(v.Elem(), depth); err != nil {
		return nil, fmt.Errorf("%s: %w; want %s", name, err, form(base))
	}
	if t.Kind() != reflect.Pointer {
		v = v.Elem()
	}
	return v.Interface().(Layer), nil
}

// arguments reads what follows the name of the layer v.
func (p *parser) arguments(v reflect.Value, depth int) error {
	if _, ok := asLayers(v); ok {
		for p.token == "(" {
			layers, err := p.group(depth)
			if err != nil {
				return err
			}
			v.Set(reflect.Append(v, reflect.ValueOf(single(layers))))
		}
		return nil
	}
	fields, err := argumentsOf(v.Type())
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for p.token != "" && p.token != ")" && p.token != ";" {
		i := slices.IndexFunc(fields, func(a argument) bool { return a.option == p.token })
		if i >= 0 {
			if seen[p.token] {
				return fmt.Errorf("%s is given twice", p.token)
			}
			seen[p.token] = true
			p.next()
		} else if i = 0; len(fields) == 0 || fields[0].option != "" || len(seen) > 0 {
			return fmt.Errorf("unexpected %q", p.token)
		}
		a := fields[i]
		if a.option == "" {
			fields = fields[1:]
		}
		if err := p.argument(a, v, depth); err != nil {
			return err
		}
	}
	return nil
}

// argument reads the value of a field of v.
func (p *parser) argument(a argument, v reflect.Value, depth int) (err error) {
	f := v.Field(a.index)
	if f.Kind() == reflect.Bool {
		f.SetBool(true)
		return nil
	}
	if f.Type() == layersType || f.Type().Implements(layerType) {
		if p.token != "(" {
			return fmt.Errorf("%s is %q; want layers in parentheses", a.field, p.token)
		}
		layers, err := p.group(depth)
		if err != nil {
			return err
		}
		x := reflect.ValueOf(single(layers))
		if _, ok := asLayers(f); ok {
			x = reflect.ValueOf(layers).Convert(f.Type())
		}
		if !x.Type().AssignableTo(f.Type()) {
			return fmt.Errorf("%s is %s; want a %s", a.field, Text(single(layers)), f.Type())
		}
		f.Set(x)
		return nil
	}
	word, want := p.token, "a whole number"
	p.next()
	switch u, ok := f.Addr().Interface().(encoding.TextUnmarshaler); {
	case ok:
		if err := u.UnmarshalText([]byte(word)); err != nil {
			return fmt.Errorf("%s is %q; %w", a.field, word, err)
		}
		return nil
	case f.Kind() == reflect.Float64:
		want = "a number"
		var x float64
		if x, err = strconv.ParseFloat(word, 64); err == nil {
			f.SetFloat(x)
		}
	default:
		rows, columns, both := strings.Cut(word, "x")
		var n int
		if n, err = strconv.Atoi(rows); err == nil {
			f.SetInt(int64(n))
		}
		if a.wide != 0 {
			want += ", or rows x columns such as 3x5"
		} else if both {
			err = strconv.ErrSyntax
		}
		if both && err == nil {
			if n, err = strconv.Atoi(columns); n == 0 { // 0 columns would mean as many as rows
				err = strconv.ErrSyntax
			}
			v.Field(a.wide).SetInt(int64(n))
		}
	}
	if err != nil {
		return fmt.Errorf("%s is %q; want %s", a.field, word, want)
	}
	return nil
}

// single returns a single layer as it is, and other numbers of layers as a Sequential.
func single(layers []Layer) Layer {
	if len(layers) == 1 {
		return layers[0]
	}
	return Sequential(layers)
}
