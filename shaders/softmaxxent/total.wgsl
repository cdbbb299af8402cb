// metrics = (sum of losses, number correct, number of rows) over the batch, on
// top of what is there unless batch.first.
// Shapes: row [N] of (loss, correct), metrics [4]. One invocation in all, for a
// fixed order of summation. Accumulates.
fn run(group : u32, lane : u32) {
  var sum = vec2<f32>();
  for (var n = 0u; n < batch.rows; n = n + 1u) {
    sum = sum + row[n];
  }
  let before = select(metrics[0], vec4<f32>(), batch.first == 1u);
  metrics[0] = before + vec4<f32>(sum, f32(batch.rows), 0.0);
}
