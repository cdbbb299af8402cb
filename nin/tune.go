package nin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/files"
	"wgnin/shaders/conv2d"
)

// Tune makes net take the kernels that are the fastest on its device for
// training with the given batch. What was measured before on the adapter, with
// its driver and these kernels, is in the user's cache folder and is not
// measured again; report is told of the rest.
func Tune(ctx context.Context, net *nn.Net, batch int, report func(nn.Choice)) (nn.Kernels, error) {
	path, err := tuned(net.Device().Adapter())
	if err != nil {
		return nil, err
	}
	known, err := readKernels(path)
	if err != nil {
		return nil, err
	}
	kernels, tuneErr := net.Tune(ctx, batch, known, report)
	before := len(known)
	maps.Copy(known, kernels)
	if len(known) > before { // what was measured before an interrupt counts
		text, err := json.MarshalIndent(known, "", "  ")
		if err == nil {
			err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), files.Write(path, text))
		}
		if tuneErr == nil && err != nil {
			return nil, err
		}
	}
	if tuneErr != nil {
		return nil, tuneErr
	}
	net.Use(kernels)
	return kernels, nil
}

// readKernels reads what was measured before; nothing, if there is no file.
func readKernels(path string) (nn.Kernels, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nn.Kernels{}, nil
	}
	var known nn.Kernels
	if err == nil {
		err = json.Unmarshal(text, &known)
	}
	if err == nil && known == nil {
		err = errors.New("null; want an object")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w; remove it to measure anew", path, err)
	}
	return known, nil
}

// tuned is where the kernels for an adapter are cached.
func tuned(a gpu.Adapter) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("-tune has no folder for its results: %w", err)
	}
	h := sha256.Sum256([]byte(strings.Join([]string{a.Name, a.Driver, a.Backend, conv2d.SourceHash()}, "\n")))
	return filepath.Join(cache, "nin", "kernels-"+hex.EncodeToString(h[:8])+".json"), nil
}

// WriteChoices prints what the convolutions of a net run on, and why.
func WriteChoices(w io.Writer, choices []nn.Choice) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "layer\tpass\tshape\tvariant\tinstead of")
	for _, c := range choices {
		variant, others := c.Variant, []string{}
		for _, m := range c.Candidates {
			text := m.Variant
			switch {
			case m.Error != "":
				text += " (" + m.Error + ")"
			case m.Ms > 0:
				text += fmt.Sprintf(" (%.3f ms)", m.Ms)
			}
			if m.Variant == c.Variant {
				variant = text
			} else {
				others = append(others, text)
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", c.Layer, c.Pass, c.Shape, variant, strings.Join(others, ", "))
	}
	return t.Flush()
}
