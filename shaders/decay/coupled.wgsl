// g = g + decay * w. Shapes: g, w and decay [Count] of vec4. One invocation: one vec4.
// Accumulates into g.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Count) { return; }
  g[i] = g[i] + decay[i] * w[i];
}
