// y = max(x, 0), NaN where x is. One invocation: one vec4 of the flat tensor. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i < Count) { y[i] = rectify(x[i]); }
}
