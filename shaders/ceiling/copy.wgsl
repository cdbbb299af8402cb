// y = x: what the memory allows. One invocation: one vec4. Assigns.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i < Count) { y[i] = x[i]; }
}
