// acc = acc + x. One invocation: one Elem of the flat tensors. Accumulates.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i < Count) { acc[i] = acc[i] + x[i]; }
}
