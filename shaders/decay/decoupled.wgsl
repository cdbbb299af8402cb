// w = w - lr * decay * w, unless training has diverged. Shapes: w and decay [Count] of vec4.
// One invocation: one vec4. Accumulates into w.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Count || metrics.diverged != 0.0) { return; }
  w[i] = w[i] - batch.rate * decay[i] * w[i];
}
