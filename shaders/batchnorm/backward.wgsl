// dX = gamma * inv * (dY - sum(dY)/n - xhat * sum(dY * xhat)/n) over the n pixels that count, or
// gamma * inv * dY where the moments are the running ones; zero for masked images.
// Shapes: x, dY and dX [N*P,Stride]; moments, total and w [2,Stride]. One invocation: four
// channels of a pixel. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Elems) { return; }
  let c = i % C4;
  let pixels = batch.rows * P;
  var d = dY[i];
  if (!Running) {
    let share = 1.0 / f32(pixels);
    let xhat = (x[i] - moments[c]) * moments[C4 + c];
    d = d - total[c] * share - xhat * (total[C4 + c] * share);
  }
  dX[i] = select(vec4<f32>(), w[c] * moments[C4 + c] * d, i < pixels * C4);
}
