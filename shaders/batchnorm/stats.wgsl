// The mean and the sum of squared distances from it (M2) of each channel over the pixels of a
// chunk, of which those of masked images do not count; zeros where none does.
// Shapes: x [N*P,Stride]; part [Chunks,2,Stride], mean and M2. One invocation: one chunk and
// four channels. Assigns.
fn run(group : u32, lane : u32) {
  let at = group * 64u + lane;
  if (at >= Chunks * C4) { return; }
  let chunk = at / C4;
  let c = at % C4;
  let first = chunk * Size;
  let end = min(first + Size, batch.rows * P);
  var mean = vec4<f32>();
  var m2 = vec4<f32>();
  if (first < end) {
    for (var p = first; p < end; p = p + 1u) { mean = mean + x[p * C4 + c]; }
    mean = mean / f32(end - first);
    for (var p = first; p < end; p = p + 1u) {
      let d = x[p * C4 + c] - mean;
      m2 = m2 + d * d;
    }
  }
  part[chunk * 2u * C4 + c] = mean;
  part[(chunk * 2u + 1u) * C4 + c] = m2;
}
