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

// extensions are those of the files that count as pictures, in small letters.
var extensions = []string{".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}

// Names of the folders of a split, in small letters. The first one that is there is taken.
var (
	trainNames = []string{"train", "training"}
	testNames  = []string{"test", "testing", "val", "valid", "validation"}
)

// picture is a file of a folder.
type picture struct {
	path  string
	label int
	h, w  int
	grey  bool    // in its header
	seen  []uint8 // [C,H,W] as it will be in Images, but C is 1 for an image that is grey

	damaged string // what is wrong with the file, although it can be read
	err     error  // why it cannot be read
}

// listing is what is in a folder of pictures.
type listing struct {
	root    string
	skipBad bool
	split   bool // there are folders for training and for the test
	classes []string
	train   []picture      // sorted by class and path; without a split these are all
	test    []picture      // of a split
	unused  map[string]int // numbers of files and folders that are not used, by what they are
	asked   []fs.FileInfo  // the folders that are being walked, each in the one before
}

// passedOver reports whether a file or folder is none of the user's own pictures: hidden, or
// made by a system beside them.
func passedOver(name string) bool {
	return strings.HasPrefix(name, ".") || name == "__MACOSX" || name == "@eaDir"
}

// kind is what the line about unused files calls a file.
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

// readTree lists the pictures of a folder, and no training pictures of a split if only the test is
// wanted.
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

// findSplit gives the folder with the classes for training, and that for the test, which
// is "" if there is no split.
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
	// A class may be called train, but then it has pictures.
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

// holdsFolders reports whether dir has folders and no pictures.
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

// folders are the names of the folders of classes in dir, or of links to folders, sorted.
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

// missing says where a link leads that leads nowhere.
func missing(path string, err error) error {
	if to, linkErr := os.Readlink(path); linkErr == nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: a link to %s, which is not there", path, to)
	}
	return err
}

// list gives the pictures in the named folders of dir, and in the folders in them, sorted by class
// and path.
func (t *listing) list(dir string, names []string) ([]picture, error) {
	for _, above := range []string{t.root, dir} { // a link to these would bring the pictures of other classes
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
				fmt.Errorf("%s is no class of the training images, which are %s; want the pictures in folders of these names", filepath.Join(dir, name), someOf(t.classes, ", "))
		}
		before, unused := len(all), maps.Clone(t.unused)
		if err := t.walk(filepath.Join(dir, name), label, &all); err != nil {
			return nil, err
		}
		if len(all) == before {
			for kind, n := range unused { // of other classes
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

// walk adds the pictures in dir and in its folders to all, by name.
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

// unusedLine counts what is not used: 3 .txt, 1 hidden.
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

// shown is how many of many things a line names.
const shown = 5

// someOf joins the first few of many, and says how many more there are.
func someOf(all []string, between string) string {
	if len(all) <= shown {
		return strings.Join(all, between)
	}
	return fmt.Sprintf("%s%sand %d more", strings.Join(all[:shown], between), between, len(all)-shown)
}

// looksLikeFolder reports whether dir has folders of pictures.
func looksLikeFolder(dir string) bool {
	const enough = 10000 // files looked at
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
