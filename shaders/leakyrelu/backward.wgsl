// dX = dY where x > 0, else Slope * dY: the gradient at 0 is Slope, as in PyTorch.
// One invocation: one vec4 of the flat tensor. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i < Count) { dX[i] = select(Slope * dY[i], dY[i], x[i] > vec4<f32>()); }
}
