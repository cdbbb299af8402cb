// Mean squared error of one batch: for each row the mean of (x - target)^2 over its C*Pixels
// values, and the gradient of the batch's mean, dX = (x - target) * 2 * Mean * invImages, with Mean
// = 1/(C*Pixels). Rows from batch.rows on are masked: all zero. Shapes: x and dX [N,Pixels,Stride],
// of which the first C of a pixel count and the rest is padding; target [N,C,Pixels]; row [N] holds
// (loss, 0). One invocation: one row. Assigns.
fn run(group : u32, lane : u32) {
  let n = group * 64u + lane;
  if (n >= N) { return; }
  var sum = 0.0;
  for (var p = 0u; p < Pixels; p = p + 1u) {
    for (var c = 0u; c < Stride; c = c + 1u) {
      let at = (n * Pixels + p) * Stride + c;
      var d = 0.0;
      if (c < C && n < batch.rows) { d = x[at] - target_[(n * C + c) * Pixels + p]; }
      sum = sum + d * d;
      dX[at] = d * (2.0 * Mean * batch.invImages);
    }
  }
  row[n] = vec2<f32>(sum * Mean, 0.0);
}
