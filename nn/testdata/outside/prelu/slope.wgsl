// dSlope = the sum over all pixels of x * dY where x <= 0. Adds to dSlope unless batch.first, so
// that the parts of a split batch add up.
// Shapes: x and dY [Pixels,Quads] of vec4, dSlope [Quads]. One invocation: one vec4 of dSlope,
// pixel after pixel, so that the order of the sum is fixed. Accumulates.
fn run(group : u32, lane : u32) {
  let c = group * 64u + lane;
  if (c >= Quads) { return; }
  var sum = select(dSlope[c], vec4<f32>(), batch.first == 1u);
  for (var p = 0u; p < Pixels; p = p + 1u) {
    let i = p * Quads + c;
    sum = sum + select(x[i] * dY[i], vec4<f32>(), x[i] > vec4<f32>());
  }
  dSlope[c] = sum;
}
