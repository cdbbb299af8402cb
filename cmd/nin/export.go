package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"wgnin/cmd/internal/cli"
	"wgnin/nn"
)

const exportHelp = `Export writes a trained network for other programs. A file whose name ends in .onnx is
an ONNX model (opset 13). It takes "images" [N,C,H,W] of any number N, 8-bit values
divided by 255, and returns "logits", or "values" if the outputs are numbers. Its weights
are initialisers with PyTorch's names. A file whose name ends in .safetensors holds the
weights, which load_state_dict takes, and the description of the network. The model may
be in either form, or a checkpoint.

Usage: go run ./cmd/nin export -model FILE -o FILE [flags]

Examples:
  go run ./cmd/nin export -model runs/mini-20260102-150405/model.safetensors -o mini.onnx
  go run ./cmd/nin export -model mini.onnx -o mini.safetensors

Flags:
`

func export(w io.Writer, args []string) error {
	fs := flag.NewFlagSet("export", flag.ContinueOnError)
	file := fs.String("model", "", "`file` of weights")
	recipe := fs.String("recipe", "", "`name` of the recipe of the network (default: the one that the weights fit)")
	see := normalise(fs)
	out := fs.String("o", "", "`file` to write, .onnx or .safetensors")
	if err := cli.Parse(fs, w, exportHelp, args); err != nil {
		return err
	}
	switch ext := strings.ToLower(filepath.Ext(*out)); {
	case *out == "":
		return cli.Usage(errors.New("want -o FILE, such as model.onnx"))
	case ext != ".onnx" && ext != ".safetensors":
		return cli.Usage(fmt.Errorf("-o is %q; want a name that ends in .onnx or .safetensors", *out))
	}
	m, err := readModel(*file, *recipe, *see)
	if err != nil {
		return err
	}
	if err := cli.File("o", *out, ""); err != nil {
		return err
	}
	if err := m.Export(*out); err != nil {
		return err
	}
	params, err := nn.Params(m.Layers, m.In)
	if err != nil {
		return err
	}
	network := "a network of no recipe"
	if m.Recipe != "" {
		network = "the network of " + m.Recipe
	}
	puts := fmt.Sprintf("%d classes", len(m.Classes))
	if m.Values {
		puts = "numbers"
	}
	_, err = fmt.Fprintf(w, "%s: %s, %d parameters, images %s, %s\n", *out, network, params, m.In.Batch(1), puts)
	return err
}
