// y = 0.75 a + 0.25 b, to measure reading from two buffers and writing to a third. One invocation:
// one Elem. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  y[i] = 0.75 * a[i] + 0.25 * b[i];
}
