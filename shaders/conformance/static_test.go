package conformance

import (
	"testing"

	"wgnin/gpu/gputest"
	"wgnin/shaders/checktest"
)

func TestCompilersAccept(t *testing.T) {
	checktest.Compile(t, checktest.Texts(Cases(gputest.Device(t))))
}

func TestTranslates(t *testing.T) { checktest.Translate(t, Cases(gputest.Device(t))) }
