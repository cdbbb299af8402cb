package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/files"
	"wgnin/shaders/conv2d"
	"wgnin/shaders/winograd"
)

// Tune makes the network take the kernels that are the fastest on its device for
// training with the given batch. What was measured before on the adapter, with
// its driver and these kernels, is in the user's cache folder and is not
// measured again; report is told of the rest.
func (s *Session) Tune(ctx context.Context, batch int, report func(nn.Choice)) error {
	path, err := tuned(s.Net.Device().Adapter())
	if err != nil {
		return err
	}
	known, err := readKernels(path)
	if err != nil {
		return err
	}
	s.measured = map[string]nn.Choice{}
	kernels, tuneErr := s.Net.Tune(ctx, batch, known, func(c nn.Choice) {
		s.measured[c.Key] = c
		report(c)
	})
	before := len(known)
	maps.Copy(known, kernels)
	if len(known) > before { // what was measured before an interrupt counts
		text, err := json.MarshalIndent(known, "", "  ")
		if err == nil {
			err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), files.Write(path, text))
		}
		if tuneErr == nil && err != nil {
			return err
		}
	}
	if tuneErr != nil {
		return tuneErr
	}
	s.use(kernels)
	return nil
}

// Choices are what the convolutions run on with the given batch, and instead of
// what; with how long each takes, where [Session.Tune] has measured it.
func (s *Session) Choices(batch int) ([]nn.Choice, error) {
	choices, err := s.Net.Choices(batch)
	for i, c := range choices {
		if m, ok := s.measured[c.Key]; ok {
			choices[i].Candidates = m.Candidates
		}
	}
	return choices, err
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
		return "", fmt.Errorf("there is no folder to keep the measured kernels in: %w", err)
	}
	h := sha256.Sum256([]byte(strings.Join([]string{a.Name, a.Driver, a.Backend, conv2d.SourceHash(),
		winograd.SourceHash()}, "\n")))
	return filepath.Join(cache, "nin", "kernels-"+hex.EncodeToString(h[:8])+".json"), nil
}
