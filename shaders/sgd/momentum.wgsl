// v = momentum * v + g + decay * w;  w = w - lr * v, or with Nesterov's momentum
// w = w - lr * (g + decay * w + momentum * v), unless training has diverged.
// v starts from zero. Records an infinite or NaN weight.
// One invocation: one vec4. Accumulates into w and v.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Count || metrics.diverged != 0.0) { return; }
  let slope = g[i] + Decay * w[i];
  let step = Momentum * v[i] + slope;
  v[i] = step;
  w[i] = w[i] - batch.rate * select(step, slope + Momentum * step, Nesterov);
  if (overflows(w[i])) { atomicStore(&metrics.overflow, bitcast<u32>(1.0)); }
}
