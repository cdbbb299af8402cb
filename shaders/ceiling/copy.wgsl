// y = x: what the memory allows to read from one place and write to another. One invocation: one
// Elem. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  y[i] = x[i];
}
