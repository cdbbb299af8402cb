// Package docs has only tests, which check the repository's documents against the code. Every link,
// path, command, flag and name in a document must exist, and its code must be in a file that is
// compiled.
package docs

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../../.."

// document is a Markdown file, or the comment of a package.
type document struct {
	path   string // relative to root
	text   string // without the code blocks
	blocks []block
	spans  []string // text between backquotes, or each word of a comment
}

// block is fenced code, or the indented code of a comment.
type block struct {
	language string
	lines    []string
}

var (
	span    = regexp.MustCompile("`([^`]+)`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// files returns the files of the repository with one of these extensions, as paths relative to
// root. It skips hidden folders, the results of runs, and what npm installs.
func files(t *testing.T, endings ...string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := e.Name(); e.IsDir() && path != root &&
			(strings.HasPrefix(name, ".") || name == "node_modules" || name == "runs") {
			return filepath.SkipDir
		}
		if slices.Contains(endings, filepath.Ext(path)) {
			rel, err := filepath.Rel(root, path)
			paths = append(paths, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	return paths
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(text)
}

func documents(t *testing.T) (all []document) {
	t.Helper()
	for _, path := range files(t, ".md") {
		d := document{path: path}
		var prose strings.Builder
		var open *block
		for line := range strings.Lines(read(t, path)) {
			language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
			switch {
			case fence && open == nil:
				open = &block{language: language}
			case fence:
				d.blocks = append(d.blocks, *open)
				open = nil
			case open != nil:
				open.lines = append(open.lines, strings.TrimSpace(line))
			default:
				prose.WriteString(line)
			}
		}
		require.Nil(t, open, "%s: a code block is not closed", path)
		d.text = prose.String()
		for _, m := range span.FindAllStringSubmatch(d.text, -1) {
			d.spans = append(d.spans, strings.ReplaceAll(strings.Join(strings.Fields(m[1]), " "), `\|`, "|"))
		}
		all = append(all, d)
	}
	return append(all, overviews(t)...)
}

// overviews returns the package comments.
func overviews(t *testing.T) (all []document) {
	t.Helper()
	for _, path := range files(t, ".go") {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil,
			parser.PackageClauseOnly|parser.ParseComments)
		require.NoError(t, err)
		d := document{path: path}
		var prose comment.Doc
		for _, part := range new(comment.Parser).Parse(f.Doc.Text()).Content {
			code, ok := part.(*comment.Code)
			if !ok {
				prose.Content = append(prose.Content, part)
				continue
			}
			var b block
			for line := range strings.Lines(code.Text) {
				b.lines = append(b.lines, strings.TrimSpace(line))
			}
			b.language = languageOf(b.lines)
			d.blocks = append(d.blocks, b)
		}
		d.text = string(new(comment.Printer).Text(&prose))
		for _, word := range strings.Fields(d.text) {
			d.spans = append(d.spans, strings.Trim(word, "[](),.:;"))
		}
		all = append(all, d)
	}
	return all
}

var call = regexp.MustCompile(`\w\.[A-Z]\w*[({]`)

// languageOf returns the language of the code in a comment: Go if it uses an exported name, and
// text if it is neither Go nor commands.
func languageOf(lines []string) string {
	switch {
	case command.MatchString(lines[0]):
		return "sh"
	case slices.ContainsFunc(lines, call.MatchString):
		return "go"
	}
	return "text"
}

func TestReadmeIsShort(t *testing.T) {
	assert.LessOrEqual(t, strings.Count(read(t, "README.md"), "\n"), 150, "lines of README.md")
}

// slug returns the anchor that a repository host gives a heading.
func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			return r
		}
		return -1
	}, strings.ToLower(heading))
}

func TestLinks(t *testing.T) {
	for _, d := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(d.text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := d.path
			if target != "" {
				path = filepath.Join(filepath.Dir(d.path), target)
			}
			if _, err := os.Stat(filepath.Join(root, path)); !assert.NoError(t, err, "%s links to %s", d.path, m[1]) ||
				anchor == "" {
				continue
			}
			var slugs []string
			for _, h := range heading.FindAllStringSubmatch(read(t, path), -1) {
				slugs = append(slugs, slug(h[1]))
			}
			assert.Contains(t, slugs, anchor, "%s links to %s", d.path, m[1])
		}
	}
}

