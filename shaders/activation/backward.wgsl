// dX = dY * slope(x), or NaN where x is NaN. dY is 0 in the padding of channels.
// One invocation: one vec4 of the flat tensor. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i < Count) { dX[i] = dY[i] * passNaN(slope(x[i]), x[i]); }
}
