package gpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An adapter's ID chooses only this adapter, even if another has the same name or a name that
// contains it. A name chooses the first adapter with that name, before adapters whose names contain
// it.
func TestChoose(t *testing.T) {
	all := []Adapter{
		{Name: "Card Pro", Class: Discrete, Backend: "vulkan"},
		{Name: "Card", Class: Discrete, Backend: "vulkan"},
		{Name: "Twin", Class: Discrete, Backend: "vulkan"},
		{Name: "Twin", Class: Discrete, Backend: "d3d12"},
		{Name: "Pipe", Class: Software, Backend: "vulkan"},
		{Name: "Twin", Class: Software, Backend: "d3d12"},
	}
	refs := make([]*Adapter, len(all))
	for i := range all {
		refs[i] = &all[i]
	}
	number(refs)
	var ids []string
	for i, a := range all {
		ids = append(ids, a.ID())
		got, err := choose(all, a.ID())
		require.NoError(t, err)
		assert.Equal(t, i, got, a.ID())
	}
	assert.Equal(t, []string{"Card Pro", "Card", "Twin#1", "Twin#2", "Pipe", "Twin#3"}, ids)
	for want, i := range map[string]int{
		"": 0, "auto": 0, "GPU": 0, "cpu": 4, "card": 1, "pro": 0, "twin": 2, "TWIN#2": 3, "win": 2, "d3d12": 3,
		"vulkan": 0, "ip": 4,
	} {
		got, err := choose(all, want)
		require.NoError(t, err, want)
		assert.Equal(t, i, got, want)
	}
	for _, want := range []string{"Twin#4", "Card#1", "metal"} {
		_, err := choose(all, want)
		require.ErrorIs(t, err, ErrNoAdapter)
		assert.ErrorContains(t, err, "the adapters are: Card Pro, Card, Twin#1, Twin#2, Pipe, Twin#3")
	}
	_, err := choose(all[4:], "gpu")
	assert.ErrorIs(t, err, ErrNoAdapter, "software is not a GPU")
}
