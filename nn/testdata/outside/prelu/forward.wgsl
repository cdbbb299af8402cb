// y = x where x > 0, else slope * x, with a slope for each channel.
// Shapes: x and y [Pixels,Quads] of vec4, slope [Quads]. One invocation: one vec4. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Pixels * Quads) { return; }
  y[i] = select(slope[i % Quads] * x[i], x[i], x[i] > vec4<f32>());
}