// trimmed joins lines without their indentation.
func trimmed(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.TrimSpace(l) + "\n")
	}
	return b.String()
}

// Code in a document appears verbatim in a file that is compiled, and the lines of a plan appear in
// a golden file.
func TestCode(t *testing.T) {
	programs := examples(t)
	sources := map[string][]string{}
	for _, path := range files(t, ".go", ".wgsl") {
		text := trimmed(strings.Split(read(t, path), "\n"))
		language := filepath.Ext(path)[1:]
		sources[language] = append(sources[language], text)
	}
	var plans []string
	for _, path := range files(t, ".txt") {
		if filepath.Dir(path) == "nin/testdata/plans" {
			plans = append(plans, strings.Split(read(t, path), "\n")...)
		}
	}
	for _, d := range documents(t) {
		for _, b := range d.blocks {
			switch b.language {
			case "go", "wgsl":
				code := trimmed(b.lines)
				if strings.HasPrefix(code, "package main\n") { // a whole program must be an example and compile alone
					assert.True(t, slices.Contains(programs, code), "%s: no example is this program:\n%s", d.path, code)
					assert.NoError(t, vet(t, code), d.path)
					continue
				}
				code = strings.TrimSpace(code) // it may end in the middle of a line
				found := slices.ContainsFunc(sources[b.language], func(text string) bool {
					return strings.Contains(text, code)
				})
				assert.True(t, found, "%s: no file has this code:\n%s", d.path, code)
			case "plan":
				for _, line := range b.lines {
					assert.True(t, slices.Contains(plans, line), "%s: no plan has the line %s", d.path, line)
				}
			case "sh", "text", "python", "yaml":
			default:
				t.Errorf("%s: a code block of the language %q; want go, wgsl, plan, sh, text, python or yaml",
					d.path, b.language)
			}
		}
	}
}

// examples returns the examples of the tests as whole programs, as Go's package pages show them: in
// package main, with the example as func main.
func examples(t *testing.T) (programs []string) {
	t.Helper()
	for _, path := range files(t, ".go") {
		if !strings.HasSuffix(path, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join(root, path), nil, parser.ParseComments)
		require.NoError(t, err)
		for _, e := range doc.Examples(f) {
			if e.Play != nil {
				var b strings.Builder
				require.NoError(t, format.Node(&b, fset, e.Play))
				programs = append(programs, trimmed(strings.Split(strings.TrimSpace(b.String()), "\n")))
			}
		}
	}
	require.NotEmpty(t, programs)
	return programs
}

// vet type-checks a program.
func vet(t *testing.T, program string) error {
	file := filepath.Join(t.TempDir(), "main.go")
	require.NoError(t, os.WriteFile(file, []byte(program), 0o600))
	cmd := exec.Command("go", "vet", file)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// words splits a command line as a shell does, up to a comment.
func words(line string) (all []string) {
	var word strings.Builder
	var quote rune
	begun := false
	end := func() {
		if begun {
			all = append(all, word.String())
		}
		word.Reset()
		begun = false
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, begun = r, true
		case r == ' ':
			end()
		case r == '#' && !begun:
			return all
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	end()
	return all
}

var assignment = regexp.MustCompile(`^[A-Z_]+=`)

// bare returns a command without what precedes it: environment variables, the set-up script, and
// launchers such as mpirun.
func bare(command []string) []string {
	for len(command) > 0 {
		first := command[0]
		switch {
		case assignment.MatchString(first), first == "./cmd/setup.sh":
			command = command[1:]
		case first == "mpirun", first == "srun":
			i := slices.Index(command, "./train")
			if i < 0 {
				return command
			}
			command = command[i:]
		default:
			return command
		}
	}
	return nil
}

// commands are the programs of the repository, built once.
type commands struct{ dir string }

func build(t *testing.T) commands {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "../../train", "../../nin",
		"../../viz", "../../web").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return commands{dir}
}

// help runs a program with the arguments and -help, and returns its output. It returns an error if
// the arguments do not parse.
func (c commands) help(name string, args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(c.dir, name), append(slices.Clone(args), "-help")...)
	cmd.Dir = c.dir
	out, err := cmd.CombinedOutput()
	if err == nil && !strings.Contains(string(out), "Usage: ") {
		err = fmt.Errorf("it prints no usage text")
	}
	return string(out), err
}

