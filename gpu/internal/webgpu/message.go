//go:build !js

package webgpu

import (
	"regexp"
	"slices"
	"strings"
)

// check converts an error of the binding, which is only text, to a typed error. wgpu-core uses the
// same words for a lost device and for exhausted memory in all calls (DeviceError in
// wgpu-core/src/device/mod.rs).
func check(err error) error {
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "Not enough memory left"):
		return ErrOutOfMemory
	case strings.Contains(err.Error(), "Parent device is lost"):
		return ErrLost
	}
	return &Error{oneLine(err.Error())}
}

// wgpu-native surrounds a message with the binding's call and wgpu's own call with the object's
// label. For WGSL it adds the label again, the framed source line, and the message again.
var (
	frame  = regexp.MustCompile(`^(wgpu\.\(|Validation Error$|Caused by:|In wgpu|note: |[0-9]* *│)`)
	place  = regexp.MustCompile(`^┌─ wgsl:([0-9]+):([0-9]+)$`)
	shader = regexp.MustCompile(`^Shader '[^']*' (.*)$`)
)

// oneLine returns the informative part of wgpu's message, on one line.
func oneLine(text string) string {
	var parts []string
	for line := range strings.Lines(text) {
		line = shader.ReplaceAllString(strings.TrimSpace(line), "WGSL $1")
		line = place.ReplaceAllString(line, "at line $1, column $2")
		repeats := func(part string) bool { return strings.HasSuffix(part, line) }
		if line != "" && !frame.MatchString(line) && !slices.ContainsFunc(parts, repeats) {
			parts = append(parts, line)
		}
	}
	if len(parts) == 0 {
		return strings.Join(strings.Fields(text), " ")
	}
	return strings.Join(parts, ": ")
}
