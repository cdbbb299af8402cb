// y[n] = values[order[offset + n]]; rows from batch.rows on are zero. Shapes: values
// [images,K], order [images of the epoch], y [N,K]. One invocation: one value. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= N * K) { return; }
  let n = i / K;
  var v = 0.0;
  if (n < batch.rows) { v = values[order[batch.offset + n] * K + i % K]; }
  y[i] = v;
}
