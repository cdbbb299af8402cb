package nn

import "errors"

func (g *Graph) accumulate(s sum) { g.Fail(errors.New("TODO")) }

func (g *Graph) copy(from *Tensor, to view) { g.Fail(errors.New("TODO")) }
