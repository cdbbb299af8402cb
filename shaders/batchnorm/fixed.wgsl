// The moments of an evaluation: the running mean, and 1/sqrt(running variance + eps).
// Shapes: state and moments [2,Stride]. One invocation: four channels. Assigns.
fn run(group : u32, lane : u32) {
  let c = group * 64u + lane;
  if (c >= C4) { return; }
  moments[c] = state[c];
  moments[C4 + c] = vec4<f32>(1.0) / sqrt(state[C4 + c] + Eps);
}
