// y = x, to measure reading from one buffer and writing to another. One invocation: one Elem.
// Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  y[i] = x[i];
}
