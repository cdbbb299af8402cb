package runflags

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"wgnin/cmd/internal/cli"
	"wgnin/nin"
	"wgnin/nin/run"
	"wgnin/nn"
	"wgnin/nn/data"
)

// override is a flag for a setting of a run.
type override struct{ flag, field, help string }

// overrides has a line for each flag that overrides a recipe's setting: its name, the field of
// [nin.Settings], and its help.
var overrides = []override{
	{"dataset", "Dataset", "`name` of the dataset: " + strings.Join(data.Names(), ", ")},
	{"data", "Data",
		"`folder` with the dataset's files or, with -dataset folder, with a folder of pictures for each class (default: $NIN_DATA, /usr/share/datasets/NAME, the user's cache, or a download)"},
	{"skip-bad", "SkipBad", "with -dataset folder: leave out the pictures that cannot be read, and name them"},
	{"net", "Net",
		"network to use instead of the recipe's, as `file or text`, such as 'conv 32 5; relu; conv 10 1; globalavgpool; flatten' (nin summary -model prints the text of a file of weights)"},
	{"input", "Input", "resize the images to `rows x columns`, such as 32x32 (default: the recipe's)"},
	{"checkpoint-every", "CheckpointEvery",
		"`steps or time` between checkpoints, such as 500 or 90s; there is always one after each epoch and at the end"},
	{"epochs", "Epochs", "passes over the training images"},
	{"steps", "Steps", "stop after this many steps (0: no limit)"},
	{"patience", "Patience", "stop after this many `epochs` without a better test accuracy (0: never)"},
	{"batch", "Batch", "images in a batch"},
	{"shards", "Shards",
		"`parts` of a batch whose gradients are added along one binary tree: a power of two (0: one part, or one per rank under mpirun)"},
	{"balance", "Balance",
		"under mpirun: give each rank a share of the batch by its measured speed, instead of equal shares; the last bits depend on the shares, which the run records"},
	{"lr", "Rate", "learning rate"},
	{"optimizer", "Optimizer", "`name` of the optimizer: " + strings.Join(nn.Optimizers, ", ") +
		" (default: the recipe's); if it is of the other kind than the recipe's, these settings change too unless flags give them: " + replacements},
	{"schedule", "Schedule", "`name` of the learning-rate schedule: " + strings.Join(nin.Schedules, ", ") +
		" (default: the recipe's)"},
	{"warmup", "Warmup",
		"`steps` over which the learning rate rises before the schedule proper: linearly from zero, or as half a cosine for onecycle (default: the schedule's)"},
	{"momentum", "Momentum", "momentum, 0 to 1"},
	{"nesterov", "Nesterov", "Nesterov's momentum"},
	{"weight-decay", "WeightDecay", "weight decay"},
	{"decay-biases", "SpareBiases",
		"also apply weight decay to biases and to the weights of normalisation layers, as PyTorch does; -decay-biases=false leaves them out"},
	{"clip", "ClipNorm",
		"limit the norm of the gradient of all weights, as PyTorch's clip_grad_norm_ does (0: no limit)"},
	{"label-smoothing", "LabelSmoothing",
		"share of the target that is spread over all classes, 0 to 1, like PyTorch's label_smoothing"},
	{"class-weights", "ClassWeights",
		"weight of each class in the training loss, like PyTorch's weight: `balanced or list`; balanced makes rare classes count more, and 1,2,0.5 gives the weights of three classes"},
	{"dropout", "Dropout", "probability that a dropout layer of the recipe's network drops a value"},
	{"augment", "Augment",
		"augment the training images by this `list`: crop (shift by up to an eighth), mirror (swap left and right in half of them), or crop,mirror"},
	{"whiten", "Whiten",
		"normalise the contrast of the images and ZCA-whiten them, as the paper does; the whitening of CIFAR-10 takes minutes to compute, once"},
	{"normalise", "Normalise",
		"`how` to normalise the pixels: unit, 0 to 1 (default); dataset, by the mean and deviation of each channel of the training images; imagenet, by those of torchvision's pretrained networks; or by numbers such as 0.485,0.456,0.406/0.229,0.224,0.225"},
	{"seed", "Seed", "seed of the weights, the order of the images, augmentation and dropout"},
	{"train-images", "TrainImages", "use the first `N` training images (0: all)"},
	{"test-images", "TestImages", "use the first `N` test images (0: all)"},
	{"shuffle", "Shuffle", "use a new order of the images in each epoch; -shuffle=false keeps the order of the files"},
	{"tensorboard", "TensorBoard", "also write an event file for TensorBoard into the run's folder"},
	{"tune", "Tune",
		"measure each shape once, and use the kernels that are fastest on the adapter; -tune=off uses those that suit its kind"},
	{"init", "Init", "start from the weights of this safetensors `file` that fit by name and shape"},
	{"freeze", "Freeze",
		"do not train the weights whose names begin with these `prefixes`, such as 0,1 for the first two layers; they need no gradient, and a batch normalisation among them keeps its running mean and variance"},
}

// in returns the field of s that the flag sets.
func (o override) in(s *nin.Settings) reflect.Value {
	return reflect.ValueOf(s).Elem().FieldByName(o.field)
}

