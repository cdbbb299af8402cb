// Adds up the chunks' sums in their order: total has the sums of dY and of dY * xhat, and dW
// takes the gradients of gamma and beta, from zero if batch.first.
// Shapes: part [Chunks,2,Stride]; total [2,Stride]; dW [2,Stride], of gamma and beta. One
// invocation: four channels. Assigns total, accumulates into dW.
fn run(group : u32, lane : u32) {
  let c = group * 64u + lane;
  if (c >= C4) { return; }
  var plain = vec4<f32>();
  var scaled = vec4<f32>();
  for (var k = 0u; k < Chunks; k = k + 1u) {
    plain = plain + part[k * 2u * C4 + c];
    scaled = scaled + part[(k * 2u + 1u) * C4 + c];
  }
  total[c] = plain;
  total[C4 + c] = scaled;
  let fresh = batch.first == 1u;
  dW[c] = select(dW[c], vec4<f32>(), fresh) + scaled;
  dW[C4 + c] = select(dW[C4 + c], vec4<f32>(), fresh) + plain;
}
