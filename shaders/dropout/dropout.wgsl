// y = x / (1-p) with probability 1-p, else 0. The same kernel takes dY to dX:
// the mask is computed from counters, not stored.
// Shapes: x and y [N,RowElems]. One invocation: one element. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Rows * RowElems) { return; }
  let bits = random(batch.seed, batch.step, Stream, batch.row0 + i / RowElems, i % RowElems);
  y[i] = select(0.0, x[i] * Scale, bits >= Threshold);
}
