package webgpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Push constants bypass the API of the binding. They are written to memory whose layout is known
// only for this version.
func TestPushConstantsNeedTheKnownVersion(t *testing.T) {
	assert.True(t, canPush(), "go.mod has the known version")
	for file, want := range map[string]bool{
		"/home/me/go/pkg/mod/github.com/rajveermalviya/go-webgpu/wgpu@v0.17.1/enums.go":        true,
		"github.com/rajveermalviya/go-webgpu/wgpu@v0.17.1/enums.go":                            true, // -trimpath
		"/home/me/go/pkg/mod/github.com/rajveermalviya/go-webgpu/wgpu@v0.17.2/enums.go":        false,
		"/home/me/go/pkg/mod/github.com/rajveermalviya/go-webgpu/wgpu@v0.17.1-0.2023/enums.go": false,
		"/home/me/go/pkg/mod/github.com/else/go-webgpu/wgpu@v0.17.1/enums.go":                  false, // replaced
		"/home/me/fork/wgpu/enums.go":                                                                false,
		"/home/me/nin/vendor/github.com/rajveermalviya/go-webgpu/wgpu/enums.go":                      false,
		"/home/me/go/pkg/mod/example.org/xgithub.com/rajveermalviya/go-webgpu/wgpu@v0.17.1/enums.go": false,
	} {
		assert.Equal(t, want, knownSource(file), file)
	}
}
