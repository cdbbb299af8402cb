package prelu_test

import (
	"testing"

	"example.com/outside/prelu"
	"wgnin/shaders/checktest"
)

func TestConformance(t *testing.T) { checktest.Run(t, prelu.Cases()) }

func TestGradients(t *testing.T) { checktest.Gradients(t, prelu.Gradients()) }
