package runflags

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/cmd/internal/cli"
	"wgnin/nin"
	"wgnin/nn"
)

// Each flag sets a field that exists, and each field but the recipe has a flag.
func TestEachSettingHasAFlag(t *testing.T) {
	fields := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[nin.Settings]()) {
		fields[f.Name] = !f.Anonymous
	}
	delete(fields, "Hyper")
	delete(fields, "Recipe")
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	register(fs, new(nin.Settings))
	for _, o := range overrides {
		assert.True(t, fields[o.field], o.field)
		assert.NotNil(t, fs.Lookup(o.flag), o.flag)
		delete(fields, o.field)
	}
	assert.Empty(t, fields)
}

// A flag overrides the recipe's setting, even with the value that the setting has without a recipe.
// The other settings are the recipe's.
func TestOverrides(t *testing.T) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	f := New(fs)
	require.NoError(t, fs.Parse([]string{"-lr", "1e-3", "-momentum=0", "-tune=on", "-shuffle=false",
		"-checkpoint-every=90s", "-data", "d"}))
	r, err := nin.Find("mini")
	require.NoError(t, err)
	want := r.Settings()
	want.Rate, want.Momentum, want.Tune, want.Shuffle, want.Data = 1e-3, 0, true, false, "d"
	require.NoError(t, want.CheckpointEvery.UnmarshalText([]byte("90s")))
	got := f.Settings(r.Settings())
	assert.Equal(t, want, got)
}

// Flags without effect are rejected, and flags with the opposite meaning of a setting set it.
func TestFlagsWithoutEffect(t *testing.T) {
	for args, want := range map[string]string{
		"-optimizer adam -momentum 0.5":        "-momentum does nothing with the optimizer adam",
		"-recipe photos -data d -momentum 0.5": "-momentum does nothing with the optimizer adamw",
		"-optimizer adam -nesterov":            "-nesterov is true; want it with sgd and a momentum above 0",
		"-net flatten -dropout 0.5":            "-dropout does nothing with -net; put it into the network",
		"-recipe lenet -dropout 0.5":           "-dropout does nothing with lenet, whose network has no dropout",
		"-recipe lenet -dropout 0":             "",
		"-recipe alexnet -dropout 0.2":         "",
		"-recipe photos -data d -whiten":       "-normalise is dataset: whitening normalises by itself; want unit: -whiten -normalise unit",
		"-recipe photos -data d -warmup 9":     "",
		"-recipe lin2013 -warmup 9":            "",
		"-recipe d2l -decay-biases=false":      "-decay-biases is without effect; want a weight decay above 0 with it",
		"-decay-biases=maybe":                  "want true or false",
		"-optimizer adam":                      "",
		"-optimizer sgd -momentum 0.5":         "",
		"-optimizer adamw -momentum 0":         "",
		"-recipe mini -decay-biases=false":     "",
		"-recipe d2l -decay-biases -clip 1":    "",
		"-net flatten -class-weights balanced": "",
	} {
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		f := New(fs)
		err := fs.Parse(strings.Fields(args))
		if err == nil {
			err = Named(f.Check())
		}
		if want == "" {
			require.NoError(t, err, args)
		} else {
			require.ErrorContains(t, err, want, args)
		}
		mini, _ := nin.Find("mini")
		s := f.Settings(mini.Settings())
		assert.Equal(t, strings.Contains(args, "biases=false"), s.SpareBiases)
		if strings.HasPrefix(args, "-optimizer adam") {
			assert.Equal(t, adamRate, s.Rate)
		}
	}
}

