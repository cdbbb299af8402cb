// g' = g + decay * w, or for AdamW g' = g and w = w - lr * decay * w;
// m = beta1 * m + (1 - beta1) * g';  v = beta2 * v + (1 - beta2) * g'^2;
// w = w - lr * m * correction1 / (sqrt(v) * correction2 + eps), unless training has
// diverged. m and v start from zero. Records an infinite or NaN weight.
// One invocation: one vec4. Accumulates into w, m and v.
fn run(group : u32, lane : u32) {
  let i = group * 64u + lane;
  if (i >= Count || metrics.diverged != 0.0) { return; }
  let before = w[i];
  let slope = select(g[i] + Decay * before, g[i], Decoupled);
  let mean = Beta1 * m[i] + Rest1 * slope;
  let square = Beta2 * v[i] + Rest2 * (slope * slope);
  m[i] = mean;
  v[i] = square;
  let decayed = select(before, before - batch.rate * Decay * before, Decoupled);
  w[i] = decayed - batch.rate * (batch.correction1 * mean / (sqrt(square) * batch.correction2 + Eps));
  if (overflows(w[i])) { atomicStore(&metrics.overflow, bitcast<u32>(1.0)); }
}
