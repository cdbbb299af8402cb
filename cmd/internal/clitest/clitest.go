// Package clitest fuzzes the flags of commands with absurd values.
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

// Absurd runs a command in this process, once for each flag in its help and each absurd value. base
// holds the arguments before the flag, which should make the command end soon if the flag does not.
// The command must end with code 0, 1 or 2, print an error in one line, and leave no file behind.
func Absurd(t *testing.T, name, help string, run func(args []string) error, base ...string) {
	t.Chdir(t.TempDir())
	flags := flagLine.FindAllStringSubmatch(help, -1)
	require.NotEmpty(t, flags)
	for _, f := range flags {
		if f[1] == "adapter" { // a value may match part of a real name, which would start the work
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
