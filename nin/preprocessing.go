package nin

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"wgnin/nn/data"
)

// WhiteningFile is the name of the file with the whitening of a network's images. It lies beside
// the weights or in the folder above, where a run puts it.
const WhiteningFile = "whitening.safetensors"

// see sets the whitening or the normalisation that the file records under normalisationKey.
func (m *Model) see() (err error) {
	how := m.sees
	if how == Unit || how == whitened && m.Whitening != nil {
		return nil
	}
	if m.Normalisation, err = data.ParseNormalisation(how); err != nil {
		return fmt.Errorf("the file wants images normalised by %q; want unit, whitening, or numbers: %w", how, err)
	}
	return nil
}

// seeAsRecipe sets the recipe's preprocessing, for weights at path that do not record theirs.
func (m *Model) seeAsRecipe(path string) {
	r, _ := Find(m.Recipe) // it exists, because the weights fit it
	n, err := r.Settings().numbers()
	numbers := "numbers such as 0.485,0.456,0.406/0.229,0.224,0.225, or unit for none"
	want := "want " + numbers
	switch {
	case r.Whiten:
		m.Whitening, err = whiteningBeside(path)
		if err == nil && m.checkImages() != nil || errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s does not have the whitening that the images of %s go through", path, r.Name)
			want = fmt.Sprintf("want the %s of its run beside it, or %s", WhiteningFile, numbers)
		}
	case n != nil:
		m.Normalisation, err = n.For(m.In.C)
	case r.Normalise == "dataset":
		err = fmt.Errorf("%s does not say by which mean and deviation the images of %s were normalised", path, r.Name)
	}
	if err != nil {
		m.Whitening, m.missing = nil, SettingError{Setting: "Normalise",
			Problem: fmt.Sprintf("is missing: %v; %s", err, want)}
	}
}

// Normalise sets the normalisation of a network whose file does not record it, in the form of
// Settings.Normalise: unit, imagenet or numbers. A whitening that was found beside the weights is
// not used then. Errors: a network whose file records another one, and text without numbers.
func (m *Model) Normalise(how string) error {
	refuse := func(want string) error {
		return SettingError{Setting: "Normalise", Problem: fmt.Sprintf("is %.80q; %s", how, want)}
	}
	if m.sees != "" && how != m.sees {
		return refuse(fmt.Sprintf("the file says that its images are normalised by %s; want none or that", m.sees))
	}
	switch how {
	case "", "dataset":
		return refuse("want unit, imagenet or numbers, because the training images are not known here")
	case m.sees:
		return nil
	}
	n, err := Settings{Normalise: how}.numbers()
	if err != nil {
		return err
	}
	if n != nil {
		if n, err = n.For(m.In.C); err != nil {
			return refuse(err.Error())
		}
	}
	m.Whitening, m.Normalisation, m.missing = nil, n, nil
	return nil
}

// checkImages refuses a whitening or a normalisation that does not fit the network's input, and
// refuses both together. It expands the normalisation to a number for each channel.
func (m *Model) checkImages() (err error) {
	if m.Normalisation != nil {
		if m.Whitening != nil {
			return errors.New("there are a whitening and a normalisation; want one of them, because whitening normalises by itself")
		}
		if m.Normalisation, err = m.Normalisation.For(m.In.C); err != nil {
			return err
		}
	}
	if m.Whitening != nil {
		return m.Whitening.For(m.In.C, m.In.H, m.In.W)
	}
	return nil
}

// unseen returns an error if the preprocessing of the images is unknown.
func (m *Model) unseen() error {
	if m.Whitening != nil || m.Normalisation != nil { // set later
		return nil
	}
	return m.missing
}

// Preprocessing returns the preprocessing of images that the metadata of a file of weights
// describe, as text to compare and to show. It is empty if they describe none.
func Preprocessing(meta map[string]string) string {
	how, hash := meta[normalisationKey], meta[whiteningKey]
	return strings.TrimSpace(how + " " + hash[:min(len(hash), 16)])
}

// LikeInit returns the settings with the whitening or the normalisation that the file of Init
// records for its images, and that whitening or nil. Frozen layers learned from images like these.
// A file that does not record its preprocessing, such as PyTorch's, changes nothing.
func (s Settings) LikeInit() (Settings, *data.Whitening, error) {
	_, meta, w, err := ReadWeights(s.Init)
	if err != nil {
		return s, nil, SettingError{Setting: "Init", Problem: s.Init, Err: err}
	}
	switch how := meta[normalisationKey]; how {
	case "":
		return s, nil, nil
	case whitened:
		s.Whiten, s.Normalise = true, ""
		if w == nil {
			w, err = WhiteningBeside(s.Init, meta[whiteningKey])
		}
		return s, w, err
	default:
		if how == Unit {
			how = "" // the same, as most recipes have it
		}
		s.Whiten, s.Normalise = false, how
		return s, nil, nil
	}
}

// WhiteningBeside reads the whitening of the weights at path, and refuses one with another hash.
func WhiteningBeside(path, hash string) (*data.Whitening, error) {
	w, err := whiteningBeside(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: the network was trained on whitened images; put the %s of its run beside it", path,
			WhiteningFile)
	case err == nil && w.Hash() != hash:
		return nil, fmt.Errorf("%s: the %s there is not the one that the network was trained with", path, WhiteningFile)
	}
	return w, err
}

// whiteningBeside reads the whitening of the weights at path.
func whiteningBeside(path string) (*data.Whitening, error) {
	dir := filepath.Dir(path)
	w, err := data.ReadWhitening(filepath.Join(dir, WhiteningFile))
	if errors.Is(err, fs.ErrNotExist) {
		w, err = data.ReadWhitening(filepath.Join(dir, "..", WhiteningFile))
	}
	return w, err
}
