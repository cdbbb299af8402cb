// Adds the loss and the correctness of the rows to the metrics, which start from zero if
// batch.first. Sets metrics.diverged once training has diverged; it stays set.
// Shapes: row [N] of (loss, correct). One invocation in all, for a fixed order
// of summation. Accumulates.
fn run(group : u32, lane : u32) {
  var sum = vec2<f32>();
  for (var n = 0u; n < batch.rows; n = n + 1u) {
    sum = sum + row[n];
  }
  let before = select(vec2<f32>(metrics.loss, metrics.correct), vec2<f32>(), batch.first == 1u);
  let now = before + sum;
  metrics.loss = now.x;
  metrics.correct = now.y;
  if (overflows(now.xxxx) || atomicLoad(&metrics.overflow) != 0u) {
    metrics.diverged = 1.0;
  }
}
