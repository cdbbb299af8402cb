// The sums of dY and of dY * xhat of each channel over the pixels of a chunk, where
// xhat = (x - mean) * inv; masked images do not count.
// Shapes: x and dY [N*P,Stride]; moments [2,Stride]; part [Chunks,2,Stride]. One invocation:
// one chunk and four channels. Assigns.
fn run(group : u32, lane : u32) {
  let at = group * 64u + lane;
  if (at >= Chunks * C4) { return; }
  let chunk = at / C4;
  let c = at % C4;
  let first = chunk * Size;
  let end = min(first + Size, batch.rows * P);
  var plain = vec4<f32>();
  var scaled = vec4<f32>();
  for (var p = first; p < end; p = p + 1u) {
    let d = dY[p * C4 + c];
    plain = plain + d;
    scaled = scaled + d * ((x[p * C4 + c] - moments[c]) * moments[C4 + c]);
  }
  part[chunk * 2u * C4 + c] = plain;
  part[(chunk * 2u + 1u) * C4 + c] = scaled;
}
