// y = x where x > 0, else Slope * x. One invocation: one vec4 of the flat tensor.
// Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i < Count) { y[i] = select(Slope * x[i], x[i], x[i] > vec4<f32>()); }
}
