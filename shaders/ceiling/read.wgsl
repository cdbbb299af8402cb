// y = the sum of Turns values of x, to measure reading. One invocation: one Elem of y. Assigns.
fn run(group : u32, lane : u32) {
  var sum = Elem();
  for (var k = 0u; k < Turns; k = k + 1u) {
    sum = sum + x[(group * Turns + k) * 64u + lane];
  }
  y[group * 64u + lane] = sum;
}
