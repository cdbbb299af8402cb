// total = the sums over the chunks of dY and of dY * xhat. The second is the gradient of gamma, the
// first that of beta; dW adds them up, beginning with zero if batch.first.
// Shapes: part [Chunks,2,C4], total and dW [2,C4], in vec4.
// One invocation: one vec4 of channels, chunk after chunk. Assigns total, accumulates into dW.
fn run(group : u32, lane : u32) {
  let c = group * 64u + lane;
  if (c >= C4) { return; }
  var sum = vec4<f32>();
  var product = vec4<f32>();
  for (var chunk = 0u; chunk < Chunks; chunk = chunk + 1u) {
    sum = sum + part[2u * chunk * C4 + c];
    product = product + part[(2u * chunk + 1u) * C4 + c];
  }
  total[c] = sum;
  total[C4 + c] = product;
  let start = batch.first == 1u;
  dW[c] = select(dW[c], vec4<f32>(), start) + product;
  dW[C4 + c] = select(dW[C4 + c], vec4<f32>(), start) + sum;
}
