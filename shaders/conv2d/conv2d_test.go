package conv2d

import (
	"testing"

	"wgnin/gpu/gputest"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) {
	checktest.Run(t, Cases(gputest.Device(t).Adapter().Class))
}
