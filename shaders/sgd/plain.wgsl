// w = w - lr * (g + decay * w). One invocation: one vec4. Accumulates into w.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Count) { return; }
  w[i] = w[i] - batch.rate * (g[i] + Decay * w[i]);
}
