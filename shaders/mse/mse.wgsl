// Mean squared error of one batch: for each row the mean of (x - target)^2 over K values, and
// the gradient of the batch's mean, dX = (x - target) * 2 * Mean * invImages, with Mean = 1/K.
// Rows from batch.rows on are masked: all zero. Shapes: x and dX [N,Stride], of which the first
// K of a row count and the rest is padding; target [N,K]; row [N] holds (loss, 0). One
// invocation: one row. Assigns.
fn run(group : u32, lane : u32) {
  let n = group * 64u + lane;
  if (n >= N) { return; }
  var sum = 0.0;
  for (var c = 0u; c < Stride; c = c + 1u) {
    var d = 0.0;
    if (c < K && n < batch.rows) { d = x[n * Stride + c] - target_[n * K + c]; }
    sum = sum + d * d;
    dX[n * Stride + c] = d * (2.0 * Mean * batch.invImages);
  }
  row[n] = vec2<f32>(sum * Mean, 0.0);
}
