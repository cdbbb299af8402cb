// part = the sums of dY and of dY * xhat over the chunk's pixels, where
// xhat = (x - mean) / sqrt(variance + Eps). Images from batch.rows on are masked.
// Shapes: x and dY [N,P,C4], moments [2,C4], part [Chunks,2,C4], in vec4.
// One invocation: one vec4 of channels of a chunk, pixel after pixel. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Chunks * C4) { return; }
  let c = i % C4;
  let chunk = i / C4;
  let count = counted(chunk);
  let start = chunk * Length * C4 + c;
  let mean = moments[c];
  let inverse = moments[C4 + c];
  var sum = vec4<f32>();
  var product = vec4<f32>();
  for (var p = 0u; p < count; p = p + 1u) {
    let d = dY[start + p * C4];
    sum = sum + d;
    product = product + d * ((x[start + p * C4] - mean) * inverse);
  }
  part[2u * chunk * C4 + c] = sum;
  part[(2u * chunk + 1u) * C4 + c] = product;
}
