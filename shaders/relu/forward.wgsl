// y = max(x, 0). One invocation: one vec4 of the flat tensor. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i < Count) { y[i] = max(x[i], vec4<f32>()); }
}
