// y = (x - mean) / sqrt(variance + Eps) * gamma + beta.
// Shapes: x and y [N,P,C4], moments and w [2,C4], in vec4. One invocation: one vec4. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Count) { return; }
  let c = i % C4;
  y[i] = (x[i] - moments[c]) * moments[C4 + c] * w[c] + w[C4 + c];
}
