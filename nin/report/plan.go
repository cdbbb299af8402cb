package report

import (
	"context"
	"fmt"
	"io"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/session"
)

// WritePlan prints the dispatches of a training step of r on an adapter like dev's, one per line
// (see [gpu.Plan.String]). Like [PlanCost], it allocates nothing on dev, and it returns the same
// errors.
func WritePlan(w io.Writer, dev *gpu.Device, r nin.Recipe, batch int) error {
	whitening, train, test, err := unread(r, batch, "")
	if err != nil {
		return err
	}
	s := r.Settings()
	s.Batch, s.Whiten = batch, whitening != nil
	on, err := session.Training(context.Background(), gpu.Dry(dev.Adapter(), dev.Broadcast()), nil, r, s,
		session.Found{}, whitening, train, test)
	if err != nil {
		return err
	}
	defer on.Close()
	parts := ""
	if n := on.Trainer.MicroBatch(); n < batch {
		parts = fmt.Sprintf(", %d images at a time", n)
	}
	_, err = fmt.Fprintf(w, "%s, batch %d%s, planned for %s\n\n%-10s %-24s %-44s %8s  %s\n%s", titleOf(r.Name), batch, parts,
		dev.Adapter().Name, "layer", "kernel", "shape", "groups", "arguments", on.Trainer)
	return err
}

// titleOf returns the words for the recipe called name, or for a network of no recipe if name is
// empty.
func titleOf(name string) string {
	if name == "" {
		return "your own network"
	}
	return "recipe " + name
}
