// dW = dW + the sum of the shares, or only the sum if batch.first.
// Shapes: part [Shares,Size], dW [Size] of vec4.
// One invocation: one vec4 of dW, share after share. Accumulates.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Size) { return; }
  var sum = select(dW[i], vec4<f32>(), batch.first == 1u);
  for (var share = 0u; share < Shares; share = share + 1u) { sum = sum + part[share * Size + i]; }
  dW[i] = sum;
}
