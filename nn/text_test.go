package nn_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nn"
)

// Layers of another package, with values, options, inner layers and blocks.
type (
	unit struct {
		Out, Kernel int
		Act         nn.Layer
		Scale       float64  `text:"scale"`
		Last        nn.Layer `text:"last"`
	}
	stage   struct{ nn.Sequential }
	branch  []nn.Layer
	pointed struct{ N int }
	secret  struct{ n int }
	mapped  struct{ M map[string]int }
)

func (unit) Build(_ *nn.Graph, x *nn.Tensor) *nn.Tensor     { return x }
func (branch) Build(_ *nn.Graph, x *nn.Tensor) *nn.Tensor   { return x }
func (*pointed) Build(_ *nn.Graph, x *nn.Tensor) *nn.Tensor { return x }
func (secret) Build(_ *nn.Graph, x *nn.Tensor) *nn.Tensor   { return x }
func (mapped) Build(_ *nn.Graph, x *nn.Tensor) *nn.Tensor   { return x }

var outsiders = []nn.Layer{unit{}, stage{}, branch{}, &pointed{}, secret{}, mapped{}}

func TestText(t *testing.T) {
	conv, relu := nn.Conv2D{Out: 8, Kernel: 3}, nn.ReLU{}
	for want, l := range map[string]nn.Layer{
		"conv 96 11 stride 4":             nn.Conv2D{Out: 96, Kernel: 11, Stride: 4},
		"conv 8 3x5 stride 2x1":           nn.Conv2D{Out: 8, Kernel: 3, KernelW: 5, Stride: 2, StrideW: 1},
		"conv 8 3 pad 1,0,2,0":            nn.Conv2D{Out: 8, Kernel: 3, Pad: nn.Padding{Top: 1, Left: 2}},
		"conv 8 3 stride 0x2 pad same":    nn.Conv2D{Out: 8, Kernel: 3, StrideW: 2, Pad: nn.Same},
		"conv 0 3":                        nn.Conv2D{Kernel: 3},
		"conv":                            nn.Conv2D{},
		"conv 8 3 dilation 2x1 groups 4":  nn.Conv2D{Out: 8, Kernel: 3, Dilation: 2, DilationW: 1, Groups: 4},
		"conv 8 3 pad 1 nobias":           nn.Conv2D{Out: 8, Kernel: 3, Pad: nn.Pad(1), NoBias: true},
		"linear 10 nobias":                nn.Linear{Out: 10, NoBias: true},
		"maxpool 3 stride 2 ceil":         nn.MaxPool2D{Kernel: 3, Stride: 2, Ceil: true},
		"avgpool 2 pad 1 excludepad":      nn.AvgPool2D{Kernel: 2, Pad: nn.Pad(1), ExcludePad: true},
		"adaptiveavgpool 7":               nn.AdaptiveAvgPool2D{H: 7},
		"adaptiveavgpool 7 5":             nn.AdaptiveAvgPool2D{H: 7, W: 5},
		"globalavgpool":                   nn.GlobalAvgPool2D{},
		"relu":                            relu,
		"leakyrelu":                       nn.LeakyReLU{},
		"leakyrelu 0.2":                   nn.LeakyReLU{Slope: 0.2},
		"sigmoid; tanh; silu; gelu":       nn.Sequential{nn.Sigmoid{}, nn.Tanh{}, nn.SiLU{}, nn.GELU{}},
		"batchnorm":                       nn.BatchNorm2D{},
		"batchnorm eps 0.001":             nn.BatchNorm2D{Eps: 1e-3},
		"batchnorm momentum 0.3":          nn.BatchNorm2D{Momentum: 0.3},
		"dropout 0.5":                     nn.Dropout{P: 0.5},
		"linear 10":                       nn.Linear{Out: 10},
		"conv 8 3; relu":                  nn.Sequential{conv, relu},
		"(conv 8 3)":                      nn.Sequential{conv},
		"(conv 8 3; relu); relu":          nn.Sequential{nn.Sequential{conv, relu}, relu},
		"((relu))":                        nn.Sequential{nn.Sequential{relu}},
		"residual (conv 8 3; relu)":       nn.Residual{Body: nn.Sequential{conv, relu}},
		"residual (conv 8 3) (relu)":      nn.Residual{Body: conv, Shortcut: relu},
		"residual ((conv 8 3))":           nn.Residual{Body: nn.Sequential{conv}},
		"named b2 (conv 8 3; relu)":       nn.Named{Name: "b2", Layer: nn.Sequential{conv, relu}},
		"concat (conv 8 3; relu) () ()":   nn.Concat{nn.Sequential{conv, relu}, nn.Sequential{}, nn.Sequential{}},
		"nn_test.unit 8 3 (relu) scale 2": unit{Out: 8, Kernel: 3, Act: relu, Scale: 2},
		"nn_test.unit 8 last (relu)":      unit{Out: 8, Last: relu},
		"nn_test.stage (conv 8 3)":        stage{nn.Sequential{conv}},
		"nn_test.branch (relu) (relu)":    branch{relu, relu},
		"nn_test.pointed 3":               &pointed{3},
	} {
		assert.Equal(t, want, nn.Text(l))
		got, err := nn.Parse(want, outsiders...)
		require.NoError(t, err, want)
		assert.Equal(t, plain(l), plain(got), want)
	}
	for want, l := range map[string]nn.Layer{ // Parse refuses these texts
		"?":                                   nil,
		"residual ? (relu)":                   nn.Residual{Shortcut: relu},
		"concat (?)":                          nn.Concat{nil},
		"nn_test.secret ?":                    secret{1},
		"named ? (relu)":                      nn.Named{Layer: relu},
		"nn_test.mapped ?":                    mapped{},
		"relu; ?":                             nn.Sequential{relu, (*pointed)(nil)},
		"nn_test.unit 0 0 (nn_test.secret ?)": unit{Act: secret{}},
	} {
		assert.Equal(t, want, nn.Text(l))
		_, err := nn.Parse(want, outsiders...)
		assert.Error(t, err, want)
	}
	for text, want := range map[string]nn.Layer{ // other ways to write a layer
		"conv 32 5; relu;":            nn.Sequential{nn.Conv2D{Out: 32, Kernel: 5}, relu},
		"\n conv 8 3\n pad valid ;\n": conv,
		"maxpool 3 ceil stride 2":     nn.MaxPool2D{Kernel: 3, Stride: 2, Ceil: true},
		"(relu;)":                     nn.Sequential{relu},
		"":                            nn.Sequential{},
	} {
		got, err := nn.Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, plain(want), plain(got), text)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"conv 8 3; rellu":             `there is no layer "rellu"; the nearest is relu (of `,
		"Conv2D 8 3":                  `there is no layer "Conv2D"; the nearest is conv`,
		"conv eight 3":                `conv: out is "eight"; want a whole number; want conv OUT KERNEL [stride STRIDE] [pad PAD]`,
		"conv 8 3x":                   `kernel is "3x"; want a whole number, or rows x columns such as 3x5`,
		"conv 8 3x0":                  `kernel is "3x0"; want a whole number, or rows x columns such as 3x5`,
		"conv 8 3 stride 2x0":         `stride is "2x0"; want a whole number, or rows x columns`,
		"linear 3x3":                  `out is "3x3"; want a whole number`,
		"conv 8 3 2":                  `unexpected "2"`,
		"conv 8 3 stride":             `stride is ""; want`,
		"conv 8 3 stride 2 stride 2":  `stride is given twice`,
		"conv 8 stride 2 3":           `unexpected "3"`,
		"conv 8 3 pad 1,2":            `pad is "1,2"; want a number, same, or top,bottom,left,right`,
		"conv 8 3 pad a,b,c,d":        `pad is "a,b,c,d"`,
		"named a.b (relu)":            `name is "a.b"; want one word without dots`,
		"dropout half":                `p is "half"; want a number`,
		"relu 3":                      `relu: unexpected "3"; want relu`,
		"residual relu":               `body is "relu"; want layers in parentheses; want residual (BODY) (SHORTCUT)`,
		"residual (relu":              `a ( is not closed`,
		"relu)":                       `a ) closes nothing`,
		"(relu) relu":                 `"relu" after "(relu)"; want a semicolon`,
		"concat (relu) relu":          `want a semicolon`,
		";":                           `there is no layer ";"`,
		"nn_test.unit 1":              `there is no layer "nn_test.unit" here; only a program that has the layers of package nn_test can read it`,
		string(make([]byte, 9)):       `there is no layer`,
		repeated("(", 200):            `more than 100 deep`,
		repeated("relu;", 1e4+1):      `more than 10000 layers`,
		repeated("residual (", 200):   `more than 100 deep`,
		"conv 99999999999999999999 3": `out is "99999999999999999999"`,
	} {
		_, err := nn.Parse(text)
		if assert.ErrorContains(t, err, want, text) {
			assertOneLine(t, err, "")
		}
	}
	_, err := nn.Parse("relu", stage{}, &stage{})
	require.ErrorContains(t, err, "two types of layers are called nn_test.stage")
	_, err = nn.Parse("relu", nil)
	require.ErrorContains(t, err, "nil")
}