// register registers the flags on fs. They write to s, which holds their defaults.
func register(fs *flag.FlagSet, s *nin.Settings) {
	for _, o := range overrides {
		switch p := o.in(s).Addr().Interface().(type) {
		case *string:
			if o.field == "Net" {
				fs.Func(o.flag, o.help, func(given string) (err error) {
					*p, err = Network(given)
					return err
				})
			} else {
				fs.StringVar(p, o.flag, *p, o.help)
			}
		case *int:
			fs.IntVar(p, o.flag, *p, o.help)
		case *uint64:
			fs.Uint64Var(p, o.flag, *p, o.help)
		case *float64:
			fs.Float64Var(p, o.flag, *p, o.help)
		case *nin.Every:
			fs.TextVar(p, o.flag, *p, o.help)
		case *bool:
			switch o.field {
			case "Tune":
				fs.Var((*onOff)(p), o.flag, o.help)
			case "SpareBiases":
				fs.Var((*not)(p), o.flag, o.help)
			default:
				fs.BoolVar(p, o.flag, *p, o.help)
			}
		}
	}
}

// Network returns the text of a network: the content of the file called given or, if there is none,
// given itself.
func Network(given string) (string, error) {
	if strings.TrimSpace(given) == "" {
		return "", errors.New("want layers, or a file with them")
	}
	info, err := os.Stat(given)
	switch {
	case err != nil && isPath(given):
		return "", fmt.Errorf("there is no file %s", given)
	case err != nil || !info.Mode().IsRegular():
		return given, nil
	}
	if info.Size() > 1<<20 {
		return "", fmt.Errorf("%s has %d bytes; want a text of at most %d", given, info.Size(), 1<<20)
	}
	text, err := os.ReadFile(given)
	return string(text), err
}

// isPath reports whether given can only be the name of a file: one word with a dot or a slash,
// which no layer here has in its name.
func isPath(given string) bool {
	return !strings.ContainsAny(given, " ;()") && strings.ContainsAny(given, `./\`)
}

// overridden returns the override of the flag called name.
func overridden(name string) (override, bool) {
	for _, o := range overrides {
		if o.flag == name {
			return o, true
		}
	}
	return override{}, false
}

// Named rewords an error from a package below the commands: it calls a setting by its flag, and
// adds which flag can help.
func Named(err error) error {
	if err == nil {
		return nil
	}
	text, found := err.Error(), false
	if name, said, problem := wrong(err); name != "" {
		text, found = strings.Replace(text, said, "-"+name+" "+problem, 1), true
	}
	for _, h := range []struct {
		err  error
		hint string
	}{
		{nin.ErrWhitening, ": -whiten -normalise " + nin.Unit},
		{run.ErrExists, "; choose another -out, or -resume it"},
		{run.ErrMetricsLost, "; begin a new run from the checkpoint with -init"},
		{run.ErrOtherImages, "; give their folder with -data"},
		{run.ErrOnlyWeights, "; start from it with -init"},
		{data.ErrNoFiles, "; -data names the folder of its files"},
		{data.ErrNoFolder, "; -data names their folder"},
		{data.ErrIsFolder, ": -dataset folder"},
		{data.ErrUnreadable, "; -skip-bad leaves them out"},
		{nin.ErrNoRecipe, "; with -recipe the error says what differs"},
	} {
		if errors.Is(err, h.err) {
			text, found = text+h.hint, true
		}
	}
	if !found {
		return err
	}
	return namedError{text, err}
}

// settingFlags are the flags for settings that do not belong to a run.
var settingFlags = []override{
	{flag: "budget", field: "Budget"}, {flag: "layer", field: "Layer"}, {flag: "kernel", field: "Kernel"},
	{flag: "variant", field: "Variant"},
}

// wrong returns the flag of the setting that err is about, what err says about it, and the same
// without the name of the setting. All are empty if err is not about a setting.
func wrong(err error) (name, said, problem string) {
	setting := ""
	if bad := (nn.RangeError{}); errors.As(err, &bad) {
		setting, said, problem = bad.Setting, bad.Error(), bad.Problem()
	}
	if bad := (nin.SettingError{}); errors.As(err, &bad) {
		setting, said, problem = bad.Setting, bad.Setting+" "+bad.Problem, bad.Problem
	}
	for _, o := range slices.Concat(overrides, settingFlags) {
		if o.field == setting {
			return o.flag, said, problem
		}
	}
	return "", "", ""
}

// Usage makes err a usage error if it is about the value of a flag given to fs. Such errors come
// from packages below the commands, where the images or the adapter show that a value is wrong. A
// bad file of weights is not a usage error.
func Usage(fs *flag.FlagSet, err error) error {
	name, _, _ := wrong(err)
	given := false
	fs.Visit(func(g *flag.Flag) { given = given || g.Name == name && name != "init" })
	if given {
		return cli.Usage(err)
	}
	return err
}

// namedError is an error with another text.
type namedError struct {
	text string
	error
}

func (e namedError) Error() string { return e.text }

func (e namedError) Unwrap() error { return e.error }

// onOff is a boolean flag that also accepts -x=on and -x=off.
type onOff bool

func (o *onOff) IsBoolFlag() bool { return true }

func (o *onOff) String() string {
	if *o {
		return "on"
	}
	return "off"
}

func (o *onOff) Set(s string) error {
	switch s {
	case "on", "true":
		*o = true
	case "off", "false":
		*o = false
	default:
		return errors.New("want on or off")
	}
	return nil
}

// not is a boolean flag whose setting has the opposite meaning.
type not bool

func (n *not) IsBoolFlag() bool { return true }

func (n *not) String() string { return strconv.FormatBool(!bool(*n)) }

func (n *not) Set(s string) error {
	v, err := strconv.ParseBool(s)
	if err != nil {
		return errors.New("want true or false")
	}
	*n = not(!v)
	return nil
}
