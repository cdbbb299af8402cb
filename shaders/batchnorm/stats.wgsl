// part = the mean of x over the chunk's pixels, and the sum of the squared distances from it;
// zeros for a chunk without pixels. Images from batch.rows on are masked.
// Shapes: x [N,P,C4], part [Chunks,2,C4], in vec4.
// One invocation: one vec4 of channels of a chunk, pixel after pixel. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Chunks * C4) { return; }
  let c = i % C4;
  let chunk = i / C4;
  let count = counted(chunk);
  let start = chunk * Length * C4 + c;
  var sum = vec4<f32>();
  for (var p = 0u; p < count; p = p + 1u) { sum = sum + x[start + p * C4]; }
  let mean = sum / f32(max(count, 1u));
  var squares = vec4<f32>();
  for (var p = 0u; p < count; p = p + 1u) {
    let d = x[start + p * C4] - mean;
    squares = squares + d * d;
  }
  part[2u * chunk * C4 + c] = mean;
  part[(2u * chunk + 1u) * C4 + c] = squares;
}
