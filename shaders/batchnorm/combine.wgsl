// moments = the mean and 1 / sqrt(variance + Eps) of the chunks together, by Chan's formula.
// state = (1 - Momentum) * state + Momentum * new, where new is the mean and the unbiased
// variance. Without images, state stays unchanged.
// Shapes: part [Chunks,2,C4], moments and state [2,C4], in vec4.
// One invocation: one vec4 of channels, chunk after chunk. Assigns moments, accumulates into
// state.
fn run(group : u32, lane : u32) {
  let c = group * 64u + lane;
  if (c >= C4) { return; }
  var seen = 0u;
  var mean = vec4<f32>();
  var squares = vec4<f32>();
  for (var chunk = 0u; chunk < Chunks; chunk = chunk + 1u) {
    let count = counted(chunk);
    if (count == 0u) { break; }
    let share = f32(count) / f32(seen + count);
    let d = part[2u * chunk * C4 + c] - mean;
    mean = mean + d * share;
    squares = squares + part[(2u * chunk + 1u) * C4 + c] + d * (d * (f32(seen) * share));
    seen = seen + count;
  }
  moments[c] = mean;
  moments[C4 + c] = inverseSqrt(squares / f32(max(seen, 1u)) + Eps);
  if (seen > 0u) {
    state[c] = (1.0 - Momentum) * state[c] + Momentum * mean;
    state[C4 + c] = (1.0 - Momentum) * state[C4 + c] + Momentum * (squares / f32(max(seen, 2u) - 1u));
  }
}
