package data

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// extensions lists the extensions of pictures in lower case.
var extensions = []string{".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}

// Names of the folders of a split, in lower case. The first one that exists is used.
var (
	trainNames = []string{"train", "training"}
	testNames  = []string{"test", "testing", "val", "valid", "validation"}
)

// picture is a picture file in a folder.
type picture struct {
	path  string
	label int
	h, w  int
	grey  bool    // according to its header
	seen  []uint8 // [C,H,W] as it will be in Images; C is 1 for a grey image

	damaged string // describes the damage of a file that could be read
	err     error  // why it cannot be read
}

// listing is the content of a folder of pictures.
type listing struct {
	root    string
	skipBad bool
	split   bool // there are folders for training and test
	classes []string
	train   []picture      // sorted by class and path; all pictures if there is no split
	test    []picture      // only with a split
	unused  map[string]int // numbers of unused files and folders, by kind
	asked   []fs.FileInfo  // folders being walked, from the outermost
}

// passedOver reports whether a file or folder is ignored: it is hidden, or was made by a system
// beside the pictures.
func passedOver(name string) bool {
	return strings.HasPrefix(name, ".") || name == "__MACOSX" || name == "@eaDir"
}

// kind returns the name under which unused files are counted.
func kind(name string) string {
	if passedOver(name) {
		return "hidden"
	}
	if ext := strings.ToLower(filepath.Ext(name)); ext != "" && utf8.ValidString(ext) {
		return ext
	}
	return "without an extension"
}

func isPicture(name string) bool {
	return slices.Contains(extensions, strings.ToLower(filepath.Ext(name)))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// readTree lists the pictures of a folder. With OnlyTest, it does not list the training pictures of
// a split.
func readTree(opt LoadOptions) (*listing, error) {
	t := &listing{root: opt.Dir, skipBad: opt.SkipBad, unused: map[string]int{}}
	trainDir, testDir, err := t.findSplit()
	if err != nil {
		return nil, err
	}
	if t.classes, err = t.folders(trainDir); err != nil {
		return nil, err
	}
	if n := len(t.classes); n < 2 || n > MaxClasses {
		return nil,
			fmt.Errorf("%s has %d folders; want one for each of 2 to %d classes, or train and test (or val, valid) that hold them",
				trainDir, n, MaxClasses)
	}
	if !opt.OnlyTest || !t.split {
		if t.train, err = t.list(trainDir, t.classes); err != nil {
			return nil, err
		}
	}
	if !t.split {
		return t, nil
	}
	names, err := t.folders(testDir)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no folder of a class", testDir)
	}
	t.test, err = t.list(testDir, names)
	return t, err
}

// findSplit returns the folders of the classes for training and for the test. The latter is "" if
// there is no split.
func (t *listing) findSplit() (train, test string, err error) {
	entries, err := os.ReadDir(t.root)
	if err != nil {
		return "", "", err
	}
	find := func(names []string) string {
		for _, want := range names {
			for _, e := range entries {
				if path := filepath.Join(t.root, e.Name()); strings.EqualFold(e.Name(), want) && isDir(path) {
					return path
				}
			}
		}
		return ""
	}
	train, test = find(trainNames), find(testNames)
	if train != "" && test != "" {
		t.split = true
		for _, e := range entries {
			switch path := filepath.Join(t.root, e.Name()); {
			case path == train || path == test:
			case !passedOver(e.Name()) && isDir(path):
				t.unused["the folder "+e.Name()]++
			default:
				t.unused[kind(e.Name())]++
			}
		}
		return train, test, nil
	}
	// A class may be called train, but then it contains pictures.
	for _, dir := range []string{train, test} {
		if dir != "" && holdsFolders(dir) {
			return "", "",
				fmt.Errorf("%s holds folders, but there is no %s; want both train and test (or val, valid), or a folder for each class",
					dir, filepath.Join(t.root, map[bool]string{true: "test, val or valid",
						false: "train"}[dir == train]))
		}
	}
	return t.root, "", nil
}

// holdsFolders reports whether dir contains folders and no pictures.
func holdsFolders(dir string) bool {
	entries, _ := os.ReadDir(dir)
	folders := false
	for _, e := range entries {
		if isPicture(e.Name()) {
			return false
		}
		folders = folders || !passedOver(e.Name()) && isDir(filepath.Join(dir, e.Name()))
	}
	return folders
}

// folders returns the sorted names of the class folders in dir. Links to folders count too.
func (t *listing) folders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		switch {
		case passedOver(e.Name()):
			t.unused["hidden"]++
		case err != nil && t.skipBad:
			t.unused["links that lead nowhere"]++
		case err != nil:
			return nil, missing(path, err)
		case !info.IsDir() && isPicture(e.Name()):
			t.unused[kind(e.Name())+" outside the folders of the classes"]++
		case !info.IsDir():
			t.unused[kind(e.Name())]++
		case !utf8.ValidString(e.Name()):
			return nil, fmt.Errorf("%q: the name of the class is not UTF-8; rename the folder", path)
		default:
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// missing returns an error that says where a broken link leads. It returns other errors unchanged.
func missing(path string, err error) error {
	if to, linkErr := os.Readlink(path); linkErr == nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: a link to %s, which does not exist", path, to)
	}
	return err
}

// list returns the pictures in the named folders of dir, and in their sub-folders, sorted by class
// and path.
func (t *listing) list(dir string, names []string) ([]picture, error) {
	for _, above := range []string{t.root, dir} { // a link to these would add the pictures of other classes
		info, err := os.Stat(above)
		if err != nil {
			return nil, err
		}
		t.asked = append(t.asked, info)
	}
	defer func() { t.asked = nil }()
	var all []picture
	for _, name := range names {
		label, ok := slices.BinarySearch(t.classes, name)
		if !ok {
			return nil,
				fmt.Errorf("%s is not a class of the training images, which are %s; want the pictures in folders of these names", filepath.Join(dir, name), someOf(t.classes, ", "))
		}
		before, unused := len(all), maps.Clone(t.unused)
		if err := t.walk(filepath.Join(dir, name), label, &all); err != nil {
			return nil, err
		}
		if len(all) == before {
			for kind, n := range unused { // not of this class
				t.unused[kind] -= n
			}
			has := ""
			if line := t.unusedLine(); line != "" {
				has = ", but " + line
			}
			return nil, fmt.Errorf("%s has no picture (%s)%s; want a folder of pictures for each class",
				filepath.Join(dir, name), someOf(extensions, ", "), has)
		}
	}
	return all, nil
}

// walk adds the pictures in dir and its sub-folders to all, sorted by name.
func (t *listing) walk(dir string, label int, all *[]picture) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(t.asked, func(above fs.FileInfo) bool { return os.SameFile(above, info) }) {
		t.unused["links to a folder that they are in"]++
		return nil
	}
	t.asked = append(t.asked, info)
	defer func() { t.asked = t.asked[:len(t.asked)-1] }()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path, mode := filepath.Join(dir, e.Name()), e.Type()
		if passedOver(e.Name()) {
			t.unused["hidden"]++
			continue
		}
		var problem error
		if mode&fs.ModeSymlink != 0 {
			info, err := os.Stat(path)
			if err == nil {
				mode = info.Mode()
			}
			problem = err
		}
		switch {
		case problem == nil && mode.IsDir():
			if err := t.walk(path, label, all); err != nil {
				return err
			}
		case problem != nil || isPicture(e.Name()):
			p := picture{path: path, label: label}
			if problem != nil {
				p.err = errors.New(strings.TrimPrefix(missing(path, problem).Error(), path+": "))
			} else if !mode.IsRegular() {
				p.err = errors.New("not a regular file")
			}
			*all = append(*all, p)
		default:
			t.unused[kind(e.Name())]++
		}
	}
	return nil
}

// unusedLine lists the numbers of unused files by kind, such as "3 .txt, 1 hidden".
func (t *listing) unusedLine() string {
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(t.unused)) {
		if n := t.unused[kind]; n > 0 && strings.HasPrefix(kind, "the folder ") {
			kinds = append(kinds, kind)
		} else if n > 0 {
			kinds = append(kinds, fmt.Sprintf("%d %s", n, kind))
		}
	}
	return someOf(kinds, ", ")
}

// shown is the maximum number of items that a line names.
const shown = 5

// someOf joins the first few items and says how many more there are.
func someOf(all []string, between string) string {
	if len(all) <= shown {
		return strings.Join(all, between)
	}
	return fmt.Sprintf("%s%sand %d more", strings.Join(all[:shown], between), between, len(all)-shown)
}

// looksLikeFolder reports whether dir contains folders of pictures.
func looksLikeFolder(dir string) bool {
	const enough = 10000 // files to look at
	n, found := 0, false
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if n++; n > enough {
			return fs.SkipAll
		}
		if err == nil && !e.IsDir() && isPicture(e.Name()) && filepath.Dir(path) != filepath.Clean(dir) {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}
