// moments = the running mean and 1 / sqrt(running variance + Eps).
// Shapes: state and moments [2,C4], in vec4. One invocation: one vec4 of channels. Assigns.
fn run(group : u32, lane : u32) {
  let c = group * 64u + lane;
  if (c >= C4) { return; }
  moments[c] = state[c];
  moments[C4 + c] = inverseSqrt(state[C4 + c] + Eps);
}
