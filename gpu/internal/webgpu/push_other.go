//go:build !js && !(linux && amd64)

package webgpu

import "github.com/rajveermalviya/go-webgpu/wgpu"

// canPush reports false: compute passes have no push constants in this library.
func canPush() bool { return false }

type pusher struct{}

func (*pusher) constants(*wgpu.ComputePassEncoder, []uint32) {}