// An optimizer of the other kind than the recipe's brings its own rate, momentum and decay, unless
// flags give them.
func TestOptimizerInThePlace(t *testing.T) {
	type settings struct{ rate, momentum, decay float64 }
	for args, want := range map[string]settings{
		"-recipe mini":                                     {0.05, 0.9, 1e-4},
		"-recipe mini -optimizer sgd":                      {0.05, 0.9, 1e-4},
		"-recipe mini -optimizer adam":                     {0.001, 0, 1e-4},
		"-recipe photos":                                   {0.004, 0, 0.01},
		"-recipe photos -optimizer adam":                   {0.004, 0, 0.01},
		"-recipe photos -optimizer sgd":                    {0.05, 0.9, 1e-4},
		"-recipe photos -optimizer sgd -lr 0.1":            {0.1, 0.9, 1e-4},
		"-recipe photos -momentum 0 -optimizer=sgd":        {0.05, 0, 1e-4},
		"-recipe photos -weight-decay=0.01 -optimizer sgd": {0.05, 0.9, 0.01},
	} {
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		f := New(fs)
		require.NoError(t, fs.Parse(strings.Fields(args)))
		recipe, err := nin.Find(f.Recipe())
		require.NoError(t, err)
		s := f.Settings(recipe.Settings())
		assert.Equal(t, want, settings{s.Rate, s.Momentum, s.WeightDecay}, args)
	}
}

// A value that a package below the commands rejects is a usage error if a flag gave it, unless it
// is the content of a file.
func TestUsage(t *testing.T) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	New(fs)
	require.NoError(t, fs.Parse([]string{"-batch", "9", "-init", "file"}))
	for _, c := range []struct {
		err  error
		code int
	}{
		{nn.RangeError{Setting: "Batch"}, 2},
		{nn.RangeError{Setting: "Epochs"}, 1},
		{nin.SettingError{Setting: "Init"}, 1},
		{errors.New("why"), 1},
		{nil, 0},
	} {
		assert.Equal(t, c.code, cli.Code(Usage(fs, c.err)), c.err)
	}
}

// An error from a package below the commands names a field. Named names the flag instead, keeps the
// exit code, and wraps the error.
func TestNamed(t *testing.T) {
	for want, err := range map[string]error{
		"-lr is -1; want more": nn.RangeError{Setting: "Rate", Value: -1, Want: "more"},
		"a: -weight-decay is 2; want less": fmt.Errorf("a: %w",
			nn.RangeError{Setting: "WeightDecay", Value: 2, Want: "less"}),
		"-init no: why": nin.SettingError{Setting: "Init", Problem: "no",
			Err: errors.New("why")},
		"layer 3: probability is 7; want 1": fmt.Errorf("layer 3: %w",
			nn.RangeError{Setting: "probability", Value: 7, Want: "1"}),
		"study: -budget is 1ms; want at least 1s": fmt.Errorf("study: %w",
			nn.RangeError{Setting: "Budget", Value: "1ms", Want: "at least 1s"}),
		"these weights are of no recipe's network (a); with -recipe the error says what differs": fmt.Errorf("%w (a)",
			nin.ErrNoRecipe),
	} {
		got := Named(cli.Usage(err))
		assert.EqualError(t, got, want)
		assert.Equal(t, 2, cli.Code(got))
		assert.ErrorIs(t, got, err)
		assert.Equal(t, 1, cli.Code(Named(err)))
	}
	require.NoError(t, Named(nil))
}

// No text in a package below the commands contains the name of a flag: their errors name fields.
func TestFlagsAreTheCommands(t *testing.T) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	New(fs)
	names := []string{"png", "budget"}
	fs.VisitAll(func(f *flag.Flag) { names = append(names, regexp.QuoteMeta(f.Name)) })
	said := regexp.MustCompile(`(^|[\s("'])-(` + strings.Join(names, "|") + `)($|[^\w-])`)
	for _, top := range []string{"nin", "nn", "shaders", "gpu", "viz"} {
		err := filepath.WalkDir(filepath.Join("../../..", top), func(path string, e os.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					assert.NotRegexp(t, said, l.Value, path)
				}
				return true
			})
			return nil
		})
		require.NoError(t, err)
	}
}

// A network is given as a text or as a file that holds the text. A name that can only be that of a
// missing file is reported as such.
func TestNetwork(t *testing.T) {
	file := filepath.Join(t.TempDir(), "net.txt")
	require.NoError(t, os.WriteFile(file, []byte("relu; flatten"), 0o666))
	for given, want := range map[string]string{file: "relu; flatten", "relu": "relu",
		"dropout 0.5; flatten": "dropout 0.5; flatten"} {
		got, err := Network(given)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, missing := range []string{"net.txt", filepath.Join("nets", "mine")} {
		_, err := Network(missing)
		assert.EqualError(t, err, "there is no file "+missing)
	}
}
