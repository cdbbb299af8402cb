package nin

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/safetensors"
)

// Export writes the model to a file, whole or not at all. A name that ends in .safetensors gets the
// weights with PyTorch's names and the description of the network; the whitening goes into a file
// beside it. A name that ends in .onnx gets the network for other programs, with its whitening or
// normalisation.
//
// Errors: another ending, and a model that [ReadModel] would refuse. An ONNX file may have a layer
// without a text form (see [nn.Text]); only other programs can read such a file.
func (m *Model) Export(path string) error {
	if err := m.export(path); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// export writes a copy of the model, because it puts the weights into the order of the file.
func (m Model) export(path string) error {
	ext := strings.ToLower(filepath.Ext(path))
	if ext != ".safetensors" && ext != ".onnx" {
		return errors.New("want a name that ends in .onnx or .safetensors")
	}
	if err := m.check(); err != nil {
		return err
	}
	switch ext {
	case ".safetensors":
		if err := m.checkText(); err != nil {
			return err
		}
		if m.Whitening != nil {
			beside := filepath.Join(filepath.Dir(path), WhiteningFile)
			if there, err := data.ReadWhitening(beside); err == nil && there.Hash() != m.Whitening.Hash() {
				return fmt.Errorf("%s is the whitening of another network; want a folder without it", beside)
			}
			if err := m.Whitening.Write(beside); err != nil {
				return err
			}
		}
		return safetensors.Write(path, m.Weights, m.Metadata())
	case ".onnx":
		model, err := nn.ONNX(m.Layers, m.In, m.Weights)
		if err == nil && m.Whitening != nil {
			err = nn.WhitenONNX(&model, m.Whitening)
		}
		if err != nil {
			return err
		}
		if m.Normalisation != nil {
			nn.NormaliseONNX(&model, m.Normalisation)
		}
		if m.Values {
			model.Rename(model.Output.Name, values)
			model.Output.Name = values
		}
		model.Name, model.Metadata = cmp.Or(m.Recipe, model.Name), m.Metadata()
		return model.Write(path)
	}
	return nil
}
