// dX = dY where x > 0, else slope * dY.
// Shapes: x, dY and dX [Pixels,Quads] of vec4, slope [Quads]. One invocation: one vec4. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Pixels * Quads) { return; }
  dX[i] = select(slope[i % Quads] * dY[i], dY[i], x[i] > vec4<f32>());
}
