package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nin/report"
)

// With -deep, every layer has a line, with the same numbers as in cost.
func TestSummaryDeep(t *testing.T) {
	code, out, stderr := runNin("summary", "-recipe", "mini", "-deep")
	require.Zero(t, code, stderr)
	assert.Contains(t, out,
		"\n2 Sequential                    [1,64,13,13]  26816       4.50\n  2.0 conv 64 3 stride 1 pad 1  [1,64,13,13]  18496       3.12\n")
	var cost report.Cost
	_, text, _ := runNin("cost", "-recipe", "mini", "-adapter", "webgpu", "-json")
	require.NoError(t, json.Unmarshal([]byte(text), &cost))
	lines := map[string][]string{}
	blocks := 0
	for _, line := range strings.Split(out, "\n")[3:] {
		if words := strings.Fields(line); len(words) > 2 {
			lines[words[0]] = words[len(words)-2:]
			if !strings.HasPrefix(line, " ") && words[1] != "parameters," {
				n, err := strconv.Atoi(words[len(words)-2])
				require.NoError(t, err, line)
				blocks += n
			}
		}
	}
	assert.Equal(t, cost.Parameters, blocks)
	n := 0
	for _, l := range cost.Layers {
		if words, ok := lines[l.Path]; ok {
			n++
			assert.Equal(t, []string{fmt.Sprint(l.Parameters), fmt.Sprintf("%.2f", float64(l.MACs)/1e6)}, words, l.Path)
		}
	}
	assert.Equal(t, len(cost.Layers)-2, n, "all but input and loss")
}

// For a network that does not fit, the layers that fit are printed, and then the layer that does
// not.
func TestSummaryOfMisfit(t *testing.T) {
	for _, c := range []struct {
		args       []string
		code       int
		out, error string
	}{
		{
			[]string{"-net", "conv 8 3; relu; residual (conv 8 3 pad 1; (relu; conv 4 40)); flatten; linear 10",
				"-input", "2,1,28,28"}, 1,
			"\n\nConv2D           output shape: [2,8,26,26]\nReLU             output shape: [2,8,26,26]\n",
			"nin: summary: layer 2.body.1.1 (conv 4 40) on [8,26,26]: kernel 40x40 does not fit the padded image of 26x26\n",
		},
		{
			[]string{"-deep", "-net", "conv 8 3; concat (conv 4 1) (maxpool 2); flatten", "-input", "1,1,28,28"}, 1,
			"0 conv 8 3       [1,8,26,26]   80          0.05\n1 Concat         does not fit  36          0.02\n" +
				"  1.0 conv 4 1   [1,4,26,26]   36          0.02\n  1.1 maxpool 2  [1,8,13,13]   0           0.00\n",
			"nin: summary: layer 1 (concat (conv 4 1) (maxpool 2)) on [8,26,26]: layer 1 makes [8,13,13] and layer 0 [4,26,26]; want images of one size\n",
		},
		{
			[]string{"-recipe", "d2l", "-input", "1,1,20,20"}, 1, "Sequential       output shape: [1,256,1,1]\n",
			"nin: summary: layer 3 (maxpool 3 stride 2) on [256,1,1]: kernel 3x3 does not fit the padded image of 1x1\n",
		},
		{[]string{"-input", "1,65536,65536,65536"}, 1, "", "want 1 to 65536 of each, and at most 1073741824 values\n"},
		{[]string{"-net", "conv x"}, 2, "", "-net is not a network: conv: out is \"x\"; want a whole number"},
		{[]string{"-net", "no.txt"}, 2, "", "there is no file no.txt"},
		{[]string{"-net", "relu", "-model", "m"}, 2, "", "-model with -net; want one of them\n"},
	} {
		code, out, stderr := runNin(append([]string{"summary"}, c.args...)...)
		assert.Equal(t, c.code, code, c.args)
		assert.Contains(t, out, c.out, c.args)
		assert.NotContains(t, out, "million", c.args)
		assert.Contains(t, stderr, c.error, c.args)
		assert.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
	}
}
