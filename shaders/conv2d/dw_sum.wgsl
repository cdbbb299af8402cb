// Adds the shares of the weight gradient to dW in order. If batch.first is 1, assigns their sum
// instead.
// Shapes: part [Shares,Count], dW [Count] of vec4. One invocation: one vec4. Accumulates.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Count) { return; }
  var sum = select(dW[i], vec4<f32>(), batch.first == 1u);
  for (var j = 0u; j < Shares; j = j + 1u) {
    sum = sum + part[j * Count + i];
  }
  dW[i] = sum;
}
