// g = g * factor. Shapes: g [Count] of vec4, factor [1]. One invocation: one vec4.
// Accumulates into g.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Count) { return; }
  g[i] = g[i] * factor[0];
}