// check returns an error if a command in a document is wrong.
func (c commands) check(command []string) error {
	switch {
	case len(command) > 2 && command[0] == "go" && command[1] == "run":
		name, ok := strings.CutPrefix(command[2], "./cmd/")
		if !ok {
			return fmt.Errorf("it runs %s; want a program in ./cmd", command[2])
		}
		return c.parses(name, command[3:])
	case command[0] == "./train":
		return c.parses("train", command[1:])
	case len(command) > 1 && command[0] == "go" && slices.Contains([]string{"build", "test", "vet"}, command[1]):
		return testsExist(command[2:])
	case len(command) > 1 && command[0] == "go" && command[1] == "doc":
		doc := exec.Command("go", command[1:]...)
		doc.Dir = root
		if out, err := doc.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	case len(command) > 1 && command[0] == "go" && command[1] == "mod",
		slices.Contains([]string{"git", "npm", "tensorboard", "apt-get"}, command[0]):
		return nil // another program
	case len(command) > 1 && command[0] == "python3":
		script, err := os.ReadFile(filepath.Join(root, command[1]))
		for _, a := range command[2:] {
			if strings.HasPrefix(a, "--") && err == nil && !strings.Contains(string(script), strconv.Quote(a)) {
				err = fmt.Errorf("%s has no flag %s", command[1], a)
			}
		}
		return err
	}
	info, err := os.Stat(filepath.Join(root, command[0]))
	if err == nil && info.Mode()&0o100 == 0 {
		err = fmt.Errorf("%s cannot be executed", command[0])
	}
	return err
}

