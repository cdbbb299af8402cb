// w = w - lr * (g + decay * w), unless training has diverged. Records an infinite
// or NaN weight. One invocation: one vec4. Accumulates into w.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Count || metrics.diverged != 0.0) { return; }
  w[i] = w[i] - batch.rate * (g[i] + Decay * w[i]);
  if (overflows(w[i])) { atomicStore(&metrics.overflow, bitcast<u32>(1.0)); }
}
