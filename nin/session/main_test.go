package session_test

import (
	"testing"

	"wgnin/gpu/gputest"
)

func TestMain(m *testing.M) { gputest.Examples(m) }
