// Package clitest gives the flags of commands values that nobody should.
package clitest

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/cmd/internal/cli"
)

var absurd = []string{
	"", " ", "0", "-1", "1000000000", "9223372036854775807", "18446744073709551616", "1e400", "NaN", "-Inf", "-1s",
	"1,1,65536,65536", "99999x99999",
	"nonsense", "/nowhere/x.png", "%s\n%d", strings.Repeat("9", 300),
}

var flagLine = regexp.MustCompile(`(?m)^  -(\S+)`)

// Absurd runs a command, which is called by its name and run in this process, with
// each of its flags, as its help lists them, at each of the absurd values, after
// the arguments base: these should make it end soon, if the flag does not. It ends
// with code 0, 1 or 2 and says why in one line; no file is left behind.
func Absurd(t *testing.T, name, help string, run func(args []string) error, base ...string) {
	t.Chdir(t.TempDir())
	flags := flagLine.FindAllStringSubmatch(help, -1)
	require.NotEmpty(t, flags)
	for _, f := range flags {
		if f[1] == "adapter" { // parts of a name that there is begin the work
			continue
		}
		for _, value := range absurd {
			arg := "-" + f[1] + "=" + value
			var stderr strings.Builder
			code := cli.Report(&stderr, name, run(append(base[:len(base):len(base)], arg)))
			line := stderr.String()
			assert.Contains(t, []int{0, 1, 2}, code, arg)
			if code == 0 {
				assert.Empty(t, line, arg)
			} else {
				assert.Regexp(t, `^`+name+`: [^\n]+\n$`, line, arg)
			}
		}
	}
	left, err := os.ReadDir(".")
	require.NoError(t, err)
	assert.Empty(t, left)
}
