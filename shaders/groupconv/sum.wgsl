// dW = the sum of the shares, on top of what is there unless batch.first.
// Shapes: part [Shares,Size], dW [Size].
// One invocation: one element of dW, share after share. Accumulates.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Size) { return; }
  var sum = select(dW[i], 0.0, batch.first == 1u);
  for (var share = 0u; share < Shares; share = share + 1u) { sum = sum + part[share * Size + i]; }
  dW[i] = sum;
}
