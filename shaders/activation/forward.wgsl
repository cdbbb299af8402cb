// y = value(x), or NaN where x is NaN. In the padding of channels y is 0, although value(0) may
// differ from 0.
// Shapes: x and y [pixels,Stride], of which C are channels.
// One invocation: one vec4 of the flat tensor. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Count) { return; }
  let channel = (vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u)) % vec4<u32>(Stride);
  y[i] = select(vec4<f32>(), passNaN(value(x[i]), x[i]), channel < vec4<u32>(C));
}
