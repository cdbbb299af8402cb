// v = momentum * v + g + decay * w;  w = w - lr * v. v starts from zero.
// One invocation: one vec4. Accumulates into w and v.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Count) { return; }
  let step = Momentum * v[i] + (g[i] + Decay * w[i]);
  v[i] = step;
  w[i] = w[i] - batch.rate * step;
}
