// The mean and 1/sqrt(variance + eps) of each channel, from those of the chunks in their order
// (Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
// Variances", 1979). The variance divides by the number of pixels; the running one, which
// follows as running = (1 - momentum) * running + momentum * new, by one less.
// Shapes: part [Chunks,2,Stride]; state [2,Stride], running mean and variance; moments
// [2,Stride]. One invocation: four channels. Assigns moments, accumulates into state.
fn run(group : u32, lane : u32) {
  let c = group * 64u + lane;
  if (c >= C4) { return; }
  let pixels = batch.rows * P;
  var mean = vec4<f32>();
  var m2 = vec4<f32>();
  for (var k = 0u; k < Chunks && k * Size < pixels; k = k + 1u) {
    let n = f32(k * Size);
    let more = f32(min(Size, pixels - k * Size));
    let d = part[k * 2u * C4 + c] - mean;
    mean = mean + d * (more / (n + more));
    m2 = m2 + part[(k * 2u + 1u) * C4 + c] + d * d * (n * more / (n + more));
  }
  moments[c] = mean;
  moments[C4 + c] = vec4<f32>(1.0) / sqrt(m2 / f32(pixels) + Eps);
  state[c] = Rest * state[c] + Momentum * mean;
  state[C4 + c] = Rest * state[C4 + c] + Momentum * (m2 / f32(max(pixels, 2u) - 1u));
}
