// dX = dY where y > 0, else 0: the gradient of relu at 0 is 0.
// One invocation: one vec4 of the flat tensor. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i < Count) { dX[i] = select(vec4<f32>(), dY[i], y[i] > vec4<f32>()); }
}