func repeated(s string, n int) (all string) {
	b := make([]byte, 0, len(s)*n)
	for range n {
		b = append(b, s...)
	}
	return string(b)
}

// Parse reads the text of any layer back, whatever its fields and inner layers are.
func TestTextReadsBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	types := append(nn.Layers(), outsiders[:4]...)
	for i := range 20_000 {
		l := anyLayer(r, types, i%len(types), 3)
		text := nn.Text(l)
		got, err := nn.Parse(text, outsiders...)
		require.NoError(t, err, text)
		require.Equal(t, plain(l), plain(got), text)
		require.Equal(t, text, nn.Text(got))
	}
}

// anyLayer returns a layer of types[i] with random fields. Layers inside it are nested up to depth
// deep.
func anyLayer(r *rand.Rand, types []nn.Layer, i, depth int) nn.Layer {
	t := reflect.TypeOf(types[i])
	v := reflect.New(t).Elem()
	if t.Kind() == reflect.Pointer {
		v.Set(reflect.New(t.Elem()))
		fill(r, types, v.Elem(), depth)
	} else {
		fill(r, types, v, depth)
	}
	return v.Interface().(nn.Layer)
}

func fill(r *rand.Rand, types []nn.Layer, v reflect.Value, depth int) {
	if p, ok := v.Addr().Interface().(*nn.Padding); ok {
		*p = []nn.Padding{{}, nn.Pad(r.IntN(9)), nn.Same,
			{Top: r.IntN(3), Bottom: r.IntN(3), Left: r.IntN(3), Right: 1}}[r.IntN(4)]
		return
	}
	inside := func() reflect.Value {
		return reflect.ValueOf(anyLayer(r, types, r.IntN(len(types)), depth-1))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString([]string{"features", "conv1", "0", "相"}[r.IntN(4)])
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, types, v.Field(i), depth)
		}
	case reflect.Slice:
		for range r.IntN(4) {
			if depth > 0 {
				v.Set(reflect.Append(v, inside()))
			}
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf(nn.ReLU{}))
		if depth > 0 {
			v.Set(inside())
		}
	case reflect.Int:
		v.SetInt([]int64{0, 1, 3, -1, 65536, r.Int64()}[r.IntN(6)])
	case reflect.Float64:
		v.SetFloat([]float64{0, 0.5, 1e-9, r.NormFloat64(), -1e300}[r.IntN(5)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	}
}

// plain returns a layer in a form for comparison, in which nil and an empty list are equal.
func plain(l nn.Layer) any { return plainValue(reflect.ValueOf(&l).Elem()) }

func plainValue(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return []any{v.Elem().Type().String(), plainValue(v.Elem())}
	case reflect.Slice:
		all := []any{}
		for i := range v.Len() {
			all = append(all, plainValue(v.Index(i)))
		}
		return all
	case reflect.Struct:
		if !v.CanInterface() || v.Type() == reflect.TypeFor[nn.Padding]() {
			return v.Interface()
		}
		all := []any{}
		for i := range v.NumField() {
			all = append(all, plainValue(v.Field(i)))
		}
		return all
	}
	return v.Interface()
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"conv 96 11 stride 4; relu; (maxpool 3 stride 2 ceil; dropout 0.5)",
		"residual (conv 8 3x5 pad 1,0,1,0; relu) (conv 8 1); concat (relu) ()", "nn_test.unit 8 3 (relu) scale 2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := nn.Parse(s, outsiders...)
		if err != nil {
			return
		}
		text := nn.Text(l)
		again, err := nn.Parse(text, outsiders...)
		require.NoError(t, err, text)
		require.Equal(t, text, nn.Text(again))
	})
}