func (c commands) parses(name string, args []string) error {
	args = slices.Clone(args)
	for i, a := range args {
		if a == "NAME" { // stands for the name of a recipe
			args[i] = "mini"
		}
	}
	out, err := c.help(name, args...)
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

var testName = regexp.MustCompile(`(?m)^func (?:Test|Example|Fuzz|Benchmark)(\w*)\(`)

// testsExist checks the arguments of go test. It returns an error if a package does not exist, or
// if an alternative of -run or -bench matches no test in the packages.
func testsExist(args []string) error {
	var tests strings.Builder
	for _, a := range args {
		if !strings.HasPrefix(a, "./") {
			continue
		}
		dir, all := strings.CutSuffix(a, "/...")
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if e.IsDir() && !all && path != filepath.Join(root, dir) {
				return filepath.SkipDir
			}
			if strings.HasSuffix(path, "_test.go") {
				text, err := os.ReadFile(path)
				for _, m := range testName.FindAllSubmatch(text, -1) {
					fmt.Fprintf(&tests, "%s\n", m[0])
				}
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for i, a := range args {
		if a != "-run" && a != "-bench" || i+1 == len(args) || args[i+1] == "^$" { // "^$" runs no test
			continue
		}
		for part := range strings.SplitSeq(args[i+1], "|") {
			re, err := regexp.Compile(part)
			if err != nil {
				return err
			}
			if !re.MatchString(tests.String()) {
				return fmt.Errorf("no test has %s in its name", part)
			}
		}
	}
	return nil
}

var command = regexp.MustCompile(`^((NIN|CC|REQUIRE)\w*=\S+ )?(go (run|test|doc|build|vet) |\./[a-z]|mpirun |\.ci/)`)

func TestPrograms(t *testing.T) {
	programs := build(t)
	t.Run("Commands", func(t *testing.T) { testCommands(t, programs) })
	t.Run("Names", func(t *testing.T) { testNames(t, programs) })
}

func testCommands(t *testing.T, programs commands) {
	seen := map[string]bool{}
	for _, d := range documents(t) {
		var lines []string
		for _, b := range d.blocks {
			if b.language == "sh" {
				lines = append(lines, b.lines...)
			}
		}
		for _, s := range d.spans {
			if command.MatchString(s) {
				lines = append(lines, s)
			}
		}
		for _, line := range lines {
			c := bare(words(line))
			if len(c) == 0 || seen[line] {
				continue
			}
			seen[line] = true
			assert.NoError(t, programs.check(c), "%s: %s", d.path, line)
		}
	}
	assert.Greater(t, len(seen), 50)
}

var (
	flagSpan  = regexp.MustCompile(`^-([a-z][a-z-]*)`)
	flagLine  = regexp.MustCompile(`(?m)^  -(\S+)`)
	subLine   = regexp.MustCompile(`(?m)^  ([a-z]+)  `)
	variable  = regexp.MustCompile(`\b(?:NIN|REQUIRE)_[A-Z_]+\b`)
	path      = regexp.MustCompile(`^[\w.-]*(/[\w.-]+)+\.(go|py|wgsl|sh|txt|md|yml|png)$`)
	qualified = regexp.MustCompile(`^\w+(\.[A-Z]\w*)+`)
)

// The names between backquotes in a document exist: flags of a program, files, environment
// variables, and exported names.
func testNames(t *testing.T, programs commands) {
	flags := map[string]bool{"help": true, "update": true, "run": true} // the last two are go test's
	help := func(args ...string) string {
		text, err := programs.help(args[0], args[1:]...)
		require.NoError(t, err, args)
		for _, m := range flagLine.FindAllStringSubmatch(text, -1) {
			flags[m[1]] = true
		}
		return text
	}
	help("train")
	help("viz")
	help("web")
	for _, m := range subLine.FindAllStringSubmatch(help("nin"), -1) {
		if m[1] != "help" {
			help("nin", m[1])
		}
	}
	var code strings.Builder
	for _, path := range append(files(t, ".go", ".sh"), ".ci/run", ".ci/windows") {
		code.WriteString(read(t, path))
	}
	names, before := exported(t)
	for _, d := range documents(t) {
		for _, name := range variable.FindAllString(d.text, -1) {
			assert.True(t, strings.Contains(code.String(), name), "%s: nothing reads %s", d.path, name)
		}
		for _, s := range d.spans {
			if m := flagSpan.FindStringSubmatch(s); m != nil {
				assert.True(t, flags[m[1]], "%s: no program has the flag %s", d.path, s)
			}
			if path.MatchString(s) && !strings.Contains(s, "runs/") && !strings.Contains(s, "DIR/") {
				_, here := os.Stat(filepath.Join(root, filepath.Dir(d.path), s))
				_, top := os.Stat(filepath.Join(root, s))
				assert.True(t, here == nil || top == nil, "%s: there is no %s", d.path, s)
			}
			if m := qualified.FindString(s); m != "" && before[strings.Split(m, ".")[0]] {
				assert.True(t, names[m], "%s: there is no %s", d.path, m)
			}
		}
	}
}

// exported returns the names that documents may use: nn.Trainer, nn.Trainer.Steps and
// Trainer.Steps. before holds the packages and types that may precede the first dot. g stands for a
// Graph, as in the code of layers.
func exported(t *testing.T) (names, before map[string]bool) {
	t.Helper()
	names, before = map[string]bool{}, map[string]bool{"g": true}
	for _, dir := range []string{"gpu", "gpu/internal/webgpu", "shaders", "shaders/check", "shaders/checktest", "nn",
		"nn/data", "nn/data/download", "nin", "nin/netviz", "nin/report", "nin/run", "nin/session", "nin/study", "viz",
		"viz/window"} {
		pkg := filepath.Base(dir)
		before[pkg] = true
		paths, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		require.NoError(t, err)
		for _, path := range paths {
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, decl := range f.Decls {
				for _, name := range declared(decl) {
					names[pkg+"."+name] = true
					if of, member, ok := strings.Cut(name, "."); ok {
						names[name], before[of] = true, true
						if of == "Graph" {
							names["g."+member] = true
						}
					}
				}
			}
		}
	}
	return names, before
}

// declared returns the names in a declaration, with methods and fields as Type.Name.
func declared(decl ast.Decl) (names []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			name = receiver(d.Recv.List[0].Type) + "." + name
		}
		return []string{name}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.ValueSpec:
				for _, n := range s.Names {
					names = append(names, n.Name)
				}
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
				if st, ok := s.Type.(*ast.StructType); ok {
					for _, field := range st.Fields.List {
						for _, n := range field.Names {
							names = append(names, s.Name.Name+"."+n.Name)
						}
					}
				}
			}
		}
	}
	return names
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
