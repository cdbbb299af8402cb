// dX = gamma / sqrt(variance + Eps) * (dY - sum / n - xhat * product / n), where sum and product
// are the totals of dY and of dY * xhat, and n is the number of pixels. With Running, the moments
// do not depend on x, and dX = gamma / sqrt(variance + Eps) * dY. Images from batch.rows on are
// masked: their dX is zero.
// Shapes: x, dY and dX [N,P,C4], moments, total and w [2,C4], in vec4.
// One invocation: one vec4. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Count) { return; }
  if (i / C4 >= batch.rows * P) {
    dX[i] = vec4<f32>();
    return;
  }
  let c = i % C4;
  let inverse = moments[C4 + c];
  var d = dY[i];
  if (!Running) {
    let n = f32(batch.rows * P);
    d = d - total[c] / n - (x[i] - moments[c]) * inverse * (total[C4 + c] / n);
  }
  dX[i] = w[c] * inverse * d;
}
