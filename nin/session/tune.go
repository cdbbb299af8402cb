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

// Tune makes the network use the kernels that are fastest on its device for training with the given
// batch. Measurements are kept in the user's cache folder, by adapter, driver and source of the
// kernels, and are not repeated. report is called with each new one.
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
	if len(known) > before { // also keep what was measured before an interrupt
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

// Choices returns the variant that each convolution runs on with the given batch, and the
// alternatives. It includes the times of those that [Session.Tune] has measured.
func (s *Session) Choices(batch int) ([]nn.Choice, error) {
	choices, err := s.Net.Choices(batch)
	for i, c := range choices {
		if m, ok := s.measured[c.Key]; ok {
			choices[i].Candidates = m.Candidates
		}
	}
	return choices, err
}

// readKernels reads what was measured before. It returns no kernels if there is no file.
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
		return nil, fmt.Errorf("%s: %w; remove it to measure again", path, err)
	}
	return known, nil
}

// tuned returns the path of the cached kernels for an adapter.
func tuned(a gpu.Adapter) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no cache folder for the measured kernels: %w", err)
	}
	h := sha256.Sum256([]byte(strings.Join([]string{a.Name, a.Driver, a.Backend, conv2d.SourceHash(),
		winograd.SourceHash()}, "\n")))
	return filepath.Join(cache, "nin", "kernels-"+hex.EncodeToString(h[:8])+".json"), nil
}
